# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""10,000 machines, layouts and sets of opt-ins: nothing is lost that no opt-in names, and what was done is not done again.

The machine is asked what was lost, not the plan.
"""

from __future__ import annotations

import collections
import copy
import random
from typing import Any, Counter, Dict, List, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.host import ZfsHost
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.layout import FEWEST, LASTING, Vdev
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.plan import Wanted
from zfs_machine import Machine, Pool

LAYOUTS = 10_000
TYPES = ("single", "mirror", "mirror", "raidz1", "raidz2")


def generate(seed: int) -> Tuple[Machine, Wanted]:
    """A machine with pools or none, and a layout that is near to what it has, or far from it."""
    dice = random.Random(seed)
    machine = Machine(dice.choice(["2.1.11", "2.2.7"]))
    names = ["d%d" % number for number in range(dice.randint(2, 9))]
    machine.add(*names)
    free = list(names)
    dice.shuffle(free)
    groups = vdevs(dice, free)
    had: List[Any] = []
    if any(purpose == "data" for _kind, purpose, _disks in groups) and dice.random() < 0.8:
        imported = dice.random() < 0.75
        host = dice.choice(["here", "here", "elsewhere"])
        machine.make(
            "tank", groups, imported=imported, exported=not imported and dice.random() < 0.6, host="here" if imported else host
        )
        had = groups
    other: List[str] = []
    if free and dice.random() < 0.3:
        other = [free.pop()]
        machine.make("other", [("single", "data", other)], imported=dice.random() < 0.3, exported=True)
    for name in free:
        disk = machine.disks[name]
        disk.content = dice.choice(["", "", "", "", "ext4", "gpt", "raw"])
        if disk.content == "ext4" and dice.random() < 0.3:
            disk.mounted = "/data"
    for pool in machine.pools:
        for leaf in pool.leaves:
            if dice.random() < 0.08 and pool.imported:
                leaf.state = dice.choice(["REMOVED", "UNAVAIL", "FAULTED", "OFFLINE"])
                leaf.disk.present = dice.random() < 0.3
            elif dice.random() < 0.05:
                leaf.resilvering = pool.imported
    layout = [
        (kind, purpose, list(disks)) for kind, purpose, disks in (had if had and dice.random() < 0.9 else vdevs(dice, names[:]))
    ]
    for _change in range(dice.choice([0, 0, 1, 1, 2, 3])):
        mutate(dice, layout, names, machine)
    return machine, wanted(dice, layout, names, machine)


def vdevs(dice: random.Random, free: List[str]) -> List[Any]:
    found: List[Any] = []
    kind = dice.choice(TYPES)
    for purpose in (
        "data",
        dice.choice(["data", "special", "log", "cache", "spare", "dedup"]),
        dice.choice(["spare", "log", "data"]),
    ):
        this = kind if purpose == "data" else "single" if purpose in ("cache", "spare") else dice.choice(["single", "mirror"])
        count = FEWEST[this] + (dice.choice([0, 0, 1]) if this != "single" else 0)
        if len(free) >= count and (purpose == "data" or dice.random() < 0.5):
            found.append((this, purpose, [free.pop() for _number in range(count)]))
    return found


def mutate(dice: random.Random, layout: List[Any], names: List[str], machine: Machine) -> None:
    if not layout:
        return
    place = dice.randrange(len(layout))
    kind, purpose, disks = layout[place]
    unused = [name for name in names if all(name not in vdev[2] for vdev in layout)] or names
    what = dice.choice(["swap", "drop", "more", "type", "vdev", "leave", "guid", "purpose"])
    if what == "swap" and disks:
        disks[dice.randrange(len(disks))] = dice.choice(unused)
    elif what == "drop" and len(disks) > 1:
        disks.pop(dice.randrange(len(disks)))
    elif what == "more":
        disks.append(dice.choice(unused))
    elif what == "type":
        kind = dice.choice(TYPES)
    elif what == "vdev":
        layout.append((dice.choice(["single", "mirror"]), dice.choice(["data", "special", "log", "spare"]), [dice.choice(unused)]))
    elif what == "leave" and len(layout) > 1:
        layout.pop(place)
        return
    elif what == "guid" and machine.pools and disks:
        disks[0] = dice.choice(machine.pools[0].leaves).guid
    elif what == "purpose":
        purpose = dice.choice(["data", "log", "spare", "special"])
    if len(disks) == 2 and kind == "single" and purpose not in ("cache", "spare"):
        kind = "mirror"
    elif len(disks) == 1 and kind == "mirror":
        kind = "single"
    layout[place] = (kind, purpose, disks)


def path(dice: random.Random, name: str, machine: Machine, passing: int = 4) -> str:
    """A disk's name, each ``passing``-th time that of the kernel."""
    if name.isdigit():
        return name
    disk = machine.disks[name]
    return disk.path if dice.randrange(passing) else "/dev/" + disk.kernel


def some(dice: random.Random, names: List[str]) -> List[str]:
    share = dice.choice([0, 0.3, 1, 1])
    return [name for name in names if dice.random() < share]


def wanted(dice: random.Random, layout: List[Any], names: List[str], machine: Machine) -> Wanted:
    guids = [pool.guid for pool in machine.pools]
    return Wanted(
        "tank",
        tuple(Vdev(kind, tuple(path(dice, name, machine) for name in disks), purpose) for kind, purpose, disks in layout),
        properties=dice.choice([{}, {"ashift": 12, "autotrim": True}]),
        overwrite_disks=tuple(path(dice, name, machine) for name in some(dice, names)),
        overwrite_pools=tuple(some(dice, ["tank", "other", *guids])),
        remove_disks=tuple(path(dice, name, machine, 50) for name in some(dice, names)),
        offline_disks=dice.choice([None, None, None, (), tuple(path(dice, name, machine, 50) for name in some(dice, names)[:1])]),
        lower_redundancy_to=dice.choice([None, 0, 0, 1]),
        take_over_from=dice.choice(["", "elsewhere"]),
    )


def named(machine: Machine, paths: Any) -> List[str]:
    """The disks that these paths mean."""
    disks = machine.disks.values()
    leaves = [leaf for pool in machine.pools for leaf in pool.leaves]
    return [disk.name for disk in disks if disk.path in paths or "/dev/" + disk.kernel in paths] + [
        leaf.disk.name for leaf in leaves if leaf.guid in paths
    ]


def tolerances(pool: Optional[Pool]) -> Dict[Any, int]:
    """What each vdev that the pool can't live without may lose, by configuration."""
    return {group.number: group.tolerance for group in pool.groups if group.purpose in LASTING} if pool else {}


def spare_failures(pool: Optional[Pool]) -> Dict[Any, int]:
    """How many more disks each of these vdevs may lose now: one that is gone or not resilvered holds nothing."""
    found = {}
    for group in pool.groups if pool else []:
        whole = sum(1 for place in group.places if any(leaf.state == "ONLINE" and not leaf.resilvering for leaf in place))
        if group.purpose in LASTING:
            found[group.number] = max(-1, group.tolerance - (len(group.places) - whole))
    return found


def data_tolerances(machine: Machine) -> List[int]:
    pool = tank(machine)
    return [group.tolerance for group in pool.groups if group.purpose == "data"] if pool else []


def tank(machine: Machine) -> Optional[Pool]:
    return next((pool for pool in machine.pools if pool.imported and pool.name == "tank"), None)


def check(before: Machine, after: Machine, asked: Wanted, problems: Any) -> None:
    """Nothing was lost that no opt-in names."""
    if problems and not any(change[0] == "import" for change in after.changes):
        assert after.changes == []
        assert after.lost == []
    overwrite = named(before, asked.overwrite_disks)
    remove, offline = named(before, asked.remove_disks), named(before, asked.offline_disks or ())
    for disk, what, _command in after.lost:
        assert disk.name in overwrite, "%s was overwritten (%s)" % (disk.name, what)
        assert not before.mounted(before.disks[disk.name]), "%s was in use" % disk.name
        label = before.disks[disk.name].label
        if label is not None and not any(pool.guid == label.pool_guid and pool.imported for pool in before.pools):
            allowed = {label.pool_guid} | ({label.pool} if label.pool != "tank" else set())
            assert allowed & set(asked.overwrite_pools), "%s of pool %s was overwritten" % (disk.name, label.pool)
    for change in after.changes:
        if change[0] == "import" and "-f" in change:
            assert asked.take_over_from == "elsewhere"
        elif change[0] == "detach":
            assert change[1] in remove
            assert asked.lower_redundancy_to is not None
        elif change[0] == "remove":
            assert set(change[1:]) <= set(remove)
        elif change[0] == "replace" and change[2] not in ("REMOVED", "UNAVAIL", "FAULTED"):
            assert change[1] in remove
        elif change[0] == "offline":
            assert change[1] in offline
            assert asked.lower_redundancy_to is not None
    old, new = tolerances(tank(before)), tolerances(tank(after))
    made = ("create", "tank") in after.changes
    data = data_tolerances(after if made else before)
    least = (max if made else min)(data, default=0)
    for number, tolerance in new.items():
        limit = old.get(number, least)
        assert tolerance >= limit or (asked.lower_redundancy_to is not None and tolerance >= asked.lower_redundancy_to)
    had, has = spare_failures(tank(before)), spare_failures(tank(after))
    for number in set(had) & set(has):
        limit = asked.lower_redundancy_to
        assert has[number] >= had[number] or (limit is not None and has[number] >= limit), "vdev %d may lose fewer disks" % number
    for argv in after.calls:
        assert argv[:2] not in (("zpool", "destroy"), ("zpool", "split"), ("zpool", "clear"), ("zpool", "reguid"))
        assert argv[:2] != ("zpool", "create") or "-f" not in argv
        assert argv[:2] not in (("zpool", "attach"), ("zpool", "replace")) or "-f" not in argv
    for pool in before.pools:
        if pool.imported:
            assert any(one.guid == pool.guid and one.imported for one in after.pools), "pool %s is gone" % pool.name
            same = next(one for one in after.pools if one.guid == pool.guid)
            assert not (pool.state() != "UNAVAIL" and same.state() == "UNAVAIL"), "pool %s has died" % pool.name


def test_no_layout_loses_what_no_option_names_and_a_second_run_changes_nothing() -> None:
    seen: Counter[str] = collections.Counter()
    for seed in range(LAYOUTS):
        machine, asked = generate(seed)
        before = copy.deepcopy(machine)
        try:
            done = ZfsHost(machine).bring(asked, False)
            check(before, machine, asked, done.plan.problems)
            for step in done.steps:
                # What the diff calls a loss is what needs an opt-in.
                assert step.destructive == bool(step.consent)
            if done.plan.problems:
                seen["refused"] += 1
                continue
            seen.update(step.action for step in done.steps)
            machine.settle()
            machine.changes.clear()
            again = ZfsHost(machine).bring(asked, False)
            assert (again.steps, again.plan.problems, machine.changes) == ([], [], []), "the second run is not empty"
        except Exception as error:
            raise AssertionError("layout %d: %r\n%s" % (seed, error, asked)) from error
    # The generator reaches every kind of step, or this test would prove little.
    everything = ("wipe", "create", "import", "replace", "attach", "add", "set", "online", "offline", "detach", "remove", "refused")
    assert all(seen[action] >= 20 for action in everything), seen
