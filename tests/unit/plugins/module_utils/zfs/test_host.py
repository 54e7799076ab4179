# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a pool, and what is refused, seen on a machine that keeps a record of all that was lost."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.disks import Device
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.host import Done, NoZfsError, ZfsError, ZfsHost, as_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.layout import Vdev
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.plan import SEARCH, Seen, Wanted, make_plan
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.status import parse_status
from conftest import ROOT
from fakes import FakeRunner
from zfs_machine import BY_ID, Machine


class Deaf:
    """A machine of which some programs answer something else."""

    def __init__(self, machine: Machine, answers: Dict[Tuple[str, ...], Result]) -> None:
        self._machine, self._answers = machine, answers

    def run(self, argv: Sequence[str], *rest: Any, **more: Any) -> Result:
        return self._answers.get(tuple(argv)) or self._machine.run(argv, *rest, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._machine, name)


def vdev(kind: str, *names: str, purpose: str = "data", **more: Any) -> Vdev:
    return Vdev(kind, tuple(name if name.isdigit() or name.startswith("/") else BY_ID + name for name in names), purpose, **more)


def paths(*names: str) -> Tuple[str, ...]:
    return tuple(BY_ID + name for name in names)


def tank(*vdevs: Vdev, **more: Any) -> Wanted:
    return Wanted("tank", vdevs, **more)


def bring(machine: Machine, wanted: Wanted, check: bool = False) -> Done:
    return ZfsHost(machine).bring(wanted, check)


def actions(done: Done) -> List[str]:
    return [step.action for step in done.steps]


def refused(machine: Machine, wanted: Wanted, setting: str, words: str) -> str:
    """It is refused, and not a byte is changed. Returns the remedy."""
    before = list(machine.changes)
    done = bring(machine, wanted)
    assert [problem.setting for problem in done.plan.problems] == [setting], done.plan.problems
    assert words in done.plan.problems[0].problem
    assert machine.changes == before
    assert machine.lost == []
    return done.plan.problems[0].remedy


def unchanged(machine: Machine, wanted: Wanted) -> None:
    machine.settle()
    before = list(machine.changes)
    done = bring(machine, wanted)
    assert done.steps == []
    assert done.plan.problems == []
    assert machine.changes == before


def members(machine: Machine) -> List[Tuple[str, str, List[str]]]:
    (pool,) = [pool for pool in machine.pools if pool.imported]
    return [(group.purpose, group.type, [leaf.disk.name for leaf in group.leaves]) for group in pool.groups]


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    machine.add("a", "b", "c", "d", "e")
    return machine


@pytest.fixture
def mirror(machine: Machine) -> Machine:
    machine.make("tank", [("mirror", "data", ["a", "b"])])
    return machine


# -- a new pool --------------------------------------------------------------------------------------------------------------------


def test_a_pool_is_made_with_its_properties_and_the_second_run_changes_nothing(machine: Machine) -> None:
    wanted = tank(
        vdev("mirror", "a", "b"),
        vdev("single", "c", purpose="log"),
        vdev("single", "d", purpose="cache"),
        vdev("single", "e", purpose="spare"),
        properties={"ashift": 12, "autotrim": True},
        root_properties={"compression": "lz4", "mountpoint": "none"},
    )
    done = bring(machine, wanted)
    assert actions(done) == ["create"]
    (argv,) = done.steps[0].commands
    assert " ".join(argv) == (
        "zpool create -o ashift=12 -o autotrim=on -O compression=lz4 -O mountpoint=none tank"
        " mirror {0}a {0}b log {0}c cache {0}d spare {0}e".format(BY_ID)
    )
    assert "-f" not in argv
    assert not done.steps[0].destructive
    assert done.after.pool is not None and done.after.pool.state == "ONLINE"
    unchanged(machine, wanted)


def test_check_mode_says_it_and_changes_nothing(machine: Machine) -> None:
    done = bring(machine, tank(vdev("mirror", "a", "b")), check=True)
    assert actions(done) == ["create"]
    assert machine.changes == []
    assert not any(call[:2] in (("zpool", "create"), ("zpool", "import", "-f")) or call[0] == "udevadm" for call in machine.calls)


def test_kernel_names_are_given_to_the_pool_as_lasting_ones(machine: Machine) -> None:
    wanted = tank(vdev("mirror", "/dev/nvme0n1", "/dev/nvme1n1"))
    done = bring(machine, wanted)
    assert done.steps[0].commands[0][-2:] == paths("a", "b")
    unchanged(machine, wanted)
    unchanged(machine, tank(vdev("mirror", "a", "b")))
    unchanged(machine, tank(vdev("mirror", "b-part1", "a-part1")))


def test_what_zpool_would_call_a_mismatch_is_added_afterwards(machine: Machine) -> None:
    wanted = tank(vdev("raidz1", "a", "b", "c"), vdev("mirror", "d", "e", purpose="special"))
    done = bring(machine, wanted)
    assert [step.commands[0][:3] for step in done.steps] == [("zpool", "create", "tank"), ("zpool", "add", "-f")]
    unchanged(machine, wanted)
    newer = Machine("2.2.7")
    newer.add("a", "b", "c", "d", "e")
    assert bring(newer, wanted).steps[1].commands[0][2] == "--allow-replication-mismatch"


def test_a_vdev_that_is_weaker_than_the_others_needs_its_consent(machine: Machine) -> None:
    layout = (vdev("mirror", "a", "b"), vdev("single", "c", purpose="special"))
    remedy = refused(
        machine, tank(*layout), "lower_redundancy_to", "then 0 of its disks may fail, and now (or elsewhere in the pool) it is 1"
    )
    assert remedy.endswith("write lower_redundancy_to: 0")
    done = bring(machine, tank(*layout, lower_redundancy_to=0))
    assert [(step.action, step.consent) for step in done.steps] == [("create", ()), ("add", ("lower_redundancy_to",))]


@pytest.mark.parametrize("content", ["ext4", "gpt", "raw"])
def test_a_disk_with_anything_on_it_is_refused_and_overwritten_only_by_its_name(machine: Machine, content: str) -> None:
    machine.disks["b"].content = content
    wanted = tank(vdev("mirror", "a", "b"))
    assert refused(machine, wanted, "overwrite_disks", "b is not blank").endswith("name %sb here" % BY_ID)
    refused(machine, wanted._replace(overwrite_disks=paths("a")), "overwrite_disks", "b is not blank")
    done = bring(machine, wanted._replace(overwrite_disks=paths("b")))
    assert actions(done) == ["wipe", "create"]
    assert (done.steps[0].destructive, done.steps[0].consent) == (True, ("overwrite_disks",))
    assert not any("-f" in argv for argv in done.steps[1].commands)
    assert {disk.name for disk, _what, _command in machine.lost} <= {"b"}
    unchanged(machine, wanted)


def test_a_mounted_disk_is_refused_whatever_is_said(machine: Machine) -> None:
    machine.disks["b"].content, machine.disks["b"].mounted = "ext4", "/data"
    everything = {"overwrite_disks": paths("a", "b"), "remove_disks": paths("b"), "lower_redundancy_to": 0}
    remedy = refused(machine, tank(vdev("mirror", "a", "b"), **everything), "vdevs", "b is mounted at /data")
    assert "nothing allows this one while it is in use" in remedy


def test_a_disk_of_an_imported_pool_is_refused_whatever_is_said(machine: Machine) -> None:
    other = machine.make("other", [("mirror", "data", ["b", "c"])])
    everything = {"overwrite_disks": paths("a", "b"), "overwrite_pools": ("other", other.guid), "remove_disks": paths("b")}
    refused(machine, tank(vdev("mirror", "a", "b"), **everything), "vdevs", "b is in the imported pool other")


def test_a_disk_of_another_pool_needs_the_disk_and_the_pool_to_be_named(machine: Machine) -> None:
    other = machine.make("other", [("mirror", "data", ["b", "c"])], imported=False, exported=True)
    wanted = tank(vdev("mirror", "a", "b"))
    done = bring(machine, wanted)
    assert [problem.setting for problem in done.plan.problems] == ["overwrite_disks", "overwrite_pools"]
    refused(machine, wanted._replace(overwrite_disks=paths("b")), "overwrite_pools", "b belongs to pool other (%s)" % other.guid)
    refused(machine, wanted._replace(overwrite_pools=("other",)), "overwrite_disks", "is not blank")
    done = bring(machine, wanted._replace(overwrite_disks=paths("b"), overwrite_pools=(other.guid,)))
    assert actions(done) == ["wipe", "create"]
    assert done.steps[0].consent == ("overwrite_disks", "overwrite_pools")
    assert {disk.name for disk, _what, _command in machine.lost} == {"b"}


def test_all_that_is_wrong_is_said_at_once(machine: Machine) -> None:
    machine.disks["b"].content = "ext4"
    machine.disks["c"].mounted = "/data"
    done = bring(machine, tank(vdev("mirror", "a", "b"), vdev("mirror", "c", "nowhere")))
    assert [(problem.setting, problem.problem.split()[0]) for problem in done.plan.problems] == [
        ("overwrite_disks", BY_ID + "b"),
        ("vdevs", BY_ID + "c"),
        ("vdevs", BY_ID + "nowhere"),
    ]
    assert machine.changes == []


def test_one_disk_by_two_names_is_seen(machine: Machine) -> None:
    done = bring(machine, tank(vdev("mirror", "a", "/dev/nvme0n1")))
    assert "lead to the same disk" in done.plan.problems[0].problem
    machine.disks["a"].content = "gpt"
    done = bring(machine, tank(vdev("mirror", "a", "a-part1")))
    assert "lead to the same disk" in done.plan.problems[0].problem


def test_one_disk_by_its_path_and_its_guid_is_seen(mirror: Machine) -> None:
    layout = vdev("mirror", "a", "b", mirror.pools[0].leaves[0].guid)
    refused(mirror, tank(layout), "vdevs", "are the same disk")


def test_a_disk_that_changed_since_the_plan_is_not_touched(machine: Machine) -> None:
    class Hasty(Machine):
        def _zpool_status(self, words: List[str]) -> str:
            # Somebody makes a file system between the plan and the act.
            if any(call[0] == "cmp" for call in self.calls):
                self.disks["b"].content = "ext4"
            return super()._zpool_status(words)

    hasty = Hasty()
    hasty.add("a", "b")
    with pytest.raises(ZfsError, match="not what it was when the plan was made"):
        bring(hasty, tank(vdev("mirror", "a", "b")))
    assert hasty.changes == []


# -- import ------------------------------------------------------------------------------------------------------------------------


def test_a_pool_that_was_exported_is_imported_and_then_brought_to_its_layout(machine: Machine) -> None:
    pool = machine.make("tank", [("mirror", "data", ["a", "b"])], imported=False, exported=True, host="elsewhere")
    wanted = tank(vdev("mirror", "a", "b", "c"), properties={"autotrim": True})
    done = bring(machine, wanted)
    assert actions(done) == ["import", "attach", "set"]
    assert done.steps[0].commands == (("zpool", "import", "-d", "/dev/disk/by-id", "-d", "/dev", pool.guid),)
    assert machine.lost == []
    unchanged(machine, wanted)


def test_a_pool_that_another_system_did_not_export_is_taken_over_only_by_its_name(machine: Machine) -> None:
    machine.make("tank", [("mirror", "data", ["a", "b"])], imported=False, host="cp1")
    wanted = tank(vdev("mirror", "a", "b"))
    remedy = refused(machine, wanted, "take_over_from", "was not exported by the system that had it last, cp1")
    assert remedy.endswith("write take_over_from: cp1")
    refused(machine, wanted._replace(take_over_from="cp2"), "take_over_from", "cp1")
    done = bring(machine, wanted._replace(take_over_from="cp1"))
    assert [(step.action, step.consent) for step in done.steps] == [("import", ("take_over_from",))]
    assert machine.lost == []


def test_a_pool_in_use_elsewhere_is_not_imported_where_no_hostid_tells_hosts_apart(machine: Machine) -> None:
    machine.make("tank", [("mirror", "data", ["a", "b"])], imported=False, host="cp1")
    machine.hostids = False
    wanted = tank(vdev("mirror", "a", "b"))
    refused(machine, wanted, "take_over_from", "was not exported by the system that had it last, cp1")
    done = bring(machine, wanted._replace(take_over_from="cp1"))
    assert [(step.action, step.consent) for step in done.steps] == [("identify", ()), ("import", ("take_over_from",))]
    # Once it has one, ZFS asks as well.
    assert machine.changes == [("hostid",), ("import", "tank", "-f")]


def test_a_host_that_has_its_pool_already_is_given_its_identity_as_well(mirror: Machine) -> None:
    mirror.hostids = False
    wanted = tank(vdev("mirror", "a", "b"))
    assert actions(bring(mirror, wanted)) == ["identify"]
    unchanged(mirror, wanted)


def test_who_had_a_pool_last_is_what_its_newest_label_says(machine: Machine) -> None:
    machine.make("tank", [("mirror", "data", ["a", "b"])], imported=False, host="live")
    away = machine.disks["a"].label
    assert away is not None
    # This disk was out when the host that lives now took the pool over.
    away.host, away.txg = "dead", 3
    wanted = tank(vdev("mirror", "a", "b"))
    refused(machine, wanted._replace(take_over_from="dead"), "take_over_from", "had it last, live")


def test_a_pool_is_not_imported_for_its_name_alone(machine: Machine) -> None:
    machine.make("tank", [("mirror", "data", ["a", "b"])], imported=False, exported=True)
    refused(machine, tank(vdev("mirror", "c", "d")), "vdevs", "and none of")


def test_no_pool_is_made_where_the_search_for_it_died(machine: Machine) -> None:
    answers = {("zpool", "import", *SEARCH): Result(-9, "", "")}
    with pytest.raises(ZfsError, match="it ended with code -9"):
        bring(Deaf(machine, answers), tank(vdev("mirror", "a", "b")))  # type: ignore[arg-type]
    assert machine.changes == []


@pytest.mark.parametrize("times", [1, 4, 5])
def test_where_udev_is_slow_zpool_is_asked_again(machine: Machine, times: int) -> None:
    late = (
        "cannot label 'nvme1n1': failed to detect device partitions on '/dev/nvme1n1p1': 19",
        "cannot create 'tank': one or more devices is currently unavailable",
    )
    tried: List[Tuple[str, ...]] = []

    class Slow(Deaf):
        def run(self, argv: Sequence[str], *rest: Any, **more: Any) -> Result:
            if tuple(argv[:2]) == ("zpool", "create"):
                tried.append(tuple(argv))
                if len(tried) <= times:
                    return Result(1, "", late[len(tried) % 2])
            return super().run(argv, *rest, **more)

    slow: Any = Slow(machine, {})
    if times < 5:
        assert actions(bring(slow, tank(vdev("mirror", "a", "b")))) == ["create"]
        assert len(tried) == times + 1
    else:
        with pytest.raises(ZfsError, match="currently unavailable|failed to detect device partitions"):
            bring(slow, tank(vdev("mirror", "a", "b")))
        assert len(tried) == 5


def test_an_opt_in_by_a_name_that_another_disk_may_have_tomorrow_counts_for_none(machine: Machine) -> None:
    machine.disks["b"].content = "ext4"
    wanted = tank(vdev("mirror", "a", "b"))
    remedy = refused(machine, wanted._replace(overwrite_disks=("/dev/nvme1n1",)), "overwrite_disks", "b is not blank")
    assert remedy.endswith("name %sb here" % BY_ID)


@pytest.mark.parametrize("setting", ["remove_disks", "offline_disks"])
def test_so_does_one_by_which_a_disk_leaves(mirror: Machine, setting: str) -> None:
    wanted = tank(vdev("mirror", "a", "b"), lower_redundancy_to=0)
    for disk, remedy in (("/dev/nvme1n1", "write %sb" % BY_ID), ("/dev/sdz", "write its GUID, see zpool status -g")):
        assert refused(mirror, wanted._replace(**{setting: (disk,)}), setting, "may be another disk") == remedy


def test_partitions_of_one_disk_make_no_mirror(machine: Machine) -> None:
    parts = {
        path: Device(path, "sda%d" % number, "sda", number, lasting=path, contents=())
        for number, path in enumerate(paths("a-part1", "a-part2"), 1)
    }
    seen = Seen(devices=parts)
    (problem,) = make_plan(tank(vdev("mirror", "a-part1", "a-part2")), seen).problems
    assert "are parts of one disk" in problem.problem
    apart = make_plan(tank(vdev("single", "a-part1"), vdev("single", "a-part2", purpose="log")), seen)
    assert apart.problems == []


def test_the_root_dataset_is_not_mounted_above_files(machine: Machine) -> None:
    wanted = tank(vdev("mirror", "a", "b"))
    machine.files_in = {"/tank": ["file"]}
    refused(machine, wanted, "root_properties.mountpoint", "/tank has files, which the pool, mounted above them, would hide")
    elsewhere = wanted._replace(root_properties={"mountpoint": "/pool"})
    assert actions(bring(machine, elsewhere)) == ["create"]
    machine.files_in = {"/pool": ["file"]}
    unchanged(machine, elsewhere)
    machine.files_in = {"/srv": ["file"]}
    moved = wanted._replace(root_properties={"mountpoint": "/srv"})
    assert [one.setting for one in bring(machine, moved).plan.problems] == ["root_properties.mountpoint"]


def test_a_missing_partition_is_not_taken_for_another_of_the_same_disk(machine: Machine) -> None:
    text = (
        "  pool: tank\n state: DEGRADED\nconfig:\n\n\tNAME STATE READ WRITE CKSUM\n"
        "\ttank  DEGRADED 0 0 0\n\t  mirror-0  DEGRADED 0 0 0\n"
        "\t    %(by)sa-part1  UNAVAIL 0 0 0\n\t    %(by)sb-part1  ONLINE 0 0 0\n"
        "\tlogs\n\t  %(by)sa-part2  UNAVAIL 0 0 0\n\nerrors: No known data errors\n"
    ) % {"by": BY_ID}
    numbers = iter(range(7000001, 7000010))
    guids = "\n".join(
        "\t" + " " * (len(line) - len(line.lstrip()) - 1) + "%d ONLINE 0 0 0" % next(numbers)
        if line.startswith("\t") and "NAME" not in line and "logs" not in line
        else line
        for line in text.splitlines()
    )
    (pool,) = parse_status(text, guids)
    b = Device(BY_ID + "b-part1", "sdb1", "sdb", 1)
    seen = Seen(pool=pool, members={pool.groups[0].members[1].guid: b}, devices={BY_ID + "b-part1": b})
    wanted = tank(vdev("mirror", "a-part1", "b-part1"), vdev("single", "a-part2", purpose="log"))
    assert make_plan(wanted, seen).problems == []
    # The log's partition may leave; the mirror's is not meant by that.
    less = tank(vdev("single", "b-part1"), remove_disks=paths("a-part2"), lower_redundancy_to=0)
    (problem,) = [one for one in make_plan(less, seen).problems if one.setting == "remove_disks"]
    assert "a-part1 of mirror-0 is not in vdevs" in problem.problem


def test_a_disk_alone_that_is_being_replaced_is_one_vdev(machine: Machine) -> None:
    machine.make("tank", [("single", "data", ["a"])])
    wanted = tank(vdev("single", "b"), remove_disks=paths("a"))
    assert actions(bring(machine, wanted)) == ["replace"]
    # The next run comes while it resilvers.
    again = bring(machine, wanted)
    assert (again.steps, again.plan.problems) == ([], [])
    unchanged(machine, wanted)


def test_two_ways_to_one_disk_make_no_mirror(machine: Machine) -> None:
    read = machine.read
    same = ["/sys/class/block/%s/wwid" % machine.disks[name].kernel for name in "ab"]
    machine.read = lambda path: "eui.0025385b21404321\n" if path in same else read(path)  # type: ignore[method-assign]
    refused(machine, tank(vdev("mirror", "a", "b")), "vdevs", "lead to the same disk")
    assert actions(bring(machine, tank(vdev("mirror", "a", "c")))) == ["create"]
    refused(machine, tank(vdev("mirror", "a", "c", "b")), "vdevs", "lead to the same disk")


def test_no_disk_goes_offline_before_a_resilver_has_said_who_holds_all_data(mirror: Machine) -> None:
    bring(mirror, tank(vdev("mirror", "a", "b", "c")))
    wanted = tank(vdev("mirror", "a", "b", "c"), offline_disks=paths("a"), lower_redundancy_to=0)
    assert refused(mirror, wanted, "offline_disks", "is resilvering").startswith("wait for its end")


def test_guids_are_not_read_off_other_rows_when_a_pool_changes_meanwhile(mirror: Machine) -> None:
    calls: List[str] = []
    status = mirror._zpool_status

    def changing(words: List[str]) -> str:
        calls.append(words[-1])
        text = status(words)
        # The disks change places right after the first look.
        return (
            text.replace("by-id/a", "by-id/x").replace("by-id/b", "by-id/a").replace("by-id/x", "by-id/b")
            if len(calls) == 1
            else text
        )

    mirror._zpool_status = changing  # type: ignore[method-assign]
    (pool,) = ZfsHost(mirror).pools((2, 1))
    truth = {leaf.disk.path + "-part1": leaf.guid for leaf in mirror.pools[0].leaves}
    assert {member.path: member.guid for member in pool.members} == truth
    assert len(calls) == 6


def test_a_pool_is_never_made_anew_while_it_may_live(machine: Machine) -> None:
    pool = machine.make("tank", [("raidz1", "data", ["a", "b", "c"])], imported=False, exported=True)
    machine.pull("b")
    machine.pull("c")
    everything = {"overwrite_disks": paths("a", "d"), "overwrite_pools": ("tank",), "lower_redundancy_to": 0}
    wanted = tank(vdev("mirror", "a", "d"), **everything)
    remedy = refused(machine, wanted, "name", "is here and can't be imported")
    assert "overwrite_pools: [%s] gives it up" % pool.guid in remedy
    # Its disks alone, too few for `zpool import` to list it, say so as well.
    machine.pools.remove(pool)
    refused(machine, wanted, "name", "disks of a pool tank (%s) are here" % pool.guid)
    done = bring(machine, wanted._replace(overwrite_pools=(pool.guid,)))
    assert actions(done) == ["wipe", "create"]


def test_two_pools_of_one_name_are_told_apart_by_the_disks_or_not_at_all(machine: Machine) -> None:
    machine.make("tank", [("single", "data", ["a"])], imported=False, exported=True)
    right = machine.make("tank", [("mirror", "data", ["b", "c"])], imported=False, exported=True)
    refused(machine, tank(vdev("mirror", "d", "e")), "name", "there are 2 pools called tank here")
    assert bring(machine, tank(vdev("mirror", "b", "c"))).steps[0].commands[0][-1] == right.guid


def test_a_pool_is_exported_once(mirror: Machine) -> None:
    wanted = Wanted("tank", state="exported")
    assert actions(bring(mirror, wanted)) == ["export"]
    assert mirror.changes == [("export", "tank")]
    unchanged(mirror, wanted)


# -- disks that come and go --------------------------------------------------------------------------------------------------------


def test_a_single_disk_becomes_a_mirror_and_a_mirror_becomes_wider(machine: Machine) -> None:
    pool = machine.make("tank", [("single", "data", ["a"])])
    old = pool.leaves[0].guid
    done = bring(machine, tank(vdev("mirror", "a", "b"), properties={"ashift": 12}))
    assert [step.commands[0] for step in done.steps if step.action == "attach"] == [
        ("zpool", "attach", "-o", "ashift=12", "tank", old, BY_ID + "b")
    ]
    machine.settle()
    assert actions(bring(machine, tank(vdev("mirror", "a", "b", "c")))) == ["attach"]
    assert members(machine) == [("data", "mirror", ["a", "b", "c"])]
    unchanged(machine, tank(vdev("mirror", "c", "a", "b")))


def test_while_a_mirror_is_resilvering_nothing_that_was_attached_is_attached_again(mirror: Machine) -> None:
    wanted = tank(vdev("mirror", "a", "b", "c"))
    bring(mirror, wanted)
    done = bring(mirror, wanted)
    assert (done.steps, done.plan.problems) == ([], [])


@pytest.mark.parametrize("state", ["REMOVED", "UNAVAIL", "FAULTED"])
def test_a_disk_that_failed_is_replaced_by_the_one_that_stands_in_its_place(mirror: Machine, state: str) -> None:
    mirror.pull("b")
    failed = mirror.pools[0].leaves[1]
    failed.state = state
    wanted = tank(vdev("mirror", "a", "c"))
    done = bring(mirror, wanted)
    assert [step.commands[0] for step in done.steps] == [("zpool", "replace", "tank", failed.guid, BY_ID + "c")]
    assert not done.steps[0].destructive
    unchanged(mirror, wanted)
    assert members(mirror) == [("data", "mirror", ["a", "c"])]


def test_a_failed_disk_is_known_by_its_old_name_or_its_guid(mirror: Machine) -> None:
    mirror.pull("b")
    for name in ("b", "b-part1", mirror.pools[0].leaves[1].guid):
        done = bring(mirror, tank(vdev("mirror", "a", name)))
        assert (done.steps, done.plan.problems) == ([], [])
        assert any("REMOVED" in warning for warning in done.plan.warnings)


def test_a_disk_that_came_back_is_taken_back(mirror: Machine) -> None:
    mirror.pull("b")
    mirror.disks["b"].present = True
    wanted = tank(vdev("mirror", "a", "b"))
    done = bring(mirror, wanted)
    assert [step.commands[0] for step in done.steps] == [("zpool", "online", "tank", mirror.pools[0].leaves[1].guid)]
    unchanged(mirror, wanted)


def test_another_disk_in_the_same_slot_is_a_new_disk_and_not_the_old_one(mirror: Machine) -> None:
    mirror.pull("b")
    mirror.disks["b"] = type(mirror.disks["b"])("b", 9)
    mirror.pools[0].leaves[1].disk = type(mirror.disks["b"])("b", 1, present=False)
    wanted = tank(vdev("mirror", "a", "b"))
    done = bring(mirror, wanted)
    assert actions(done) == ["replace"]
    assert done.steps[0].commands[0][-1] == BY_ID + "b"


def test_a_healthy_disk_leaves_only_by_its_name(mirror: Machine) -> None:
    wanted = tank(vdev("mirror", "a", "c"))
    remedy = refused(mirror, wanted, "remove_disks", "b-part1 of mirror-0 is healthy, and not in vdevs any more")
    assert remedy == "keep it in vdevs; if %sc shall take its place, name it here" % BY_ID
    done = bring(mirror, wanted._replace(remove_disks=paths("b")))
    assert [(step.action, step.consent) for step in done.steps] == [("replace", ("remove_disks",))]
    unchanged(mirror, wanted)


def test_a_mirror_becomes_narrower_only_with_both_consents(mirror: Machine) -> None:
    wanted = tank(vdev("single", "a"))
    refused(mirror, wanted, "remove_disks", "b-part1 of mirror-0 is not in vdevs")
    refused(mirror, wanted._replace(remove_disks=paths("b")), "lower_redundancy_to", "then 0 of its disks may fail")
    refused(mirror, wanted._replace(lower_redundancy_to=0), "remove_disks", "is not in vdevs")
    done = bring(mirror, wanted._replace(remove_disks=paths("b"), lower_redundancy_to=0))
    assert [(step.action, step.consent) for step in done.steps] == [("detach", ("remove_disks", "lower_redundancy_to"))]
    assert members(mirror) == [("data", "single", ["a"])]
    unchanged(mirror, wanted)


def test_a_disk_that_is_gone_does_not_count_for_what_is_left(machine: Machine) -> None:
    machine.make("tank", [("mirror", "data", ["a", "b", "c"])])
    machine.pull("b")
    wanted = tank(vdev("mirror", "a", "b"), remove_disks=paths("c"), lower_redundancy_to=1)
    refused(machine, wanted, "lower_redundancy_to", "then 0 of its disks may fail")
    assert actions(bring(machine, wanted._replace(lower_redundancy_to=0))) == ["detach"]


def test_the_last_disk_that_holds_all_data_never_leaves(mirror: Machine) -> None:
    mirror.pools[0].leaves[0].resilvering = True
    everything = {"remove_disks": paths("b"), "lower_redundancy_to": 0, "overwrite_disks": paths("b", "c")}
    refused(mirror, tank(vdev("single", "a"), **everything), "remove_disks", "left without a disk that holds all data")


def test_nothing_is_taken_out_while_the_pool_resilvers(machine: Machine) -> None:
    machine.make("tank", [("mirror", "data", ["a", "b"]), ("mirror", "data", ["c", "d"])])
    machine.pools[0].leaves[3].resilvering = True
    wanted = tank(vdev("single", "a"), vdev("mirror", "c", "d"), remove_disks=paths("b"), lower_redundancy_to=0)
    refused(machine, wanted, "remove_disks", "pool tank is resilvering")


def test_a_vdev_is_added_and_one_that_lowers_redundancy_only_with_its_consent(machine: Machine) -> None:
    machine.make("tank", [("mirror", "data", ["a", "b"])])
    layout = (vdev("mirror", "a", "b"), vdev("single", "c"))
    refused(machine, tank(*layout), "lower_redundancy_to", "adding %sc: then 0 of its disks may fail" % BY_ID)
    refused(machine, tank(*layout, lower_redundancy_to=1), "lower_redundancy_to", "adding")
    done = bring(machine, tank(vdev("mirror", "a", "b"), vdev("mirror", "c", "d")))
    assert done.steps[0].commands == (("zpool", "add", "tank", "mirror", *paths("c", "d")),)
    assert "for good" in done.steps[0].text
    done = bring(machine, tank(vdev("mirror", "a", "b"), vdev("mirror", "c", "d"), vdev("single", "e"), lower_redundancy_to=0))
    assert (done.steps[0].consent, done.steps[0].commands[0][2]) == (("lower_redundancy_to",), "-f")


def test_a_vdev_that_is_not_named_is_refused_and_removed_only_with_all_its_disks_named(machine: Machine) -> None:
    machine.make("tank", [("mirror", "data", ["a", "b"]), ("mirror", "data", ["c", "d"]), ("single", "log", ["e"])])
    wanted = tank(vdev("mirror", "a", "b"), vdev("single", "e", purpose="log"))
    refused(machine, wanted, "remove_disks", "mirror-1 (data:")
    refused(machine, wanted._replace(remove_disks=paths("c")), "remove_disks", "mirror-1 (data:")
    done = bring(machine, wanted._replace(remove_disks=paths("c", "d")))
    assert [step.commands[0] for step in done.steps] == [("zpool", "remove", "tank", "mirror-1")]
    assert done.steps[0].consent == ("remove_disks",)
    done = bring(machine, tank(vdev("mirror", "a", "b"), remove_disks=paths("e")))
    assert actions(done) == ["remove"]


def test_the_only_vdev_for_data_never_leaves_and_raidz_keeps_its_vdevs(machine: Machine) -> None:
    machine.make("tank", [("raidz1", "data", ["a", "b", "c"]), ("mirror", "special", ["d", "e"])])
    gone = tank(vdev("raidz1", "a", "b", "c"), remove_disks=paths("d", "e"), lower_redundancy_to=0)
    refused(machine, gone, "vdevs", "mirror-1 can't leave a pool that has raidz1-0")


def test_a_raidz_keeps_its_parity_and_its_number_of_disks(machine: Machine) -> None:
    machine.make("tank", [("raidz1", "data", ["a", "b", "c"])])
    refused(machine, tank(vdev("raidz2", "a", "b", "c", "d")), "vdevs", "is a raidz1, and ZFS can't make it a raidz2")
    refused(machine, tank(vdev("raidz1", "a", "b", "c", "d")), "vdevs", "has 3 disks, and here are 4")
    refused(machine, tank(vdev("raidz1", "a", "b")), "vdevs", "ZFS can't take disks out of a raidz1")
    refused(machine, tank(vdev("raidz1", "a", "b", "d")), "remove_disks", "c-part1 of raidz1-0 is healthy")
    machine.pull("c")
    assert actions(bring(machine, tank(vdev("raidz1", "a", "b", "d")))) == ["replace"]


def test_a_raidz_grows_by_one_disk_where_openzfs_can(machine: Machine) -> None:
    machine.version = "2.3.0"
    pool = machine.make("tank", [("raidz1", "data", ["a", "b", "c"])], properties={"feature@raidz_expansion": "enabled"})
    host = ZfsHost(machine)
    # This machine has no JSON: what is planned is looked at, not done.
    seen = _seen(machine)._replace(version=(2, 3, 0))
    plan = make_plan(tank(vdev("raidz1", "a", "b", "c", "d")), seen)
    assert plan.steps[0].commands == (("zpool", "attach", "tank", "raidz1-0", BY_ID + "d"),)
    assert "can't be undone" in plan.steps[0].text
    assert "add one disk a run" in make_plan(tank(vdev("raidz1", "a", "b", "c", "d", "e")), seen).problems[0].remedy
    assert host.version() == (2, 3, 0)
    assert pool.state() == "ONLINE"


def _seen(machine: Machine) -> Any:
    version, machine.version = machine.version, "2.1.11"
    try:
        return ZfsHost(machine).read(tank(vdev("raidz1", "a", "b", "c", "d", "e")))
    finally:
        machine.version = version


def test_spares_and_caches_come_freely_and_go_by_name(mirror: Machine) -> None:
    wanted = tank(vdev("mirror", "a", "b"), vdev("single", "c", purpose="spare"), vdev("single", "d", "e", purpose="cache"))
    done = bring(mirror, wanted)
    assert [step.commands[0][3] for step in done.steps] == ["cache", "spare"]
    unchanged(mirror, wanted)
    less = tank(vdev("mirror", "a", "b"), vdev("single", "d", purpose="cache"))
    done = bring(mirror, less)
    assert [problem.problem.split()[0] for problem in done.plan.problems] == [BY_ID + "e-part1", BY_ID + "c-part1"]
    assert actions(bring(mirror, less._replace(remove_disks=paths("c", "e")))) == ["remove", "remove"]
    unchanged(mirror, less)


def test_a_disk_of_the_pool_is_not_taken_for_something_else(machine: Machine) -> None:
    machine.make("tank", [("mirror", "data", ["a", "b"]), ("mirror", "data", ["c", "d"]), ("single", "spare", ["e"])])
    spare = vdev("single", "e", purpose="spare")
    done = bring(machine, tank(vdev("mirror", "a", "c"), vdev("mirror", "b", "d"), spare))
    assert len(done.plan.problems) == 2
    assert all("ZFS can't move disks between vdevs" in problem.remedy for problem in done.plan.problems)
    done = bring(machine, tank(vdev("mirror", "a", "b"), vdev("mirror", "c", "d"), vdev("single", "e")))
    assert "is a spare or cache disk of the pool" in done.plan.problems[0].problem
    assert machine.changes == []


def test_a_disk_goes_offline_by_its_name_and_the_figure_that_is_left(mirror: Machine) -> None:
    layout = (vdev("mirror", "a", "b"),)
    refused(mirror, tank(*layout, offline_disks=paths("b")), "lower_redundancy_to", "mirror-0 without")
    allowed = tank(*layout, offline_disks=paths("b"), lower_redundancy_to=0)
    assert actions(bring(mirror, allowed)) == ["offline"]
    unchanged(mirror, allowed)
    unchanged(mirror, tank(*layout))
    refused(mirror, allowed._replace(offline_disks=paths("a", "b")), "offline_disks", "can't do without")
    done = bring(mirror, tank(*layout, offline_disks=()))
    assert actions(done) == ["online"]
    unchanged(mirror, tank(*layout, offline_disks=()))


def test_a_pool_grows_into_larger_disks_when_told(mirror: Machine) -> None:
    mirror.pools[0].properties["expandsize"] = "1073741824"
    guids = [leaf.guid for leaf in mirror.pools[0].leaves]
    layout = (vdev("mirror", "a", "b"),)
    assert bring(mirror, tank(*layout)).steps == []
    done = bring(mirror, tank(*layout, expand=True))
    assert done.steps[0].commands == tuple(("zpool", "online", "-e", "tank", guid) for guid in guids)


def test_properties_are_set_where_they_mean_something_else(mirror: Machine) -> None:
    mirror.pools[0].properties.update({"autotrim": "on", "comment": "-"})
    mirror.pools[0].root_properties.update({"recordsize": "131072", "atime": "on", "casesensitivity": "sensitive"})
    layout = (vdev("mirror", "a", "b"),)
    done = bring(
        mirror, tank(*layout, properties={"autotrim": True, "comment": "x"}, root_properties={"recordsize": "128K", "atime": False})
    )
    assert [step.commands[0] for step in done.steps] == [("zpool", "set", "comment=x", "tank"), ("zfs", "set", "atime=off", "tank")]
    wrong = tank(*layout, root_properties={"casesensitivity": "mixed"})
    refused(mirror, wrong, "root_properties.casesensitivity", "it is sensitive")


def test_a_pool_that_stands_still_is_left_alone(mirror: Machine) -> None:
    for leaf in mirror.pools[0].leaves:
        leaf.state = "REMOVED"
    refused(mirror, tank(vdev("mirror", "a", "c"), remove_disks=paths("b"), lower_redundancy_to=0), "name", "pool tank is UNAVAIL")


@pytest.mark.parametrize(
    ("wanted", "setting", "words"),
    [
        (Wanted("mirror1", (vdev("single", "a"),)), "name", "a word that ZFS keeps"),
        (Wanted("1tank", (vdev("single", "a"),)), "name", "no name of a pool"),
        (Wanted("-f", (vdev("single", "a"),)), "name", "no name of a pool"),
        (tank(), "vdevs", "no vdev for data"),
        (tank(vdev("single", "a", purpose="log")), "vdevs", "no vdev for data"),
        (tank(vdev("mirror", "a")), "vdevs[0]", "needs 2 disks or more"),
        (tank(vdev("single", "a", "b")), "vdevs[0]", "a vdev of type single has one disk"),
        (tank(vdev("raidz2", "a", "b")), "vdevs[0]", "needs 3 disks"),
        (tank(vdev("mirror", "a", "a")), "vdevs[0].disks", "named twice"),
        (tank(Vdev("single", ("sda",))), "vdevs[0]", "'sda' is no disk"),
        (tank(Vdev("single", ("-f",))), "vdevs[0]", "'-f' is no disk"),
        (tank(Vdev("single", ("/dev/../etc/x",))), "vdevs[0]", "no plain path"),
        (tank(Vdev("single", ("/dev/disk/by-uuid/1A2B",))), "vdevs[0]", "a name of what is on a disk"),
        (tank(vdev("single", "a"), vdev("raidz1", "b", "c", purpose="log")), "vdevs[1]", "ZFS takes no raidz1 for log"),
        (tank(vdev("single", "a"), vdev("mirror", "b", "c", purpose="cache")), "vdevs[1]", "never a group"),
        (tank(vdev("mirror", "a", "b", draid_spares=1)), "vdevs[0]", "are for draid"),
        (tank(vdev("draid1", "a", "b", "c", draid_data=4)), "vdevs[0]", "are more than 3"),
        (tank(vdev("single", "a"), properties={"size": 1}), "properties.size", "ZFS computes it"),
    ],
)
def test_a_layout_that_zfs_has_not_is_refused_in_words(machine: Machine, wanted: Wanted, setting: str, words: str) -> None:
    refused(machine, wanted, setting, words)


def test_a_draid_is_made_with_its_groups(machine: Machine) -> None:
    done = bring(machine, tank(vdev("draid1", "a", "b", "c", "d", draid_data=2, draid_spares=1)), check=True)
    assert done.steps[0].commands[0][3] == "draid1:2d:4c:1s"


def spare_in_use(resilvering: bool = False) -> Any:
    """A pool of raidz2 in which HDD_9 stands in for HDD_2, as `zpool status` prints it, with numbers for GUIDs."""
    (pool,) = parse_status((ROOT / "tests/fixtures/zfs/written/spare_in_use.txt").read_text())
    numbers: Dict[str, str] = {}
    groups = []
    for group in pool.groups:
        members = []
        for member in group.members:
            guid = numbers.setdefault(member.path, str(10**18 + len(numbers)))
            members.append(member._replace(guid=guid, resilvering=resilvering and member.path.endswith("9-part1")))
        groups.append(group._replace(members=tuple(members)))
    return pool._replace(groups=tuple(groups), guid="7000000000"), numbers


def hdds(*numbers: int) -> Any:
    return vdev("raidz2", *["ata-HDD_%d" % number for number in numbers])


def test_a_spare_that_stands_in_is_left_to_it_or_keeps_the_place() -> None:
    pool, numbers = spare_in_use()
    seen = Seen(pool=pool)
    spare = vdev("single", "ata-HDD_9", purpose="spare")
    assert make_plan(tank(hdds(1, 2, 3, 4), spare), seen)[:2] == ([], [])
    kept = make_plan(tank(hdds(1, 9, 3, 4)), seen)
    assert kept.problems == []
    old = numbers[BY_ID + "ata-HDD_2-part1"]
    assert [step.commands for step in kept.steps] == [(("zpool", "detach", "tank", old),)]
    assert not kept.steps[0].destructive
    waiting = make_plan(tank(hdds(1, 9, 3, 4)), seen._replace(pool=spare_in_use(True)[0]))
    assert (waiting.steps, waiting.problems) == ([], [])
    assert any("keeps its place in a later run" in warning for warning in waiting.warnings)


def test_a_disk_that_a_spare_stands_in_for_is_replaced_by_a_new_one() -> None:
    pool, numbers = spare_in_use()
    new = BY_ID + "ata-HDD_7"
    devices = {new: Device(new, "sdx", "sdx", 0, 1 << 40, new, contents=())}
    plan = make_plan(tank(hdds(1, 7, 3, 4), vdev("single", "ata-HDD_9", purpose="spare")), Seen(pool=pool, devices=devices))
    assert plan.problems == []
    assert plan.steps[0].commands == (("zpool", "replace", "tank", numbers[BY_ID + "ata-HDD_2-part1"], new),)


def test_a_key_that_would_be_asked_for_is_refused(machine: Machine) -> None:
    wanted = tank(vdev("mirror", "a", "b"), root_properties={"encryption": True, "keyformat": "passphrase"})
    refused(machine, wanted, "root_properties.keylocation", "at a terminal")
    located = {**wanted.root_properties, "keylocation": "file:///etc/zfs/keys/tank"}
    assert actions(bring(machine, wanted._replace(root_properties=located), check=True)) == ["create"]


# -- what goes wrong ---------------------------------------------------------------------------------------------------------------


class Broken(Machine):
    def __init__(self, answers: Sequence[Tuple[Tuple[str, ...], Result]]) -> None:
        super().__init__()
        self.answers = dict(answers)

    def run(self, argv: Sequence[str], *args: Any, **kwargs: Any) -> Result:
        for words, answer in self.answers.items():
            if tuple(argv[: len(words)]) == words:
                return answer
        return super().run(argv, *args, **kwargs)


def test_since_2_3_the_status_is_asked_for_as_json() -> None:
    status = (ROOT / "tests/fixtures/zfs/written/replacing.json").read_text()
    answers = {("zfs", "version"): "zfs-2.3.2-1\n", ("zpool", "status", "--json", "--json-int", "-P"): status}
    host = ZfsHost(FakeRunner({}, answers))
    (pool,) = host.pools(host.version())
    assert (pool.name, pool.guid, pool.scanning, len(pool.groups[0].places)) == ("tank", "9522190425107286424", "resilver", 2)


def test_a_host_without_zfs_is_said_to_be_one() -> None:
    with pytest.raises(NoZfsError, match="its programs are not on this host"):
        bring(Broken([(("zfs", "version"), Result(127, "", "zfs: not found"))]), tank(vdev("single", "a")))
    # Of 2.1.11 and 2.3.2, each of which says it for its version as well.
    for text in (
        "The ZFS modules are not loaded.\nTry running '/sbin/modprobe zfs' as root to load them.\n",
        "The ZFS modules cannot be auto-loaded.\nTry running 'modprobe zfs' as root to manually load them.\n",
    ):
        for command in (("zfs", "version"), ("zpool", "status")):
            with pytest.raises(NoZfsError, match="The ZFS modules .* run `modprobe zfs`"):
                bring(Broken([(command, Result(1, "", text))]), tank(vdev("single", "a")))


def test_where_nobody_can_say_which_pools_there_are_none_is_made() -> None:
    for answer in (Result(1, "", "cannot discover pools: permission denied"), Result(124, "", "did not end"), Result(127, "", "")):
        machine = Broken([(("zpool", "import"), answer)])
        machine.add("a")
        with pytest.raises(ZfsError):
            bring(machine, tank(vdev("single", "a")))
        assert machine.changes == []


def test_what_zpool_refuses_is_told_with_its_words() -> None:
    machine = Broken([(("zpool", "create"), Result(1, "", "mountpoint '/tank' exists and is not empty\nuse '-m' option"))])
    machine.add("a")
    with pytest.raises(ZfsError, match="mountpoint '/tank' exists and is not empty; use '-m' option"):
        bring(machine, tank(vdev("single", "a")))


def test_a_pool_is_returned_with_what_it_may_lose(mirror: Machine) -> None:
    done = bring(mirror, tank(vdev("mirror", "a", "b")))
    data = as_data(done.after.pool)
    assert data is not None
    assert (data["name"], data["state"], data["may_lose"]) == ("tank", "ONLINE", 1)
    mirror.pull("b")
    data = as_data(bring(mirror, tank(vdev("mirror", "a", "b"))).after.pool)
    assert data is not None and data["may_lose"] == 0
    assert as_data(None) is None


def test_a_disk_that_is_yet_to_be_filled_does_not_count() -> None:
    captured = ROOT / "tests/fixtures/zfs/captured/2.1.11"
    # As ZFS says it before the first block of a resilver: every row without a note.
    (replacing,) = parse_status((captured / "status_replacing.txt").read_text())
    assert [member.whole for member in replacing.members] == [True, False, True, True]
    (wide,) = parse_status((captured / "status_three_way.txt").read_text())
    for pool, most in ((replacing, 1), (wide, 2), (wide._replace(scan="resilver in progress since now"), 1)):
        said = as_data(pool)
        assert said is not None and said["may_lose"] == most
