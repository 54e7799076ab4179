# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk is the same by each of its names, and is blank only where everybody says so."""

from __future__ import annotations

from typing import Any, Dict, Optional

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.disks import (
    ENDS,
    Devices,
    best_name,
    parse_mounts,
    parse_wipefs,
    without_partition,
)
from conftest import ROOT
from fakes import FakeRunner

BY_ID = "/dev/disk/by-id/"
SIZE = 1 << 30
LINKS = {
    BY_ID + "nvme-MODEL_1": "/dev/nvme0n1",
    BY_ID + "nvme-MODEL_1_1": "/dev/nvme0n1",
    BY_ID + "nvme-eui.0025": "/dev/nvme0n1",
    BY_ID + "nvme-MODEL_1-part1": "/dev/nvme0n1p1",
    BY_ID + "ata-OLD": "/dev/sdb",
    "/sys/class/block/nvme0n1p1": "/sys/devices/pci0/block/nvme0n1/nvme0n1p1",
    "/sys/class/block/nvme0n1": "/sys/devices/pci0/block/nvme0n1",
}
FILES: Dict[str, Any] = {
    "/sys/class/block/nvme0n1/size": "%d\n" % (SIZE // 512),
    "/sys/class/block/nvme0n1/dev": "259:0\n",
    "/sys/class/block/nvme0n1/nvme0n1p1/partition": "1\n",
    "/sys/class/block/nvme0n1p1/partition": "1\n",
    "/sys/class/block/nvme0n1p1/dev": "259:1\n",
    "/sys/class/block/sdb/size": "%d\n" % (SIZE // 512),
    "/sys/class/block/sdb/dev": "8:16\n",
}


def zero(node: str, rc: int = 0) -> Dict[Any, Any]:
    same = {}
    for skip in (0, SIZE - ENDS):
        same[("cmp", "--quiet", "--bytes=%d" % ENDS, "--ignore-initial=%d:0" % skip, node, "/dev/zero")] = Result(rc, "", "")
    return same


def devices(files: Optional[Dict[str, Any]] = None, commands: Optional[Dict[Any, Any]] = None, **pools: Any) -> Devices:
    return Devices(FakeRunner({**FILES, **(files or {})}, commands or {}, LINKS), pools)


def test_every_name_leads_to_the_same_disk() -> None:
    for name in ("nvme-MODEL_1", "nvme-MODEL_1_1", "nvme-eui.0025"):
        found = devices().look(BY_ID + name, False)
        assert (found.kernel, found.disk, found.partition, found.size) == ("nvme0n1", "nvme0n1", 0, SIZE)
        assert found.lasting == BY_ID + name
    part = devices().look(BY_ID + "nvme-MODEL_1-part1", False)
    assert (part.kernel, part.disk, part.partition) == ("nvme0n1p1", "nvme0n1", 1)


def test_a_kernel_name_gets_the_lasting_name_with_the_serial_number() -> None:
    assert devices().look("/dev/nvme0n1", False).lasting == BY_ID + "nvme-MODEL_1"
    assert devices().look("/dev/nvme0n1p1", False).lasting == BY_ID + "nvme-MODEL_1-part1"
    assert best_name([BY_ID + "wwn-0x5", BY_ID + "scsi-35000", BY_ID + "ata-DISK_1"]) == BY_ID + "ata-DISK_1"
    assert best_name([]) == ""


def test_what_is_not_there_is_no_device() -> None:
    assert not devices().look(BY_ID + "nvme-NONE", False).present
    assert not devices().look("/etc/passwd", False).present


@pytest.mark.parametrize(
    ("files", "use"),
    [
        ({"/proc/self/mountinfo": "30 1 259:1 / /data rw - ext4 /dev/nvme0n1p1 rw\n"}, "mounted at /data"),
        ({"/proc/self/mountinfo": "30 1 259:1 /sub /my\\040data rw - ext4 /dev/nvme0n1p1 rw\n"}, "mounted at /my data"),
        # btrfs has device numbers of its own
        ({"/proc/self/mountinfo": "30 1 0:44 /@ /data rw - btrfs /dev/nvme0n1p1 rw\n"}, "mounted at /data"),
        ({"/proc/swaps": "Filename\tType\n/dev/nvme0n1p1\tpartition\t1\t0\t-2\n"}, "swap"),
        ({"/sys/class/block/nvme0n1p1/holders/dm-0/name": "x"}, "in use by dm-0"),
        ({"/sys/class/block/nvme0n1/holders/md0/name": "x"}, "in use by md0"),
        # The mount names the first disk of a btrfs only.
        ({"/sys/fs/btrfs/5c2a/devices/nvme0n1p1": "x"}, "in a mounted btrfs"),
        ({"/sys/class/block/nvme0n1/loop/backing_file": "/dev/sdb\n"}, "another name of /dev/sdb"),
    ],
)
def test_who_uses_a_disk_or_its_partition_is_found(files: Dict[str, str], use: str) -> None:
    assert devices(files).look(BY_ID + "nvme-MODEL_1", False).uses == (use,)
    assert devices(files).look("/dev/sdb", False).uses == ()


def test_a_member_of_an_imported_pool_is_in_use_by_any_name() -> None:
    found = devices(None, None, other=[BY_ID + "nvme-MODEL_1-part1"])
    assert found.look("/dev/nvme0n1", False).uses == ("in the imported pool other",)
    assert found.look("/dev/nvme0n1p1", False).uses == ("in the imported pool other",)


def test_who_has_the_whole_disk_has_its_partitions() -> None:
    found = devices({"/sys/class/block/nvme0n1/holders/md126/name": "x"})
    assert found.look("/dev/nvme0n1p1", False).uses == ("in use by md126",)


def test_a_member_under_a_name_that_its_pool_does_not_know_is_in_use_by_its_label() -> None:
    runner = FakeRunner(FILES, {**blank(), **label("700000001")}, LINKS)
    found = Devices(runner, {"other": ["/dev/sdz1"]}, {"700000001": "other"})
    assert found.look(BY_ID + "nvme-MODEL_1", True).uses == ("in the imported pool other",)


@pytest.mark.parametrize("answer", [Result(127, "", "zdb: not found"), Result(124, "", ""), Result(-9, "", ""), Result(1, "", "")])
def test_a_member_of_who_knows_which_pool_is_taken_by_nobody(answer: Result) -> None:
    commands = {**blank(), **wipefs("/dev/nvme0n1p1", "zfs_member"), ("zdb", "-l", "/dev/nvme0n1p1"): answer}
    assert devices(None, commands).look(BY_ID + "nvme-MODEL_1", True).uses == ("perhaps in a pool, which zdb can't tell",)


def test_of_a_label_whose_copies_are_not_all_whole_the_rest_counts() -> None:
    text = (ROOT / "tests/fixtures/zfs/captured/2.1.11/label_broken.txt").read_text()
    commands = {**blank(), ("zdb", "-l", "/dev/nvme0n1"): Result(1, text, "")}
    found = devices(None, commands).look(BY_ID + "nvme-MODEL_1", True)
    assert (found.uses, [one.pool for one in found.labels]) == ((), ["zfs-broken-mirror"])


def label(guid: str) -> Dict[Any, Any]:
    rule = "------------------------------------"
    fields = "    name: 'old'\n    state: 1\n    pool_guid: 70\n    guid: %s\n    hostname: 'x'\n" % guid
    return {("zdb", "-l", "/dev/nvme0n1p1"): "%s\nLABEL 0 \n%s\n%s" % (rule, rule, fields)}


def wipefs(node: str, *kinds: str) -> Dict[Any, Any]:
    lines = "".join("0x438,uuid,my\\x20label,%s\n" % kind for kind in kinds)
    return {("wipefs", "--no-act", "--parsable", node): "# offset,uuid,label,type\n" + lines}


def blank() -> Dict[Any, Any]:
    return {**wipefs("/dev/nvme0n1"), **wipefs("/dev/nvme0n1p1"), **zero("/dev/nvme0n1")}


def contents(commands: Dict[Any, Any]) -> Any:
    return devices(None, commands).look(BY_ID + "nvme-MODEL_1", True).contents


def test_a_disk_is_blank_where_nothing_is_found_at_both_ends() -> None:
    found = devices(None, blank()).look(BY_ID + "nvme-MODEL_1", True)
    assert found.blank
    assert found.marked == ()


def test_a_signature_on_the_disk_or_its_partition_is_named() -> None:
    assert contents({**blank(), **wipefs("/dev/nvme0n1", "gpt")}) == ("gpt my label",)
    found = devices(None, {**blank(), **wipefs("/dev/nvme0n1p1", "LVM2_member", "ext4"), **wipefs("/dev/nvme0n1", "gpt")})
    device = found.look(BY_ID + "nvme-MODEL_1", True)
    assert device.contents == ("nvme0n1p1: LVM2_member my label", "nvme0n1p1: ext4 my label", "gpt my label")
    assert device.marked == ("/dev/nvme0n1p1", "/dev/nvme0n1")


def test_a_label_of_zfs_says_whose_disk_it_is_even_where_wipefs_sees_none() -> None:
    assert contents({**blank(), **label("700000001")}) == ("nvme0n1p1: disk of pool old (70), exported on x",)
    assert contents({**blank(), **label("700000001"), **wipefs("/dev/nvme0n1p1", "zfs_member")}) == (
        "nvme0n1p1: disk of pool old (70), exported on x",
    )
    assert contents({**blank(), **wipefs("/dev/nvme0n1p1", "zfs_member")}) == ("nvme0n1p1: zfs_member my label",)


@pytest.mark.parametrize(("rows", "uses"), [("1\n2\n", True), ("", False)])
def test_partitions_that_the_kernel_has_not_read_are_in_the_way(rows: str, uses: bool) -> None:
    commands = {**wipefs("/dev/sdb", "gpt"), ("partx", "--show", "--noheadings", "--output=NR", "/dev/sdb"): rows}
    assert bool(devices(None, {**commands, ("zdb", "-l", "/dev/sdb"): Result(2, "", "")}).look("/dev/sdb", True).uses) is uses


def test_bytes_without_a_signature_are_not_blank() -> None:
    assert contents({**blank(), **zero("/dev/nvme0n1", 1)}) == ("bytes that belong to nothing known",)
    assert contents({**blank(), **zero("/dev/nvme0n1", 2)}) == ("it can't be read",)


def test_where_nobody_can_say_what_is_on_it_a_disk_is_not_blank() -> None:
    assert contents({}) == ("nvme0n1p1: wipefs can't tell what is on it", "wipefs can't tell what is on it")
    commands = blank()
    del commands[("wipefs", "--no-act", "--parsable", "/dev/nvme0n1p1")]
    assert contents(commands) == ("nvme0n1p1: wipefs can't tell what is on it",)


@pytest.mark.parametrize(
    ("path", "disk"),
    [
        (BY_ID + "nvme-MODEL_1-part1", BY_ID + "nvme-MODEL_1"),
        (BY_ID + "nvme-MODEL_1", BY_ID + "nvme-MODEL_1"),
        (BY_ID + "nvme-MODEL_1-part12", BY_ID + "nvme-MODEL_1"),
        (BY_ID + "wwn-0x5000c500a1b2c3d1", BY_ID + "wwn-0x5000c500a1b2c3d1"),
        ("/dev/nvme0n1p1", "/dev/nvme0n1"),
        ("/dev/nvme0n1", "/dev/nvme0n1"),
        ("/dev/sda1", "/dev/sda"),
        ("/dev/sdaa9", "/dev/sdaa"),
        ("/dev/vdb1", "/dev/vdb"),
        ("/dev/xvda1", "/dev/xvda"),
        ("/dev/md0p1", "/dev/md0"),
        ("/dev/mapper/d1", "/dev/mapper/d1"),
    ],
)
def test_the_partition_that_zfs_makes_is_taken_off_a_name(path: str, disk: str) -> None:
    assert without_partition(path) == disk


def test_wipefs_and_mountinfo_are_read() -> None:
    assert parse_wipefs("# offset,uuid,label,type\n0x438,30ff,my\\x20data,ext2\n0x438,30ff,my\\x20data,ext2\n") == [
        ("ext2", "my data")
    ]
    assert parse_wipefs("") == []
    assert parse_mounts("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw\nbad\n") == [("98:0", "/mnt2", "/dev/root")]
