# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle's table of contents, bundle.json: programs, CNI plugins, image archives, charts and packages, each with its checksum."""

from __future__ import annotations

import json
import posixpath
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_SYSTEM = re.compile(r"[a-z0-9][a-z0-9.-]*\Z")
FILE_NAME = "bundle.json"


class BundleError(ProblemError):
    """``subject`` of a bundle can't be used because of ``problem``; ``remedy`` is what a person does next."""


class Archive(NamedTuple):
    """One image archive: its path in the bundle, the images in it, and the roles of nodes that need them."""

    path: str
    sha256: str
    references: List[str]
    roles: List[str]
    #: What the registry called the image when it was fetched; empty where nobody asked.
    digest: str = ""


class Chart(NamedTuple):
    """A Helm chart in charts/, and the images that its objects name."""

    name: str
    version: str
    file: str
    sha256: str
    images: List[str]


class Repository(NamedTuple):
    """Packages of one system, as debian-12, in packages/SYSTEM: a repository of its own; files by their path in it -> sha256."""

    system: str
    names: List[str]
    files: Dict[str, str]


class Manifest(NamedTuple):
    """The whole of bundle.json; programs and plugins are name -> sha256."""

    kubernetes_version: str
    binaries: Dict[str, str]
    cni: Dict[str, str]
    images: List[Archive]
    charts: List[Chart] = []
    packages: List[Repository] = []
    #: Path in the bundle -> bytes. A lab's bundle, and those made by hand, may have none.
    sizes: Dict[str, int] = {}
    #: Address of what was downloaded -> the paths in the bundle that came of it.
    sources: Dict[str, List[str]] = {}

    def files(self) -> Dict[str, str]:
        """Path in the bundle -> sha256, of all but bundle.json itself."""
        found = {"bin/" + name: digest for name, digest in self.binaries.items()}
        found.update({"cni/" + name: digest for name, digest in self.cni.items()})
        found.update({archive.path: archive.sha256 for archive in self.images})
        found.update({"charts/" + chart.file: chart.sha256 for chart in self.charts})
        for repository in self.packages:
            prefix = "packages/%s/" % repository.system
            found.update({prefix + path: digest for path, digest in repository.files.items()})
        return found

    def files_for(self, roles: Sequence[str], system: str) -> Dict[str, str]:
        """Those of ``files`` that a host has use for; one without roles is no node, and takes packages only."""
        archives = {one.path for one in self.images if not one.roles or set(one.roles) & set(roles)}
        folders = (["bin/", "cni/"] if roles else []) + (["charts/"] if "control_plane" in roles else [])
        folders.append("packages/%s/" % system)
        return {
            path: digest
            for path, digest in self.files().items()
            if path.startswith(tuple(folders)) or (roles and path in archives)
        }

    def data(self) -> Dict[str, Any]:
        """What bundle.json holds."""
        return {
            "kubernetes_version": self.kubernetes_version,
            "binaries": self.binaries,
            "cni": self.cni,
            "images": [
                {
                    "archive": archive.path,
                    "sha256": archive.sha256,
                    "roles": archive.roles,
                    "references": archive.references,
                    "digest": archive.digest,
                }
                for archive in self.images
            ],
            "charts": [chart._asdict() for chart in self.charts],
            "packages": [repository._asdict() for repository in self.packages],
            "sizes": self.sizes,
            "sources": self.sources,
        }

    def text(self) -> str:
        return json.dumps(self.data(), indent=1, sort_keys=True) + "\n"


#: Checksums are looked at one by one, for the sake of what is said of them.
_DIGESTS = {str: object}
FORM = {
    "kubernetes_version": str,
    "binaries?": _DIGESTS,
    "cni?": _DIGESTS,
    "images?": [{"archive?": str, "sha256?": object, "references?": [str], "roles?": [str], "digest?": str}],
    "charts?": [{"name?": str, "version?": str, "file?": str, "sha256?": object, "images?": [str]}],
    "packages?": [{"system?": str, "names?": [str], "files?": _DIGESTS}],
    "sizes?": {str: int},
    "sources?": {str: [str]},
}


def parse_manifest(text: Optional[str], where: str) -> Manifest:
    """The manifest in the text of bundle.json at ``where``.

    :raises BundleError: it is absent (None), no JSON, or an entry is not what it should be.
    """
    if text is None:
        raise BundleError(
            where, "there is no such file", "put the bundle on the node first, or name its folder in packages_bundle_path"
        )
    try:
        data = from_json(text, FORM)
    except ValueError as error:
        raise BundleError(where, str(error), "make the bundle anew; it may have been cut off while it was copied")
    return Manifest(
        data["kubernetes_version"].lstrip("v"),
        _digests(data, "binaries", where),
        _digests(data, "cni", where),
        [_archive(entry, where) for entry in data.get("images") or []],
        [_chart(entry, where) for entry in data.get("charts") or []],
        [_repository(entry, where) for entry in data.get("packages") or []],
        {str(path): int(size) for path, size in (data.get("sizes") or {}).items()},
        {str(url): list(paths) for url, paths in (data.get("sources") or {}).items()},
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
    references, roles = list(entry.get("references") or []), list(entry.get("roles") or [])
    return Archive(path, entry["sha256"], references, roles, str(entry.get("digest") or ""))


def _chart(entry: Mapping[str, Any], where: str) -> Chart:
    ((file, sha256),) = _digests({"charts": {str(entry.get("file") or ""): entry.get("sha256")}}, "charts", where).items()
    return Chart(str(entry.get("name")), str(entry.get("version")), file, sha256, list(entry.get("images") or []))


def _repository(entry: Mapping[str, Any], where: str) -> Repository:
    system = str(entry.get("system") or "")
    if not _SYSTEM.match(system):
        raise BundleError(where, "packages names the system %r" % system, "make the bundle anew")
    files = entry.get("files") or {}
    for path, digest in files.items():
        if posixpath.normpath(path) != path or path.startswith(("/", "..")):
            raise BundleError(where, "packages names %r, which lies outside the bundle" % path, "make the bundle anew")
        _check_digest(where, "packages %s" % path, digest)
    return Repository(system, list(entry.get("names") or []), dict(files))


def _check_digest(where: str, what: str, digest: Any) -> None:
    if not isinstance(digest, str) or not _SHA256.match(digest):
        raise BundleError(where, "%s has no sha256" % what, "make the bundle anew")
