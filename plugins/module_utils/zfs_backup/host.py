# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ZFS has on this host: datasets with their snapshots and bookmarks, and the few commands that a send needs."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, Result, Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.settings import SCRATCH, Wanted

TIMEOUT = 600
#: Our hold on a snapshot that is being sent, and what our bookmarks begin with.
OURS = "kubernetes-zfs-backup"
#: What role zfs_backup lets sanoid name its snapshots.
SANOID = "autosnap_"
READ = "name,type,guid,createtxg,creation,encryption,userrefs"


class Mark(NamedTuple):
    """A snapshot or a bookmark: from either a later snapshot can be sent."""

    ref: str
    guid: str
    createtxg: int
    created: int
    held: bool = False

    @property
    def name(self) -> str:
        return self.ref.replace("#", "@").partition("@")[2]


class Dataset(NamedTuple):
    """Snapshots are oldest first."""

    name: str
    created: int = 0
    volume: bool = False
    encrypted: bool = False
    snapshots: Tuple[Mark, ...] = ()
    bookmarks: Tuple[Mark, ...] = ()

    def snapshot(self, guid: str) -> Optional[Mark]:
        return next((mark for mark in self.snapshots if mark.guid == guid), None)

    def base(self, guid: str) -> Optional[Mark]:
        """What an increment can begin from. A bookmark stays when sanoid takes its snapshot away."""
        return next((mark for mark in self.snapshots + self.bookmarks if mark.guid == guid), None)


class Zfs:
    """The program zfs of this host."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner

    def read(self, wanted: Wanted) -> List[Dataset]:
        """The dataset, and with ``recursive`` all in it.

        :raises BackupError: it is not there.
        """
        depth = ["-r"] if wanted.recursive else ["-d", "1"]
        kinds = "filesystem,volume,snapshot,bookmark"
        text = self.run(["list", "-Hp", *depth, "-t", kinds, "-o", READ, wanted.name], "name a dataset that is there").stdout
        found: Dict[str, Dataset] = {}
        marks: List[Tuple[str, str, Mark]] = []
        for line in text.splitlines():
            name, kind, guid, createtxg, creation, encryption, userrefs = (line.split("\t") + [""] * 7)[:7]
            if not is_digits(creation) or not is_digits(createtxg):
                remedy = "run it by hand: is it OpenZFS 2.1 or newer?"
                raise BackupError("zfs list %s" % wanted.name, "it prints %r" % line[:200], remedy)
            if kind in ("filesystem", "volume"):
                found[name] = Dataset(name, int(creation), kind == "volume", encryption not in ("off", "-", ""))
            else:
                mark = Mark(name, guid, int(createtxg), int(creation), is_digits(userrefs) and int(userrefs) > 0)
                marks.append((name.replace("#", "@").partition("@")[0], kind, mark))
        if not wanted.recursive:
            found = {name: dataset for name, dataset in found.items() if name == wanted.name}
        for dataset, kind, mark in sorted(marks, key=lambda one: one[2].createtxg):
            known = found.get(dataset)
            if known is not None and kind == "snapshot":
                found[dataset] = known._replace(snapshots=(*known.snapshots, mark))
            elif known is not None:
                found[dataset] = known._replace(bookmarks=(*known.bookmarks, mark))
        return [dataset for name, dataset in sorted(found.items()) if SCRATCH not in name.split("/")]

    def hold(self, snapshot: Mark) -> None:
        if not self.holds(snapshot):
            self.run(["hold", OURS, snapshot.ref], "look at `zfs holds %s`" % snapshot.ref)

    def holds(self, snapshot: Mark) -> bool:
        """Whether it has our hold."""
        lines = self.run(["holds", "-H", snapshot.ref], "look at the snapshot").stdout.splitlines()
        return any(OURS in line.split("\t")[1:2] for line in lines)

    def release(self, snapshot: Mark) -> None:
        if self.holds(snapshot):
            self.run(["release", OURS, snapshot.ref], "look at `zfs holds %s`" % snapshot.ref)

    def run(self, words: Sequence[str], remedy: str) -> Result:
        """:raises BackupError: zfs said no."""
        result = self.runner.run(["zfs", *words], timeout=TIMEOUT)
        if result.rc == NOT_FOUND:
            raise BackupError("zfs", "it is not installed on this host", "set the pools up first, with playbook zfs")
        if result.rc != 0:
            said = " / ".join(result.stderr.strip().splitlines()[-2:]) or "exit code %d" % result.rc
            raise BackupError("zfs %s" % " ".join(words), said, remedy)
        return result
