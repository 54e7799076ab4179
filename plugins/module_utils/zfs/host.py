# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a host's pools and disks, and carries out the plan, each step on disks that it looked at right before."""

from __future__ import annotations

import re
from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, Result, Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.disks import Device, Devices
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.imports import Importable, parse_imports
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.layout import tolerance
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.plan import (
    SEARCH,
    Plan,
    Seen,
    Step,
    Wanted,
    make_plan,
    same_device,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.properties import Version, canonical, parse_get
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.status import (
    JSON_SINCE,
    Group,
    Member,
    Pool,
    StatusError,
    parse_json,
    parse_status,
)

#: A pool with many disks that spin up takes its time.
TIMEOUT = 600
SPL_HOSTID = "/sys/module/spl/parameters/spl_hostid"
REPLACING = "replacing-"
#: What zpool says of an empty disk that it has just divided, while udev still reads the partitions or reads them anew. So far it
#: has written nothing but the table.
SLOW_UDEV = ("failed to detect device partitions", "one or more devices is currently unavailable")
ATTEMPTS = 5
#: libzfs_error_init in libzfs_util.c: what each program ends with that could not load or reach the module.
NO_MODULE = re.compile(r"modules (are not loaded|cannot be auto-loaded)|/dev/zfs\b|[Ff]ailed to initialize")
#: States in which a member's path leads to its own disk: the kernel holds it open.
OPEN = ("ONLINE", "DEGRADED", "AVAIL", "INUSE")


class ZfsError(ProblemError):
    """What a program of ZFS said, or what is missing."""


class NoZfsError(ZfsError):
    """There is no ZFS on this host yet: its programs are missing, or the kernel's module is not loaded."""


def _said(result: Result) -> str:
    return result.stderr.strip() or result.stdout.strip() or "exit code %d" % result.rc


def _raise_where_missing(result: Result) -> None:
    """NoZfsError where a program of ZFS is not there, or could not reach the kernel's part."""
    if result.rc == NOT_FOUND:
        raise NoZfsError(
            "zfs", "its programs are not on this host", "install zfsutils-linux (Debian, Ubuntu) or zfs (EL), as role zfs does"
        )
    if result.rc != 0 and NO_MODULE.search(_said(result)):
        raise NoZfsError(
            "zfs",
            "its programs are on this host, but the kernel's module is not loaded: %s" % _said(result).splitlines()[0],
            "run `modprobe zfs`, as role zfs does (where that fails, `dkms status` may say why)",
        )


class Done(NamedTuple):
    """What was done, or would be; ``problems`` stopped it."""

    steps: List[Step]
    plan: Plan
    before: Seen
    after: Seen


class ZfsHost:
    """One host's ZFS."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner

    # -- read ----------------------------------------------------------------------------------------------------------------------

    def version(self) -> Version:
        """Of the programs, such as (2, 1, 11)."""
        result = self.runner.run(["zfs", "version"], timeout=TIMEOUT)
        # Without the module it does not even say its own version.
        _raise_where_missing(result)
        match = re.search(r"^zfs-([0-9]+(?:\.[0-9]+)*)", result.stdout, re.MULTILINE)
        if not match:
            raise ZfsError("zfs version", "no version in its answer: %s" % _said(result), "see what it says by hand")
        return tuple(int(part) for part in match.group(1).split("."))

    def pools(self, version: Version) -> List[Pool]:
        """All pools that are imported."""
        for attempt in range(3):
            try:
                if version >= JSON_SINCE:
                    return parse_json(self.zpool("status", "--json", "--json-int", "-P"))
                text, guids = self.zpool("status", "-P"), self.zpool("status", "-g")
                found = parse_status(text, guids)
                # A spare that steps in meanwhile moves the GUIDs to other rows.
                if [pool.groups for pool in parse_status(self.zpool("status", "-P"), guids)] != [pool.groups for pool in found]:
                    raise StatusError("the pools changed while they were read")
                return found
            except StatusError as error:
                # As text it takes two calls, between which a pool may change.
                if attempt == 2:
                    raise ZfsError("zpool status", str(error), "start again, and report this with the output of `zpool status`")
        raise AssertionError("unreachable")

    def zpool(self, *words: str) -> str:
        """What it prints.

        :raises ZfsError: it failed; NoZfsError: there is no ZFS.
        """
        result = self.runner.run(["zpool", *words], timeout=TIMEOUT)
        _raise_where_missing(result)
        if result.rc != 0:
            raise ZfsError("zpool %s" % " ".join(words), _said(result), "see `zpool status`")
        return result.stdout

    def importable(self) -> Tuple[Importable, ...]:
        """Pools on this host's disks that nobody has imported here."""
        result = self.runner.run(["zpool", "import", *SEARCH], timeout=TIMEOUT)
        said = (result.stdout + result.stderr).strip()
        if not result.stdout.strip() or said.startswith("no pools available"):
            if said and "no pools available" not in said:
                raise ZfsError("zpool import", said, "no pool is made before it is known which ones there are")
            if result.rc not in (0, 1):
                ended = "it ended with code %d" % result.rc
                raise ZfsError("zpool import", ended, "no pool is made before it is known which ones there are")
            return ()
        return tuple(parse_imports(result.stdout))

    def read(self, wanted: Wanted) -> Seen:
        """All that the plan is made of."""
        version = self.version()
        pools = self.pools(version)
        devices = self._devices(pools)
        pool = next((one for one in pools if one.name == wanted.name), None)
        members = self._members(pool, devices) if pool else {}
        named: Dict[str, Device] = {}
        layout = set(wanted.disks)
        for path in wanted.paths:
            device = devices.look(path, False)
            known = any(same_device(device, own) for own in members.values())
            if device.present and not known and path in layout:
                device = devices.look_inside(device)
            named[path] = device
        given = wanted.root_properties.get("mountpoint", "/" + wanted.name if pool is None else None)
        place = canonical("mountpoint", given) if given is not None else ""
        full = place if place.startswith("/") and self.runner.list_dir(place) else ""
        hostname = (self.runner.read("/proc/sys/kernel/hostname") or "").strip()
        hostid = self.runner.exists("/etc/hostid") or (self.runner.read(SPL_HOSTID) or "0").strip() != "0"
        seen = Seen(version, pool, devices=named, members=members, hostname=hostname, hostid=hostid, full=full)
        if pool is None:
            return seen._replace(importable=self.importable() if wanted.state == "present" else ())
        properties = parse_get(self.zpool("get", "-Hp", "-o", "property,value", "all", wanted.name))
        if pool.guid == "":
            pool = pool._replace(guid=properties.get("guid", ""))
        return seen._replace(
            pool=pool,
            properties=properties,
            root_properties=self._root_properties(wanted.name),
            expandable=properties.get("expandsize", "-") not in ("-", "0", ""),
        )

    def _devices(self, pools: Sequence[Pool]) -> Devices:
        paths = {pool.name: [member.path for member in pool.members] for pool in pools}
        return Devices(self.runner, paths, {member.guid: pool.name for pool in pools for member in pool.members if member.guid})

    def _root_properties(self, name: str) -> Dict[str, str]:
        result = self.runner.run(["zfs", "get", "-Hp", "-o", "property,value", "all", name], timeout=TIMEOUT)
        if result.rc != 0:
            raise ZfsError("zfs get %s" % name, result.stderr.strip(), "see `zpool status %s`" % name)
        return parse_get(result.stdout)

    @staticmethod
    def _members(pool: Pool, devices: Devices) -> Dict[str, Device]:
        found: Dict[str, Device] = {}
        for member in pool.members:
            device = devices.look(member.path, False)
            if not device.present or not member.guid:
                continue
            # A path of a disk that is not open may lead to another disk by now: its own label says who it is.
            own = member.state in OPEN or any(
                label.guid == member.guid for label in devices.labels("/dev/" + device.kernel.replace("!", "/")) or ()
            )
            if own:
                found[member.guid] = device
        return found

    # -- act -----------------------------------------------------------------------------------------------------------------------

    def bring(self, wanted: Wanted, check: bool) -> Done:
        """Read, plan, and unless ``check`` or something speaks against it, act."""
        before = seen = self.read(wanted)
        plan = make_plan(wanted, seen)
        done: List[Step] = []
        # What an imported pool lacks can only be seen once it is imported.
        for _round in range(2):
            if plan.problems or check:
                return Done(done + plan.steps, plan, before, seen)
            self._act(plan.steps)
            done += plan.steps
            imported = any(step.action == "import" for step in plan.steps)
            if plan.steps:
                seen = self.read(wanted)
            if not imported:
                break
            plan = make_plan(wanted, seen)
        return Done(done, plan, before, seen)

    def _act(self, steps: Sequence[Step]) -> None:
        wiped: Set[str] = set()
        for step in steps:
            self._look_again(step, wiped)
            for argv in step.commands:
                result = self._carry_out(step, argv)
                if result.rc != 0:
                    raise ZfsError(" ".join(argv), self._said(result), "what was done before it stays; see `zpool status`")
            if step.action == "wipe":
                wiped |= {device.kernel for device in step.disks}

    def _carry_out(self, step: Step, argv: Sequence[str]) -> Result:
        """A command of a step, again where it takes disks and udev was slow."""
        for _attempt in range(ATTEMPTS):
            result = self.runner.run(list(argv), timeout=TIMEOUT)
            if result.rc == 0 or not step.disks or not any(words in result.stderr for words in SLOW_UDEV):
                break
            self.runner.run(["udevadm", "settle", "--timeout=120"], timeout=TIMEOUT)
        return result

    @staticmethod
    def _said(result: Result) -> str:
        return "; ".join((result.stderr.strip() or result.stdout.strip() or "exit code %d" % result.rc).splitlines())

    def _look_again(self, step: Step, wiped: Set[str]) -> None:
        """Between plan and act somebody else may have taken a disk."""
        if not step.disks:
            return
        devices = self._devices(self.pools(self.version()))
        for planned in step.disks:
            now = devices.look(planned.path, True)
            changed = now.kernel != planned.kernel or now.size != planned.size or bool(now.uses)
            if planned.kernel in wiped:
                changed = changed or bool(now.labels) or bool(now.marked)
            else:
                changed = changed or now.contents != planned.contents
            if changed:
                said = "; ".join(now.uses + (now.contents or ())) or "it is another disk"
                raise ZfsError(planned.path, "it is not what it was when the plan was made: %s" % said, "start again")

    def wait_for_resilver(self, name: str, seconds: int) -> bool:
        """Whether the resilver ended in time."""
        return self.runner.run(["zpool", "wait", "-t", "resilver,replace", name], timeout=seconds).rc == 0


def describe(pool: Optional[Pool]) -> str:
    """A pool in lines, for the diff."""
    if pool is None:
        return ""
    lines = ["pool %s: %s" % (pool.name, pool.state)]
    for group in pool.groups:
        lines.append("  %s%s %s" % ("" if group.purpose == "data" else group.purpose + ": ", group.name, group.state))
        if group.type != "single":
            lines += ["    %s %s" % (member.path, member.state) for member in group.members]
    return "\n".join(lines) + "\n"


def as_data(pool: Optional[Pool]) -> Optional[Dict[str, object]]:
    """A pool as a module returns it."""
    if pool is None:
        return None
    return {
        "name": pool.name,
        "guid": pool.guid,
        "state": pool.state,
        "scan": pool.scan,
        "errors": pool.errors,
        "may_lose": may_lose(pool),
        "vdevs": [
            {
                "name": group.name,
                "type": group.type,
                "purpose": group.purpose,
                "state": group.state,
                "disks": [{"path": one.path, "guid": one.guid, "state": one.state, "note": one.note} for one in group.members],
            }
            for group in pool.groups
        ],
    }


def may_lose(pool: Pool) -> int:
    """How many more disks of any vdev may fail right now."""
    lowest = min((redundancy(group) for group in pool.of("data", "special", "dedup")), default=0)
    told = any(member.resilvering or member.within.startswith(REPLACING) for member in pool.members)
    # Before its first block no row says which disk is resilvered.
    return max(0, lowest - 1) if pool.scanning == "resilver" and not told else lowest


def redundancy(group: Group) -> int:
    """How many more disks of a vdev may fail right now."""
    missing = sum(1 for place in group.places if not any(member.whole for member in _settled(place)))
    return max(0, tolerance(group.type, len(group.places)) - missing)


def _settled(place: Sequence[Member]) -> Sequence[Member]:
    """Without the disk that is to take the place: it looks whole before its first block, and once it is, it has the place alone."""
    return place[:-1] if place[-1].within.startswith(REPLACING) else place
