# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Datasets brought to their properties, many in one go. Nothing is destroyed, shrunk, or hidden by a mount above it."""

from __future__ import annotations

import posixpath
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Set, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.host import ZfsError, ZfsHost
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.plan import Step
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.properties import (
    ONCE,
    Version,
    canonical,
    check_names,
    differing,
    written,
)

TIMEOUT = 300
#: What the plan needs of every dataset.
READ = ("type", "mountpoint", "mounted", "canmount", "volsize")
#: zfs_namecheck.c: what a component may have
NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_.:-]*(/[A-Za-z0-9_.:-][A-Za-z0-9_.: -]*)*$")


class WantedDataset(NamedTuple):
    """A file system, or, with a size, a volume."""

    name: str
    properties: Mapping[str, Any] = {}
    volume_size: str = ""
    sparse: bool = False


class Found(NamedTuple):
    """What is there."""

    version: Version
    #: name -> its properties
    datasets: Mapping[str, Mapping[str, str]]
    #: Directories with content where another dataset than the one that is mounted there is to be.
    full: Tuple[str, ...] = ()


def read(runner: Runner, wanted: Sequence[WantedDataset]) -> Found:
    """The datasets of the pools that are named.

    :raises ZfsError: zfs does not answer; NoZfsError: there is none.
    """
    host = ZfsHost(runner)
    version, imported = host.version(), host.zpool("list", "-H", "-o", "name").split()
    pools = sorted({one.name.split("/")[0] for one in wanted})
    asked = sorted({name for one in wanted for name in one.properties} - set(READ))
    names = ",".join(READ + tuple(asked))
    datasets: Dict[str, Dict[str, str]] = {}
    for pool in (name for name in pools if name in imported):
        argv = ["zfs", "get", "-Hp", "-r", "-t", "filesystem,volume", "-o", "name,property,value", names, pool]
        result = runner.run(argv, timeout=TIMEOUT)
        if result.rc != 0:
            raise ZfsError(" ".join(argv), result.stderr.strip(), "see `zpool status %s`" % pool)
        for line in result.stdout.splitlines():
            name, prop, value = (line.split("\t", 2) + ["", ""])[:3]
            datasets.setdefault(name, {})[prop] = value
    places = {one.name: mountpoint(one, datasets, wanted) for one in wanted}
    # Where another dataset is mounted, its files would be hidden.
    mounted = {(name, entry["mountpoint"]) for name, entry in datasets.items() if entry.get("mounted") == "yes"}
    full = tuple(place for name, place in places.items() if place and (name, place) not in mounted and runner.list_dir(place))
    return Found(version, datasets, full)


def mountpoint(one: WantedDataset, datasets: Mapping[str, Mapping[str, str]], wanted: Sequence[WantedDataset]) -> str:
    """Where it is to be mounted; empty where nowhere."""
    if one.volume_size or canonical("canmount", one.properties.get("canmount", True)) != "on":
        return ""
    given = one.properties.get("mountpoint")
    if given is None and "mountpoint" in datasets.get(one.name, {}):
        given = datasets[one.name]["mountpoint"]
    if given is None and "/" in one.name:
        parent, _slash, last = one.name.rpartition("/")
        other = next((two for two in wanted if two.name == parent), WantedDataset(parent))
        above = str(other.properties.get("mountpoint") or datasets.get(parent, {}).get("mountpoint") or "")
        given = posixpath.join(above, last) if above.startswith("/") else ""
    text = canonical("mountpoint", given or "none")
    return text if text.startswith("/") else ""


class Plan(NamedTuple):
    steps: List[Step]
    problems: List[Problem]


def make_plan(wanted: Sequence[WantedDataset], found: Found, check: bool = False) -> Plan:
    """Pure. Parents come before what is in them, whatever the order that they are named in.

    :param check: nothing will be done, so a pool that is missing may be one that a step before this would have made.
    """
    steps: List[Step] = []
    problems: List[Problem] = []
    names = [one.name for one in wanted]
    coming = set(names) | set(found.datasets)
    if check:
        coming |= {part for name in names for part in (name.split("/")[0], name.rpartition("/")[0])}
    for number, one in enumerate(wanted):
        setting = "datasets[%d]" % number
        problems += _of_settings(setting, one, names, coming, coming if check else set(found.datasets))
    if problems:
        return Plan([], problems)
    for one in sorted(wanted, key=lambda dataset: dataset.name.count("/")):
        setting = "datasets[%d]" % names.index(one.name)
        have = found.datasets.get(one.name)
        place = mountpoint(one, found.datasets, wanted)
        moved = have is None or have.get("mounted") != "yes" or canonical("mountpoint", have.get("mountpoint")) != place
        if place in found.full and moved:
            problems.append(
                Problem(
                    setting,
                    "%s has files, which %s, mounted above them, would hide" % (place, one.name),
                    "stop what uses them and move them away, run this, then move them back into the dataset",
                )
            )
        elif have is None:
            steps.append(_create(one))
        else:
            steps += _change(setting, one, have, found.version, problems, place)
    return Plan(steps, problems)


def _of_settings(setting: str, one: WantedDataset, names: Sequence[str], coming: Set[str], pools: Set[str]) -> List[Problem]:
    found = []
    if not NAME.match(one.name) or len(one.name) > 255:
        found.append(Problem(setting, "%r is no name of a dataset" % one.name, "write it like tank/etcd"))
    elif names.count(one.name) > 1:
        found.append(Problem(setting, "%s is named twice" % one.name, "name it once"))
    elif "/" in one.name and one.name.rpartition("/")[0] not in coming:
        parent = one.name.rpartition("/")[0]
        found.append(Problem(setting, "there is no %s to make %s in" % (parent, one.name), "name %s as well" % parent))
    elif "/" not in one.name and one.name not in pools:
        found.append(Problem(setting, "there is no pool %s" % one.name, "make it with zfs_pool, or import it"))
    for error in check_names(setting + ".properties", one.properties):
        found.append(Problem(error.subject, error.problem, error.remedy))
    return found


def _create(one: WantedDataset) -> Step:
    argv = ["zfs", "create"]
    if one.volume_size:
        argv += (["-s"] if one.sparse else []) + ["-V", written("volsize", one.volume_size)]
    for name, value in sorted(one.properties.items()):
        argv += ["-o", "%s=%s" % (name, written(name, value))]
    return Step("create", "create %s %s" % ("volume" if one.volume_size else "dataset", one.name), (tuple(argv + [one.name]),))


def _change(
    setting: str, one: WantedDataset, have: Mapping[str, str], version: Version, problems: List[Problem], place: str
) -> List[Step]:
    steps = []
    if (have.get("type") == "volume") != bool(one.volume_size):
        what = "a volume" if have.get("type") == "volume" else "a file system"
        problems.append(Problem(setting, "%s is %s" % (one.name, what), "take another name: nothing is destroyed"))
        return []
    for name, (was, want) in sorted(differing(one.properties, have, version).items()):
        if name in ONCE:
            remedy = "leave it out, or make another dataset and copy"
            problems.append(
                Problem("%s.properties.%s" % (setting, name), "it is %s, and only a new dataset takes another value" % was, remedy)
            )
            continue
        text = "set %s of %s: %s -> %s" % (name, one.name, was or "-", want)
        steps.append(Step("set", text, (("zfs", "set", "%s=%s" % (name, want), one.name),)))
    if one.volume_size:
        size, wanted_size = int(canonical("volsize", have.get("volsize"))), int(canonical("volsize", one.volume_size))
        if wanted_size < size:
            problem = "%s has %d bytes, and can't lose any" % (one.name, size)
            problems.append(Problem(setting + ".volume_size", problem, "write %d" % size))
        elif wanted_size > size:
            argv = ("zfs", "set", "volsize=%d" % wanted_size, one.name)
            steps.append(Step("set", "let %s grow from %d to %d bytes" % (one.name, size, wanted_size), (argv,)))
    elif place and have.get("mounted") == "no" and not any("mountpoint=" in step.commands[0][2] for step in steps):
        steps.append(Step("mount", "mount %s at %s" % (one.name, place), (("zfs", "mount", one.name),)))
    return steps


def bring(runner: Runner, wanted: Sequence[WantedDataset], check: bool) -> Plan:
    """Read, plan, and unless ``check`` or something speaks against it, act.

    :raises ZfsError: a command failed; what was done before it stays.
    """
    plan = make_plan(wanted, read(runner, wanted), check)
    if plan.problems or check:
        return plan
    for step in plan.steps:
        for argv in step.commands:
            result = runner.run(list(argv), timeout=TIMEOUT)
            if result.rc != 0:
                raise ZfsError(
                    " ".join(argv), result.stderr.strip() or "exit code %d" % result.rc, "the next run goes on from here"
                )
    return plan
