# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives: their names, what is written beside each, and which of them stay.

``20261121T140419Z-etcd-cp1.tar.gz.aes`` and the same with ``.json`` behind it, which is written last: what has none is not whole.
"""

from __future__ import annotations

import os
import re
import time
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.files import STAMP, taken_at
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.retention import Keep, sort_out
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json

#: With a snapshot of etcd in it; or, from a control plane whose etcd is elsewhere, files alone.
ETCD, FILES = "etcd", "files"
NAME = re.compile(r"(?P<stamp>\d{8}T\d{6}Z)-(?P<kind>etcd|files)-(?P<host>[A-Za-z0-9][A-Za-z0-9._-]*)\.tar\.gz\.(?P<end>aes|age)\Z")
BESIDE = ".json"


class Archive(NamedTuple):
    """A whole archive. ``path`` is its file, or its key in a bucket."""

    path: str
    taken: float
    kind: str
    host: str
    size: int = 0
    cut: bool = False

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def archive_name(taken: float, kind: str, host: str, end: str) -> str:
    return "%s-%s-%s.tar.gz.%s" % (time.strftime(STAMP, time.gmtime(taken)), kind, host, end)


def parse(path: str, size: int = 0) -> Optional[Archive]:
    """The archive that a path or key names, or None."""
    found = NAME.match(path.rpartition("/")[2])
    taken = taken_at("x-%s.db" % found.group("stamp")) if found else None
    if not found or taken is None:
        return None
    return Archive(path, taken, found.group("kind"), found.group("host"), size)


def whole(names: Iterable[Tuple[str, int]]) -> List[Archive]:
    """Those of the paths (with their sizes) that are archives with what is written beside them, oldest first."""
    sizes = dict(names)
    parsed = [parse(path, size) for path, size in sizes.items() if path + BESIDE in sizes]
    return sorted((archive for archive in parsed if archive is not None), key=lambda archive: (archive.taken, archive.path))


def in_directory(directory: str) -> List[Archive]:
    """The whole archives of a directory, oldest first; none where there is no such directory.

    :raises BackupError: there is one, and it can't be read.
    """
    try:
        with os.scandir(directory) as entries:
            return whole((entry.path, entry.stat().st_size) for entry in entries if entry.is_file())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BackupError(directory, "it can't be read: %s" % error.strerror, "name a directory that root can read")


def to_prune(archives: Iterable[Archive], keep: Keep) -> List[Archive]:
    """Those that go. Snapshots are one row, whoever took them; files are a row for each host."""
    rows: Dict[Tuple[str, str], List[Archive]] = {}
    for archive in archives:
        rows.setdefault((archive.kind, archive.host if archive.kind == FILES else ""), []).append(archive)
    gone: List[Archive] = []
    for row in rows.values():
        gone += sort_out(row, keep)[1]
    return gone


def read_beside(text: Optional[str], path: str) -> Dict[str, Any]:
    """What is written beside an archive: cluster, sha256, mac, salt, iterations, snapshot, trial.

    :raises BackupError: it is missing or damaged.
    """
    try:
        data = from_json(text or "")
    except ValueError:
        data = None
    if not isinstance(data, dict) or not isinstance(data.get("sha256"), str):
        raise BackupError(
            path + BESIDE, "it is missing or damaged", "take it from where the archive came from, or choose another backup"
        )
    return data
