# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trial restore: a dataset's newest point comes back from the bucket into a scratch dataset, is compared, and destroyed again.

One dataset in a run, that which was tried longest ago. What it is compared with is the snapshot on this host, file by file or byte
by byte, where sanoid has not taken it away yet; the GUID and the checksums of every part and record hold in any case.
"""

from __future__ import annotations

import filecmp
import os
import stat
import time
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.host import Dataset, Zfs
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.restore import Source, carry_out, plan_restore
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.settings import SCRATCH

#: Set on what we have made: nothing else is ever destroyed.
MINE = "kubernetes.baremetal:scratch"
DEVICES = "/dev/zvol/"
#: Seconds until udev has made a volume's device, or lets go of one.
PATIENCE = 30.0
CHUNK = 1024 * 1024


class Compared(NamedTuple):
    """``what`` is files or bytes; empty where nothing could be compared, and ``why`` says why."""

    what: str
    equal: int = 0
    why: str = ""


class Trial:
    """``pause`` is between two looks at what udev does."""

    def __init__(
        self, runner: Runner, source: Source, key_file: str, state: str, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self.runner = runner
        self.zfs = Zfs(runner)
        self.source = source
        self.key_file = key_file
        self.state = state
        self.pause = pause

    def carry_out(self, dataset: Dataset) -> Dict[str, Any]:
        """What came back, and what it was compared with.

        :raises BackupError: it does not come back, or is something else.
        """
        started = self.runner.now()
        scratch = "%s/%s" % (dataset.name.split("/")[0], SCRATCH)
        self._clear(scratch)
        self.zfs.run(
            ["create", "-o", "canmount=off", "-o", "mountpoint=none", "-o", MINE + "=yes", scratch], "make room in the pool"
        )
        try:
            target = scratch + "/restored"
            plan = plan_restore(self.runner, self.source, dataset.name, target, self.runner.now())
            free = int(self.zfs.run(["get", "-Hp", "-o", "value", "available", scratch], "look at the pool").stdout.strip() or 0)
            if free < plan.size:
                problem = "the pool has %d MiB free, and the restored dataset takes about %d" % (free >> 20, plan.size >> 20)
                raise BackupError(dataset.name, problem, 'make room, or write zfs_backup_trial_schedule: ""')
            point = plan.chain[-1]
            carry_out(self.runner, plan, self.key_file, os.path.join(self.state, "trial"))
            compared = self._compare(dataset, point.guid, target, scratch)
        finally:
            self._clear(scratch)
        told: Dict[str, Any] = {"dataset": dataset.name, "point": point.name, "taken": int(point.taken), "bytes": plan.size}
        told.update(chain=len(plan.chain), compared=compared._asdict(), seconds=round(self.runner.now() - started, 1))
        return told

    def _clear(self, scratch: str) -> None:
        """Of this trial, or of one that was killed."""
        found = self.runner.run(["zfs", "get", "-Hp", "-o", "value", MINE, scratch], timeout=600)
        if found.rc != 0:
            return
        if found.stdout.strip() != "yes":
            raise BackupError(scratch, "it was not made by a trial restore, and is not touched", "rename it")
        deadline = time.monotonic() + PATIENCE
        while True:
            # udev may look at a new volume for a moment.
            try:
                self.zfs.run(["destroy", "-r", scratch], "see what uses it: `zfs mount`, `lsof`")
                return
            except BackupError:
                if time.monotonic() > deadline:
                    raise
            self.pause(1)

    def _compare(self, dataset: Dataset, guid: str, target: str, scratch: str) -> Compared:
        snapshot = dataset.snapshot(guid)
        if snapshot is None:
            return Compared("", why="the snapshot is not on this host any more")
        if dataset.encrypted:
            return Compared("", why="it is encrypted, and was restored without its key")
        if dataset.volume:
            # A snapshot of a volume has a device by a property of somebody else's dataset only; a clone has one always.
            self.zfs.run(["clone", snapshot.ref, scratch + "/source"], "look at the pool")
            return Compared("bytes", self._same_bytes(scratch + "/source", target))
        restored = "%s@%s" % (target, snapshot.name)
        places = [os.path.join(self.state, "mounted", name) for name in ("source", "restored")]
        mounted: List[str] = []
        try:
            for ref, place in zip((snapshot.ref, restored), places):
                os.makedirs(place, mode=0o700, exist_ok=True)
                result = self.runner.run(["mount", "-t", "zfs", "-o", "ro", ref, place], timeout=600)
                if result.rc != 0:
                    raise BackupError(ref, "it can't be mounted: %s" % result.stderr.strip(), "look at `dmesg`")
                mounted.append(place)
            return Compared("files", same_files(places[0], places[1]))
        finally:
            for place in mounted:
                self.runner.run(["umount", place], timeout=600)

    def _same_bytes(self, one: str, other: str) -> int:
        paths = [DEVICES + one, DEVICES + other]
        deadline = time.monotonic() + PATIENCE
        while not all(os.path.exists(path) for path in paths):
            if time.monotonic() > deadline:
                raise BackupError(other, "its device does not appear in %s" % DEVICES, "look at `journalctl --unit systemd-udevd`")
            self.pause(0.5)
        return same_bytes(paths[0], paths[1])


def same_bytes(one: str, other: str) -> int:
    """How many there are.

    :raises BackupError: they differ.
    """
    count = 0
    with open(one, "rb") as left, open(other, "rb") as right:
        while True:
            here, there = left.read(CHUNK), right.read(CHUNK)
            if here != there:
                raise BackupError(
                    other,
                    "it differs from %s within the MiB at byte %d" % (one, count),
                    "keep this host's data: the bucket's is another",
                )
            if not here:
                return count
            count += len(here)


def same_files(one: str, other: str) -> int:
    """How many files, folders and links there are, with equal content, owners, modes and times, and attributes of equal names.

    :raises BackupError: something differs.
    """
    count = 0
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        names = [sorted(os.listdir(os.path.join(root, folder))) for root in (one, other)]
        if names[0] != names[1]:
            raise _differs(folder or "/", "it has other names in it")
        for name in names[0]:
            path = os.path.join(folder, name)
            left, right = os.path.join(one, path), os.path.join(other, path)
            here, there = os.lstat(left), os.lstat(right)
            if _about(here) != _about(there):
                raise _differs(path, "its owner, mode, time or size is another")
            if stat.S_ISDIR(here.st_mode):
                waiting.append(path)
            if stat.S_ISLNK(here.st_mode) and os.readlink(left) != os.readlink(right):
                raise _differs(path, "it leads elsewhere")
            if os.listxattr(left, follow_symlinks=False) != os.listxattr(right, follow_symlinks=False):
                raise _differs(path, "it has other extended attributes")
            if stat.S_ISREG(here.st_mode) and not filecmp.cmp(left, right, shallow=False):
                raise _differs(path, "its content is another")
            count += 1
    return count


def _about(found: os.stat_result) -> Tuple[int, ...]:
    size = found.st_size if stat.S_ISREG(found.st_mode) else 0
    return found.st_mode, found.st_uid, found.st_gid, found.st_mtime_ns, size, found.st_rdev


def _differs(path: str, problem: str) -> BackupError:
    return BackupError(path, "restored from the bucket, %s" % problem, "keep this host's data: the bucket's is not the same")
