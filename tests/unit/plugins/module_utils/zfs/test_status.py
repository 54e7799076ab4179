# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What programs of ZFS print is read as what it means (tests/fixtures/zfs says where each text is from)."""

from __future__ import annotations

import json
import pathlib
from typing import List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.imports import Label, parse_imports, parse_label
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.status import (
    Group,
    Pool,
    StatusError,
    parse_json,
    parse_status,
)
from conftest import ROOT

FIXTURES = ROOT / "tests" / "fixtures" / "zfs"
BY_ID = "/dev/disk/by-id/"
LAB = BY_ID + "nvme-QEMU_NVMe_Ctrl_LAB"


def text(name: str) -> str:
    return (FIXTURES / "written" / name).read_text()


def pool(name: str) -> Pool:
    (found,) = parse_json(text(name)) if name.endswith(".json") else parse_status(text(name + ".txt"))
    return found


def shape(found: Pool) -> List[str]:
    return ["%s %s %d" % (group.purpose, group.type, len(group.places)) for group in found.groups]


def test_a_mirror_has_its_members_with_their_guids() -> None:
    (found,) = parse_status(text("mirror.txt"), text("mirror.guids.txt"))
    assert (found.name, found.guid, found.state, found.scan) == ("tank", "9522190425107286424", "ONLINE", "none requested")
    assert found.errors == "No known data errors"
    assert shape(found) == ["data mirror 2"]
    assert [(one.path, one.guid, one.state) for one in found.members] == [
        (LAB + "A-part1", "10451866353466498543", "ONLINE"),
        (LAB + "B-part1", "1129487317264926354", "ONLINE"),
    ]
    assert all(one.whole for one in found.members)


def test_json_says_the_same_as_text() -> None:
    assert parse_json(text("mirror.json"))[0].groups == parse_status(text("mirror.txt"), text("mirror.guids.txt"))[0].groups
    assert [group._replace(members=()) for group in pool("all_classes.json").groups] == [
        group._replace(members=()) for group in pool("all_classes").groups
    ]


@pytest.mark.parametrize("name", ["all_classes", "all_classes.json"])
def test_every_class_of_vdev_is_told_apart(name: str) -> None:
    assert shape(pool(name)) == [
        "data raidz2 6",
        "dedup mirror 2",
        "special mirror 2",
        "log mirror 2",
        "cache single 1",
        "cache single 1",
        "spare single 1",
    ]
    spare = pool(name).groups[-1]
    assert (spare.members[0].path, spare.members[0].state) == (BY_ID + "ata-HDD_9-part1", "AVAIL")


def group(name: str) -> Group:
    return pool(name).groups[0]


def test_a_disk_that_is_alone_is_a_vdev() -> None:
    assert shape(pool("single")) == ["data single 1"]
    assert shape(pool("log_single")) == ["data mirror 2", "log single 1"]


def test_a_disk_that_was_pulled_is_gone() -> None:
    found = pool("removed")
    assert found.state == "DEGRADED"
    assert [(one.state, one.gone, one.whole) for one in found.members] == [("ONLINE", False, True), ("REMOVED", True, False)]
    assert found.scan.startswith("resilvered 1.44M")
    assert found.scanning == ""


def test_a_disk_that_is_known_by_its_guid_alone_says_where_it_was() -> None:
    missing = group("missing").members[1]
    assert (missing.path, missing.guid, missing.state) == (LAB + "B-part1", "1129487317264926354", "UNAVAIL")
    assert pool("missing").status.startswith("One or more devices could not be used because the label is missing or invalid.")


def test_states_and_notes_of_members_that_fail() -> None:
    assert [(one.state, one.note) for one in group("cannot_open").members][1] == ("UNAVAIL", "cannot open")
    assert [(one.state, one.note, one.gone) for one in group("faulted").members][0] == ("FAULTED", "too many errors", True)
    offline = group("offline").members[0]
    assert (offline.state, offline.gone, offline.whole) == ("OFFLINE", False, False)


@pytest.mark.parametrize("name", ["replacing", "replacing.json"])
def test_a_disk_and_the_one_that_replaces_it_hold_one_place(name: str) -> None:
    found = pool(name)
    assert shape(found) == ["data mirror 2"]
    assert [[one.state for one in place] for place in found.groups[0].places] == [["ONLINE"], ["UNAVAIL", "ONLINE"]]
    old, new = found.groups[0].places[1]
    assert (old.path, old.guid, old.within) == (LAB + "B-part1", "1129487317264926354", "replacing-1")
    assert (new.resilvering, new.whole) == (True, False)
    assert found.scanning == "resilver"


def test_in_json_a_disk_alone_and_the_one_that_replaces_it_are_one_vdev() -> None:
    disks = {name: {"name": "/dev/" + name, "vdev_type": "disk", "guid": ord(name), "state": "ONLINE"} for name in "ab"}
    inner = {"replacing-0": {"name": "replacing-0", "vdev_type": "replacing", "guid": 3, "state": "ONLINE", "vdevs": disks}}
    root = {"tank": {"name": "tank", "vdev_type": "root", "guid": 4, "state": "ONLINE", "vdevs": inner}}
    (found,) = parse_json(json.dumps({"pools": {"tank": {"name": "tank", "pool_guid": 4, "state": "ONLINE", "vdevs": root}}}))
    assert shape(found) == ["data single 1"]
    assert [[one.path for one in place] for place in found.groups[0].places] == [["/dev/a", "/dev/b"]]


def test_a_member_that_is_being_resilvered_or_waits_for_it_is_not_whole() -> None:
    assert [one.whole for one in group("attaching").members] == [True, False]
    assert [one.whole for one in pool("awaiting").members] == [True, False, True, False]
    assert pool("draid_rebuilding").scanning == "resilver"


def test_a_spare_in_use_holds_a_place_with_the_disk_that_failed() -> None:
    found = pool("spare_in_use")
    assert shape(found) == ["data raidz2 4", "spare single 1"]
    assert [one.path for one in found.groups[0].places[1]] == [BY_ID + "ata-HDD_2-part1", BY_ID + "ata-HDD_9-part1"]
    assert found.groups[1].members[0].state == "INUSE"


@pytest.mark.parametrize("name", ["draid", "draid.json"])
def test_a_draid_is_named_by_its_parity(name: str) -> None:
    assert shape(pool(name)) == ["data draid2 11", "spare single 1"]
    assert pool(name).groups[1].members[0].path == "draid2-0-0"


def test_scans_are_told_apart() -> None:
    assert pool("scrubbing").scanning == "scrub"
    assert group("scrubbing").members[1].note == "(repairing)"
    assert pool("scrub_paused").scanning == ""
    assert pool("all_classes").scanning == ""


def test_notes_behind_members_do_not_hide_their_state() -> None:
    assert [one.whole for one in group("trimming").members] == [True, True]
    assert group("block_size").members[0].note == "block size: 512B configured, 4096B native"
    assert pool("block_size").scan == ""


def test_errors_and_reasons_are_kept() -> None:
    assert pool("data_errors").errors == "3 data errors, use '-v' for a list"
    assert pool("suspended").state == "SUSPENDED"
    assert [one.gone for one in pool("suspended").members] == [True, True]
    assert pool("upgrade_possible").status.endswith("but some features are unavailable.")


def test_a_vdev_that_was_removed_is_no_vdev() -> None:
    assert shape(pool("vdev_removed")) == ["data mirror 2"]


def test_several_pools_and_none() -> None:
    assert [(one.name, shape(one)) for one in parse_status(text("two_pools.txt"))] == [
        ("tank", ["data mirror 2"]),
        ("rpool", ["data single 1"]),
    ]
    assert parse_status(text("none.txt")) == []
    assert parse_json(text("none.json")) == []


def test_what_is_no_status_is_said() -> None:
    with pytest.raises(StatusError):
        parse_json("{")
    with pytest.raises(StatusError):
        parse_json('{"pools": {"tank": {"state": "ONLINE"}}}')
    with pytest.raises(StatusError, match="changed while it was read"):
        parse_status(text("mirror.txt"), text("log_single.txt"))


CAPTURED = [path for path in (FIXTURES / "captured").glob("*/status_*.txt") if not path.name.endswith(".guids.txt")]


@pytest.mark.parametrize("path", sorted(CAPTURED), ids=lambda path: "%s %s" % (path.parent.name, path.stem))
def test_what_was_captured_is_read_whole(path: pathlib.Path) -> None:
    (found,) = parse_status(path.read_text(), path.with_suffix(".guids.txt").read_text())
    assert found.groups
    listed = [word for word in path.read_text().split() if word.startswith((BY_ID, "/dev/nvme"))]
    assert sorted(one.path for one in found.members) == sorted(listed)
    assert all(one.state in ("ONLINE", "REMOVED", "UNAVAIL", "OFFLINE", "AVAIL", "FAULTED") for one in found.members)
    if path.with_suffix(".json").exists():
        (same,) = parse_json(path.with_suffix(".json").read_text())
        assert [(one.purpose, one.type, one.name) for one in same.groups] == [
            (one.purpose, one.type, one.name) for one in found.groups
        ]
        assert [one[:3] for one in same.members] == [one[:3] for one in found.members]


def test_a_pool_that_can_be_imported_is_known_by_name_and_guid() -> None:
    (found,) = parse_imports(text("import_online.txt"))
    assert (found.pool.name, found.pool.guid, found.pool.state) == ("tank", "9522190425107286424", "ONLINE")
    assert (found.ready, found.foreign, found.active, found.destroyed) == (True, False, False, False)
    assert [one.path for one in found.pool.members] == ["nvme-QEMU_NVMe_Ctrl_LABA", "nvme-QEMU_NVMe_Ctrl_LABB"]


@pytest.mark.parametrize(
    ("name", "ready", "foreign", "active", "destroyed"),
    [
        ("import_foreign", True, True, False, False),
        ("import_degraded", True, False, False, False),
        ("import_unavail", False, False, False, False),
        ("import_active", False, False, True, False),
        ("import_destroyed", True, False, False, True),
        ("import_2.3_comment", True, False, False, False),
    ],
)
def test_whether_a_pool_can_be_imported(name: str, ready: bool, foreign: bool, active: bool, destroyed: bool) -> None:
    (found,) = parse_imports(text(name + ".txt"))
    assert (found.ready, found.foreign, found.active, found.destroyed) == (ready, foreign, active, destroyed)
    assert found.pool.guid == "9522190425107286424"


IMPORTS = {"import_online.txt": (True, False), "import_foreign.txt": (True, True), "import_unavail.txt": (False, False)}


@pytest.mark.parametrize("path", sorted((FIXTURES / "captured").glob("*/import_*.txt")), ids=lambda path: "%s %s" % path.parts[-2:])
def test_what_was_captured_of_imports_is_read(path: pathlib.Path) -> None:
    (found,) = parse_imports(path.read_text())
    assert found.pool.name == "tank" and found.pool.guid.isdigit()
    assert (found.ready, found.foreign) == IMPORTS[path.name]
    # Of a pool that lacks too much, 2.1 does not say what a group is for.
    second = "special" if found.ready else "data"
    assert [(one.purpose, one.type) for one in found.pool.groups] == [("data", "mirror"), (second, "mirror")]


def test_several_pools_can_be_there_to_import() -> None:
    tank, old = parse_imports(text("import_two.txt"))
    assert (tank.pool.name, old.pool.name, old.pool.guid) == ("tank", "old", "7000000000000000001")
    assert shape(old.pool) == ["data raidz2 3", "cache single 1", "spare single 1", "log single 1"]
    assert "Attach the missing devices" in parse_imports(text("import_unavail.txt"))[0].why or parse_imports(
        text("import_unavail.txt")
    )[0].why.startswith("One or more devices are missing")


def label(name: str, version: str = "2.1.11") -> List[Label]:
    return parse_label((FIXTURES / "captured" / version / ("label_%s.txt" % name)).read_text())


def test_labels_say_whose_disk_it_is() -> None:
    (exported,) = label("exported")
    assert (exported.pool, exported.pool_guid, exported.guid) == ("v999-pool", "3320584530116608319", "4851653716999783378")
    assert (exported.state, exported.host, exported.txg) == ("exported", "usuki", 11)
    assert str(exported) == "disk of pool v999-pool (3320584530116608319), exported on usuki"
    (active,) = label("active")
    assert (active.pool, active.state, active.host) == ("unclean_export", "active", "dlpx")
    assert label("active", "2.3.2") == [active]
    # Its own GUID, and not that of another disk of the mirror.
    assert [one.guid for one in label("mirror")] == ["6547275990419190308"]
    assert [str(one) for one in label("spare")] == ["spare disk of a pool"]
    assert label("none") == []
