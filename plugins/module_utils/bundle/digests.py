# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checksums of files that are computed once for each content: a file whose size, time and inode are as they were is the same."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Dict, List, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json

_CHUNK = 1 << 20


def sha256_of(path: str) -> str:
    """The sha256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as stream:
        for chunk in iter(lambda: stream.read(_CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


class DigestStore:
    """Remembers checksums in a small file on the host. A damaged or missing one only costs the time to compute them again."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._changed = False
        self._known: Dict[str, List[Any]] = {}
        try:
            with open(path, encoding="utf-8") as stream:
                known = from_json(stream.read())["files"]
            self._known = {name: list(entry) for name, entry in known.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass

    def digest(self, path: str) -> Optional[str]:
        """The sha256 of the file, or None where there is none."""
        try:
            found = os.stat(path)
        except OSError:
            return None
        signature = [found.st_size, found.st_mtime_ns, found.st_ino]
        known = self._known.get(path)
        if known is not None and known[:3] == signature:
            return str(known[3])
        digest = sha256_of(path)
        self._known[path] = signature + [digest]
        self._changed = True
        return digest

    def save(self) -> None:
        """Write what was learnt, if anything was; files that are gone are forgotten."""
        if not self._changed:
            return
        self._known = {path: entry for path, entry in self._known.items() if os.path.exists(path)}
        os.makedirs(os.path.dirname(self._path), mode=0o755, exist_ok=True)
        replace_file(self._path, json.dumps({"files": self._known}, indent=1, sort_keys=True))
        self._changed = False
