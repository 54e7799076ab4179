# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle's table of contents, bundle.json: programs, CNI plugins and image archives, each with its checksum."""

from __future__ import annotations

import json
import posixpath
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError

_SHA256 = re.compile(r"[0-9a-f]{64}$")
FILE_NAME = "bundle.json"


class BundleError(ProblemError):
    """``subject`` of a bundle can't be used because of ``problem``; ``remedy`` is what a person does next."""


class Archive(NamedTuple):
    """One image archive: its path in the bundle, the images in it, and the roles of nodes that need them."""

    path: str
    sha256: str
    references: List[str]
    roles: List[str]


class Manifest(NamedTuple):
    """The whole of bundle.json; programs and plugins are name -> sha256."""

    kubernetes_version: str
    binaries: Dict[str, str]
    cni: Dict[str, str]
    images: List[Archive]


def parse_manifest(text: Optional[str], where: str) -> Manifest:
    """The manifest in the text of bundle.json at ``where``.

    :raises BundleError: it is absent (None), no JSON, or an entry is not what it should be.
    """
    if text is None:
        raise BundleError(
            where, "there is no such file", "put the bundle on the node first, or name its folder in packages_bundle_path"
        )
    try:
        data = json.loads(text)
    except ValueError as error:
        raise BundleError(where, "it is no JSON: %s" % error, "make the bundle anew; it may have been cut off while it was copied")
    if not isinstance(data, dict) or not isinstance(data.get("kubernetes_version"), str):
        raise BundleError(where, "kubernetes_version is missing", "make the bundle anew")
    return Manifest(
        data["kubernetes_version"].lstrip("v"),
        _digests(data, "binaries", where),
        _digests(data, "cni", where),
        [_archive(entry, where) for entry in data.get("images") or []],
    )


def _digests(data: Mapping[str, Any], key: str, where: str) -> Dict[str, str]:
    entries = data.get(key) or {}
    for name, digest in entries.items():
        if name != posixpath.basename(name) or name in ("", ".", ".."):
            raise BundleError(where, "%s names %r, which is no plain file name" % (key, name), "make the bundle anew")
        _check_digest(where, "%s %s" % (key, name), digest)
    return dict(entries)


def _archive(entry: Mapping[str, Any], where: str) -> Archive:
    path = posixpath.normpath(str(entry.get("archive") or ""))
    if path.startswith(("/", "..")) or path == ".":
        raise BundleError(where, "the archive %r lies outside the bundle" % entry.get("archive"), "make the bundle anew")
    _check_digest(where, path, entry.get("sha256"))
    return Archive(path, entry["sha256"], list(entry.get("references") or []), list(entry.get("roles") or []))


def _check_digest(where: str, what: str, digest: Any) -> None:
    if not isinstance(digest, str) or not _SHA256.match(digest):
        raise BundleError(where, "%s has no sha256" % what, "make the bundle anew")
