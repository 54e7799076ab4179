# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle on a host: which of its files are there, and how those that came are put in their place."""

from __future__ import annotations

import os
import shutil
from typing import Dict, List, Mapping, NamedTuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.digests import DigestStore, sha256_of
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.install import STORE
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import FILE_NAME, BundleError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file


class Received(NamedTuple):
    """Files that are missing still, and whether anything was (in check mode: would be) changed."""

    missing: List[str]
    changed: bool


def receive(
    path: str, files: Mapping[str, str], manifest: str, incoming: Mapping[str, str], check: bool, store_path: str = STORE
) -> Received:
    """Take what came (path in the bundle -> temporary file); bundle.json is written when no file is missing any more.

    :raises BundleError: a file is not what was sent.
    """
    for name in {**files, **incoming}:
        if name not in files or name.startswith("/") or ".." in name.split("/"):
            raise BundleError(str(name), "it is no file of the bundle", "let playbook offline send it")
    for name, temporary in incoming.items():
        digest = sha256_of(temporary)
        if digest != files[name]:
            raise BundleError(
                name, "it came with the sha256 %s, and %s was sent" % (digest, files[name]), "look at the host's disk and memory"
            )
        _place(temporary, os.path.join(path, name))
    store = DigestStore(store_path)
    found: Dict[str, str] = {name: str(store.digest(os.path.join(path, name))) for name in files}
    missing = sorted(name for name, digest in files.items() if found[name] != digest)
    stale = not missing and _read(os.path.join(path, FILE_NAME)) != manifest
    if not check:
        store.save()
        if stale:
            os.makedirs(path, mode=0o755, exist_ok=True)
            replace_file(os.path.join(path, FILE_NAME), manifest)
    return Received(missing, bool(incoming) or stale or (check and bool(missing)))


def _place(temporary: str, path: str) -> None:
    """Into the file system of its place first, so that it is there whole or not at all."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    undone = os.path.join(os.path.dirname(path), ".%s.new" % os.path.basename(path))
    shutil.move(temporary, undone)
    os.chown(undone, os.geteuid(), os.getegid())
    # Package managers read their repository as a user of their own.
    os.chmod(undone, 0o644)
    os.replace(undone, path)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except OSError:
        return ""
