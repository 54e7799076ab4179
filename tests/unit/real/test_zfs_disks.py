# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real block devices (loop) under the real wipefs, cmp and kernel, all but ZFS itself. What is refused stays byte by byte."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import subprocess
from typing import Any, Iterator, List, Sequence, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner, Result
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.disks import Devices
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.host import ZfsError, ZfsHost
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.layout import Vdev
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.plan import Wanted

SIZE = 64 << 20
LABELS = 512 << 10
#: zfs-pool-v999.dat and others of OpenZFS' test suite, unpacked; zdb has to be on the PATH.
POOLS = os.environ.get("ZFS_POOLS", "")


class HostWithoutZfs(HostRunner):
    """This machine, where ZFS' programs say that there is no pool, and note what they were told to do."""

    def __init__(self) -> None:
        self.told: List[Tuple[str, ...]] = []

    def exists(self, path: str) -> bool:
        # This machine is given none.
        return path == "/etc/hostid" or super().exists(path)

    def run(self, argv: Sequence[str], *args: Any, **kwargs: Any) -> Result:
        call = tuple(argv)
        if call[:2] == ("zfs", "version"):
            return Result(0, "zfs-2.1.11-1\n", "")
        if call[:2] == ("zpool", "status"):
            return Result(0, "no pools available\n", "")
        if call[:2] == ("zpool", "import"):
            return Result(1, "", "no pools available to import\n")
        if call[0] in ("zpool", "zfs"):
            self.told.append(call)
            if call[1] == "labelclear":
                _clear_labels(call[-1])
            return Result(0, "", "")
        if call[0] == "udevadm":
            return Result(0, "", "")
        # Unpacked for the test, perhaps, and not installed.
        program = [shutil.which(argv[0]) or argv[0]] if call[0] == "zdb" else argv[:1]
        return super().run([*program, *argv[1:]], *args, **kwargs)


def _clear_labels(device: str) -> None:
    """Two copies at each end, of 256 KiB each (vdev_impl.h)."""
    with open(device, "r+b") as stream:
        for offset in (0, SIZE - LABELS):
            stream.seek(offset)
            stream.write(bytes(LABELS))
        stream.flush()
        os.fsync(stream.fileno())


class Loop:
    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        with path.open("wb") as stream:
            stream.truncate(SIZE)
        done = subprocess.run(["losetup", "--find", "--show", str(path)], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip("no loop devices here: %s" % done.stderr.strip())
        self.device = done.stdout.strip()

    def digest(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def write(self, offset: int, data: bytes) -> None:
        with open(self.device, "r+b") as stream:
            stream.seek(offset)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())


@pytest.fixture(name="disks")
def _disks(tmp_path: pathlib.Path) -> Iterator[List[Loop]]:
    if os.geteuid() != 0:
        pytest.skip("loop devices need root")
    disks: List[Loop] = []
    try:
        for name in ("a", "b"):
            disks.append(Loop(tmp_path / name))
        yield disks
    finally:
        for disk in disks:
            subprocess.run(["umount", disk.device], capture_output=True)
            subprocess.run(["losetup", "--detach", disk.device], check=True)


def bring(disks: List[Loop], **consents: Any) -> Tuple[HostWithoutZfs, Any]:
    runner = HostWithoutZfs()
    layout = (Vdev("mirror", tuple(disk.device for disk in disks)),)
    return runner, ZfsHost(runner).bring(Wanted("tank", layout, **consents), False)


#: An entry of a partition table at the end of the first sector, and its signature.
TABLE = bytes([0x00, 0, 2, 0, 0x83, 0, 2, 0, 1, 0, 0, 0, 0xFF, 0x0F, 0, 0]) + bytes(48) + b"\x55\xaa"


def fill(disk: Loop, content: str) -> None:
    if content == "ext2":
        subprocess.run(["mke2fs", "-q", "-F", disk.device], check=True)
    elif content == "swap":
        subprocess.run(["mkswap", "-q", disk.device], check=True, capture_output=True)
    elif content == "dos":
        disk.write(446, TABLE)
    elif content == "first":
        disk.write(5000, b"x")
    elif content == "last":
        disk.write(SIZE - 1, b"x")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("ext2", "ext2"),
        ("swap", "swap"),
        ("first", "bytes that belong to nothing known"),
        ("last", "bytes that belong to nothing known"),
    ],
)
def test_a_disk_with_anything_on_it_is_refused_byte_by_byte(disks: List[Loop], content: str, words: str) -> None:
    fill(disks[1], content)
    before = [disk.digest() for disk in disks]
    for consents in ({}, {"overwrite_disks": (disks[0].device,), "lower_redundancy_to": 0, "remove_disks": (disks[1].device,)}):
        runner, done = bring(disks, **consents)
        assert [problem.setting for problem in done.plan.problems] == ["overwrite_disks"]
        assert words in done.plan.problems[0].problem
        assert runner.told == []
        assert [disk.digest() for disk in disks] == before
    runner, done = bring(disks, overwrite_disks=(disks[1].device,))
    assert [step.action for step in done.steps] == ["wipe", "create"]
    assert runner.told == [("zpool", "create", "tank", "mirror", disks[0].device, disks[1].device)]
    assert disks[0].digest() == before[0]
    # What had a signature has none now, for zpool's own check; bytes without one are left to zpool.
    assert Devices(HostWithoutZfs()).look(disks[1].device, True).marked == ()


def test_a_disk_with_partitions_that_the_kernel_does_not_show_is_refused_whatever_is_said(disks: List[Loop]) -> None:
    fill(disks[1], "dos")
    before = [disk.digest() for disk in disks]
    every = tuple(disk.device for disk in disks)
    runner, done = bring(disks, overwrite_disks=every, remove_disks=every, lower_redundancy_to=0)
    assert "is divided into partitions that the kernel has not read" in done.plan.problems[0].problem
    assert (runner.told, [disk.digest() for disk in disks]) == ([], before)


@pytest.mark.skipif(not POOLS, reason="ZFS_POOLS names no folder with pools of OpenZFS' test suite")
@pytest.mark.parametrize(
    ("name", "pool", "guid"),
    [
        ("unclean_export.dat", "unclean_export", "7180307423654184295"),
        ("zfs-pool-v999.dat", "v999-pool", "3320584530116608319"),
        ("zfs-pool-v2mirror3.dat", "pool-v2mirror", "18099148996036948200"),
        ("zfs-broken-mirror1.dat", "zfs-broken-mirror", "4795821076444488636"),
    ],
)
def test_a_disk_of_a_real_pool_is_taken_only_where_disk_and_pool_are_named(
    disks: List[Loop], name: str, pool: str, guid: str
) -> None:
    disks[1].write(0, pathlib.Path(POOLS, name).read_bytes()[:SIZE])
    before = [disk.digest() for disk in disks]
    disk = {"overwrite_disks": (disks[1].device,)}
    for consents, missing in (
        ({}, ["overwrite_disks", "overwrite_pools"]),
        (disk, ["overwrite_pools"]),
        ({"overwrite_pools": (guid,)}, ["overwrite_disks"]),
        ({**disk, "overwrite_pools": ("another",)}, ["overwrite_pools"]),
    ):
        runner, done = bring(disks, **consents)
        assert [problem.setting for problem in done.plan.problems] == missing
        assert "%s (%s)" % (pool, guid) in done.plan.problems[0].problem
        assert (runner.told, [disk.digest() for disk in disks]) == ([], before)
    runner, done = bring(disks, **disk, overwrite_pools=(guid,))
    assert [(step.action, step.consent) for step in done.steps] == [
        ("wipe", ("overwrite_disks", "overwrite_pools")),
        ("create", ()),
    ]
    # No signature is left that zpool or the next run could stumble upon.
    left = Devices(HostWithoutZfs()).look(disks[1].device, True)
    assert (left.labels, left.marked, left.uses) == ((), (), ())


def test_a_mounted_disk_is_refused_whatever_is_said(disks: List[Loop], tmp_path: pathlib.Path) -> None:
    fill(disks[1], "ext2")
    (tmp_path / "mnt").mkdir()
    subprocess.run(["mount", "-o", "ro", disks[1].device, str(tmp_path / "mnt")], check=True)
    before = [disk.digest() for disk in disks]
    every = tuple(disk.device for disk in disks)
    runner, done = bring(disks, overwrite_disks=every, remove_disks=every, lower_redundancy_to=0)
    assert "is mounted at %s" % (tmp_path / "mnt") in done.plan.problems[0].problem
    assert (runner.told, [disk.digest() for disk in disks]) == ([], before)


def test_blank_disks_are_taken_and_not_written_to_by_us(disks: List[Loop]) -> None:
    before = [disk.digest() for disk in disks]
    runner, done = bring(disks)
    assert [step.action for step in done.steps] == ["create"]
    assert len(runner.told) == 1
    assert [disk.digest() for disk in disks] == before


def test_a_file_system_made_between_plan_and_act_stops_it(disks: List[Loop], monkeypatch: pytest.MonkeyPatch) -> None:
    act = ZfsHost._act

    def late(self: ZfsHost, steps: Any) -> None:
        fill(disks[1], "ext2")
        act(self, steps)

    monkeypatch.setattr(ZfsHost, "_act", late)
    with pytest.raises(ZfsError, match="not what it was when the plan was made: ext2"):
        bring(disks)
