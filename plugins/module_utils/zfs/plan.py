# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps from a pool as it is to the pool that is wanted, or the refusals. Pure: it plans on data that was read before.

Nothing is ever destroyed on the way. What overwrites a disk, takes one out of a pool, or leaves a pool that fewer disks may fail of
is a step with the opt-in that names it, or else a refusal. What is in use is refused whatever is said.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, listed
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.disks import Device, without_partition
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.imports import Importable, Label
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.layout import (
    GUID,
    LASTING,
    LOOSE,
    WORDS,
    Vdev,
    name_problem,
    tolerance,
    vdev_problems,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.properties import (
    ONCE,
    Version,
    check_names,
    differing,
    written,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.status import Group, Member, Pool

#: `zpool add --allow-replication-mismatch`. Before there is only -f, by which zpool takes disks in use: our own look refuses these.
MISMATCH_FLAG_SINCE: Version = (2, 2, 4)
#: `zpool attach POOL raidz1-0 DISK`
RAIDZ_EXPANSION_SINCE: Version = (2, 3)
#: Not a disk: the room for a spare that a draid has on all of its disks.
DISTRIBUTED_SPARE = re.compile(r"^draid[123]-[0-9]+-[0-9]+$")
#: Names that lead to the same disk after the next boot.
LASTING_NAME = re.compile(r"^/dev/(disk/by-|mapper/)")
#: Where `zpool import` looks, so that the pool keeps the lasting names.
SEARCH = ("-d", "/dev/disk/by-id", "-d", "/dev")


class Wanted(NamedTuple):
    """A pool as the caller wants it, and what may happen on the way."""

    name: str
    vdevs: Tuple[Vdev, ...] = ()
    state: str = "present"
    properties: Mapping[str, Any] = {}
    root_properties: Mapping[str, Any] = {}
    overwrite_disks: Tuple[str, ...] = ()
    overwrite_pools: Tuple[str, ...] = ()
    remove_disks: Tuple[str, ...] = ()
    #: None: whatever is offline stays so.
    offline_disks: Optional[Tuple[str, ...]] = None
    lower_redundancy_to: Optional[int] = None
    take_over_from: str = ""
    expand: bool = False

    @property
    def paths(self) -> List[str]:
        """Every path that is named anywhere."""
        named = [disk for vdev in self.vdevs for disk in vdev.disks]
        named += list(self.overwrite_disks) + list(self.remove_disks) + list(self.offline_disks or ())
        return [path for path in dict.fromkeys(named) if not GUID.match(path)]

    @property
    def disks(self) -> List[str]:
        return [disk for vdev in self.vdevs for disk in vdev.disks]


class Seen(NamedTuple):
    """What is there."""

    version: Version = (2, 1)
    pool: Optional[Pool] = None
    properties: Mapping[str, str] = {}
    root_properties: Mapping[str, str] = {}
    importable: Tuple[Importable, ...] = ()
    #: Each path that the caller named -> the device.
    devices: Mapping[str, Device] = {}
    #: GUID of a member -> its device, where that is surely the member's own.
    members: Mapping[str, Device] = {}
    expandable: bool = False
    #: The kernel's own name of this host, as it writes it into labels.
    hostname: str = ""
    #: Whether ZFS can tell this host from others.
    hostid: bool = True
    #: The root dataset's new mount point, where files are in it.
    full: str = ""


class Step(NamedTuple):
    """One thing to do. ``consent`` are the opt-ins that allow it; without them it would be a problem instead."""

    action: str
    text: str
    commands: Tuple[Tuple[str, ...], ...]
    consent: Tuple[str, ...] = ()
    #: Disks that get written over: looked at again right before.
    disks: Tuple[Device, ...] = ()
    #: The vdev that loses a disk by it, for good or for a while.
    group: str = ""

    @property
    def destructive(self) -> bool:
        """Whether something is lost by it: data of a disk, or redundancy of the pool."""
        return bool(self.consent)


class Plan(NamedTuple):
    steps: List[Step]
    problems: List[Problem]
    warnings: List[str]


def make_plan(wanted: Wanted, seen: Seen) -> Plan:
    """The steps, or all that speaks against them (then the steps are for reading only)."""
    return _Planner(wanted, seen).plan()


class _Planner:
    def __init__(self, wanted: Wanted, seen: Seen) -> None:
        self.wanted, self.seen, self.pool = wanted, seen, seen.pool
        self.problems: List[Problem] = []
        self.warnings: List[str] = []
        #: In the order in which they are carried out.
        self.phases: Dict[str, List[Step]] = {
            name: [] for name in ("repair", "replace", "attach", "add", "set", "expand", "offline", "remove")
        }
        self.wiped: Set[str] = set()

    def plan(self) -> Plan:
        wanted = self.wanted
        if wanted.state == "exported":
            return Plan(self._export(), self.problems, self.warnings)
        self._check_settings()
        if self.problems:
            return Plan([], self.problems, self.warnings)
        steps = self._change(self.pool) if self.pool is not None else self._bring()
        if not self.seen.hostid:
            # Else ZFS takes two hosts for one, and imports at boot what another one has taken over.
            steps.insert(0, Step("identify", "give the host its identity for pools, /etc/hostid", (("zgenhostid",),)))
        return Plan(steps, list(dict.fromkeys(self.problems)), list(dict.fromkeys(self.warnings)))

    # -- words ---------------------------------------------------------------------------------------------------------------------

    def _problem(self, setting: str, problem: str, remedy: str) -> None:
        self.problems.append(Problem(setting, problem, remedy))

    def _check_settings(self) -> None:
        wrong_name = name_problem(self.wanted.name)
        if wrong_name:
            self._problem("name", *wrong_name)
        for where, problem, remedy in vdev_problems(self.wanted.vdevs):
            self._problem("vdevs" + where, problem, remedy)
        for setting, values in (("properties", self.wanted.properties), ("root_properties", self.wanted.root_properties)):
            for error in check_names(setting, values):
                self.problems.append(Problem(error.subject, error.problem, error.remedy))
        keys = str(self.wanted.root_properties.get("keylocation", "prompt"))
        if self.pool is None and "keyformat" in self.wanted.root_properties and keys == "prompt":
            remedy = "write where the key is, like file:///etc/zfs/keys/tank; at boot it is read from there"
            self._problem("root_properties.keylocation", "ZFS would ask for the key at a terminal, and there is none", remedy)
        if str(self.wanted.root_properties.get("sync", "")).strip() == "disabled":
            self.warnings.append(
                "root_properties.sync: disabled loses what programs believe to be on disk when the power goes; never for etcd"
            )
        for setting, disks in (("remove_disks", self.wanted.remove_disks), ("offline_disks", self.wanted.offline_disks or ())):
            for disk in disks:
                self._passing_name(setting, disk)
        if not self.problems:
            self._same_twice()

    def _passing_name(self, setting: str, disk: str) -> None:
        """The kernel counts disks anew at each boot: what stays in the settings would mean another disk then."""
        device = self._device(disk)
        if GUID.match(disk) or LASTING_NAME.match(disk) or (device.present and device.lasting == disk):
            return
        remedy = "write %s" % device.lasting if device.present else "write its GUID, see zpool status -g"
        self._problem(setting, "%s may be another disk after the next boot" % disk, remedy)

    def _same_twice(self) -> None:
        by_kernel: Dict[str, str] = {}
        for path in self.wanted.disks:
            device = self.seen.devices.get(path, Device(path))
            if not device.present:
                continue
            for known, other in by_kernel.items():
                parts = self.seen.devices[other]
                # Two ways to one disk without multipathd: a mirror of them would be no mirror.
                ways = parts.disk != device.disk and parts.wwid != "" and parts.wwid == device.wwid
                whole = parts.disk == device.disk and 0 in (parts.partition, device.partition)
                if known == device.kernel or ways or whole:
                    self._problem("vdevs", "%s and %s lead to the same disk" % (other, path), "name each disk once")
            by_kernel[device.kernel] = path
        for vdev in self.wanted.vdevs:
            if vdev.type != "single" and vdev.purpose not in LOOSE:
                self._parts_of_one(vdev)

    def _parts_of_one(self, vdev: Vdev) -> None:
        """Partitions of one disk fail together. A pool that is so already is left to its owner."""
        homes: Dict[str, List[str]] = {}
        for path in vdev.disks:
            device = self._device(path)
            if device.present:
                homes.setdefault(device.disk, []).append(path)
        for together in (paths for paths in homes.values() if len(paths) > 1):
            text = "%s are parts of one disk, and fail together" % listed(together)
            if all(self._member(path) for path in together):
                self.warnings.append(text)
            else:
                self._problem("vdevs", text, "name partitions of different disks")

    # -- a pool that is not imported -----------------------------------------------------------------------------------------------

    def _export(self) -> List[Step]:
        if self.pool is None:
            return []
        return [Step("export", "export pool %s" % self.wanted.name, (("zpool", "export", self.wanted.name),))]

    def _bring(self) -> List[Step]:
        """Import the pool where it is on these disks; make it only where nothing of it is anywhere."""
        known = [one for one in self.seen.importable if one.pool.name == self.wanted.name and not self._pool_given_up(one.pool)]
        alive = [one for one in known if not one.destroyed]
        labels = [label for path in self.wanted.disks for label in self._device(path).labels]
        own = [one for one in alive if any(label.pool_guid == one.pool.guid for label in labels)]
        looked = [] if own else [path for path in self.wanted.disks if self._device(path).present]
        own = own or alive
        if len(own) > 1:
            self._problem(
                "name",
                "there are %d pools called %s here (%s)" % (len(own), self.wanted.name, listed([one.pool.guid for one in own])),
                "take the disks of the others away, or import the right one by hand: zpool import GUID",
            )
            return []
        if own and looked:
            self._problem(
                "vdevs",
                "a pool %s (%s) is here, and none of %s is in it" % (self.wanted.name, own[0].pool.guid, listed(looked)),
                "name its disks, take them away, or take another name; it is not imported for its name alone",
            )
            return []
        if own:
            return self._import(own[0], labels)
        for label in labels:
            if label.pool == self.wanted.name and label.state != "destroyed" and not self._label_given_up(label):
                self._problem(
                    "name",
                    "disks of a pool %s (%s) are here, and not enough of them to import it" % (label.pool, label.pool_guid),
                    "connect its other disks; it is not made anew while it may live (overwrite_pools: [%s] gives it up)"
                    % label.pool_guid,
                )
                return []
        return self._create()

    def _pool_given_up(self, pool: Pool) -> bool:
        return pool.guid != "" and pool.guid in self.wanted.overwrite_pools

    def _label_given_up(self, label: Label) -> bool:
        # A pool of the wanted name is given up by its GUID alone: its name stands in the settings anyway.
        names = {label.pool_guid} | ({label.pool} if label.pool != self.wanted.name else set())
        return any(name and name in self.wanted.overwrite_pools for name in names)

    def _import(self, found: Importable, labels: Sequence[Label]) -> List[Step]:
        pool = found.pool
        where = "pool %s (%s)" % (pool.name, pool.guid)
        if found.active:
            self._problem("name", "another system has %s imported now" % where, "export it there first")
            return []
        if not found.ready:
            self._problem(
                "name",
                "%s is here and can't be imported: %s" % (where, found.why or "it is %s" % pool.state),
                "connect its missing disks; it is not made anew while it may live (overwrite_pools: [%s] gives it up)" % pool.guid,
            )
            return []
        force: Tuple[str, ...] = ()
        consent: Tuple[str, ...] = ()
        # A disk that was away for a while still names the system before: the newest label knows who had the pool last.
        mine = sorted((label for label in labels if label.pool_guid == pool.guid), key=lambda label: label.txg)
        host = mine[-1].host if mine else ""
        # Without /etc/hostid, or with the same one, ZFS takes two hosts for one and imports without a question.
        stranger = bool(mine) and mine[-1].state == "active" and host not in ("", self.seen.hostname)
        if found.foreign or stranger:
            host = host or "another system"
            if self.wanted.take_over_from != host:
                self._problem(
                    "take_over_from",
                    "%s was not exported by the system that had it last, %s; two systems that have it at once destroy it"
                    % (where, host),
                    "export it there; if that system is dead for good, write take_over_from: %s" % host,
                )
                return []
            force, consent = ("-f",), ("take_over_from",)
        if pool.state == "DEGRADED":
            self.warnings.append("%s is degraded" % where)
        argv = ("zpool", "import", *SEARCH, *force, *self._import_options(), pool.guid)
        return [Step("import", "import %s" % where, (argv,), consent)]

    def _import_options(self) -> Tuple[str, ...]:
        # Without it the pool would not be imported at the next boot.
        file = self.wanted.properties.get("cachefile")
        return ("-o", "cachefile=%s" % written("cachefile", file)) if file not in (None, "", "-") else ()

    def _create(self) -> List[Step]:
        wanted = self.wanted
        data = [vdev for vdev in wanted.vdevs if vdev.purpose == "data"]
        highest = max(vdev.tolerance for vdev in data)
        steps: List[Step] = []
        together: List[Vdev] = []
        consent: List[str] = []
        apart: List[Vdev] = []
        for vdev in wanted.vdevs:
            steps += self._take(vdev.disks)
            # What differs is added afterwards, with the one flag for that; `zpool create` has only -f for everything.
            alike = vdev.purpose not in LASTING or _shape(vdev) == _shape(data[0])
            (together if alike else apart).append(vdev)
            if vdev.purpose in LASTING and vdev.tolerance < highest and self._lower("vdevs", str(vdev), vdev.tolerance, highest):
                consent += ["lower_redundancy_to"] if alike else []
        if highest == 0:
            self.warnings.append("pool %s has no redundancy: the loss of one disk loses all of it" % wanted.name)
        argv = ["zpool", "create"]
        for name, value in sorted(wanted.properties.items()):
            argv += ["-o", "%s=%s" % (name, written(name, value))]
        for name, value in sorted(wanted.root_properties.items()):
            argv += ["-O", "%s=%s" % (name, written(name, value))]
        argv.append(wanted.name)
        order = ("data", "special", "dedup", "log", "cache", "spare")
        for purpose in order:
            # A disk alone comes first: after a group zpool would take it for one more of that group.
            chosen = sorted((vdev for vdev in together if vdev.purpose == purpose), key=lambda vdev: vdev.type != "single")
            if chosen and purpose != "data":
                argv.append(WORDS[purpose])
            for vdev in chosen:
                argv += vdev.words(self._names(vdev.disks))
        devices = tuple(self._device(disk) for vdev in together for disk in vdev.disks)
        self._hides("the pool")
        text = "create pool %s: %s" % (wanted.name, "; ".join(map(str, together)))
        steps.append(Step("create", text, (tuple(argv),), tuple(dict.fromkeys(consent)), devices))
        for vdev in apart:
            lower = vdev.tolerance < highest
            steps.append(self._add_step(vdev, True, ("lower_redundancy_to",) if lower else ()))
        return steps

    # -- disks ---------------------------------------------------------------------------------------------------------------------

    def _device(self, path: str) -> Device:
        return self.seen.devices.get(path, Device(path))

    def _names(self, disks: Sequence[str]) -> List[str]:
        return [self._device(disk).lasting or disk for disk in disks]

    def _named(self, paths: Sequence[str], device: Device) -> bool:
        """Whether one of these paths is that very device."""
        return any(path == device.path or (device.present and self._device(path).kernel == device.kernel) for path in paths)

    def _take(self, disks: Sequence[str]) -> List[Step]:
        """The steps that free disks for a pool; problems for those that can't be taken."""
        steps: List[Step] = []
        for disk in disks:
            if GUID.match(disk):
                self._no_member(disk)
                continue
            steps += self._take_one(disk, self._device(disk))
        return steps

    def _no_member(self, guid: str) -> None:
        problem = "no member of pool %s has the GUID %s" % (self.wanted.name, guid)
        self._problem("vdevs", problem, "name the disk by its path")

    def _take_one(self, disk: str, device: Device) -> Iterator[Step]:
        if not device.present:
            self._problem("vdevs", "%s is not there" % disk, "see `ls -l /dev/disk/by-id`, or connect it")
            return
        if device.uses:
            self._problem(
                "vdevs",
                "%s is %s" % (disk, listed(device.uses)),
                "take another disk; nothing allows this one while it is in use (unmount it and take it out of /etc/fstab first)",
            )
            return
        if device.lasting == disk and not LASTING_NAME.match(disk):
            self.warnings.append("%s has no name in /dev/disk/by-id; it may be another disk after the next boot" % disk)
        if self._named(self.wanted.offline_disks or (), device):
            self._problem("offline_disks", "%s is yet to come into the pool" % disk, "take it out of here, or out of vdevs")
        if device.blank or device.kernel in self.wiped:
            return
        contents = listed(device.contents or ("nobody looked what",))
        consent = ["overwrite_disks"]
        # The kernel counts disks anew at each boot: an opt-in that stays in the settings would give up another disk then.
        lasting = [path for path in self.wanted.overwrite_disks if LASTING_NAME.match(path) or path == device.lasting]
        if not self._named(lasting, device):
            self._problem(
                "overwrite_disks", "%s is not blank: %s" % (disk, contents), "if nobody needs that, name %s here" % device.lasting
            )
        for label in device.labels:
            own = self.pool is not None and label.pool_guid == self.pool.guid
            if not label.pool or own or label.state == "destroyed":
                continue
            consent.append("overwrite_pools")
            if not self._label_given_up(label):
                self._problem(
                    "overwrite_pools",
                    "%s belongs to pool %s (%s)" % (disk, label.pool, label.pool_guid),
                    "if nobody needs that pool, write its GUID, %s, here, and %s in overwrite_disks" % (label.pool_guid, disk),
                )
        self.wiped.add(device.kernel)
        commands: List[Tuple[str, ...]] = []
        for node in device.marked:
            if node in device.labelled:
                commands.append(("zpool", "labelclear", "-f", node))
            commands.append(("wipefs", "--all", node))
        if commands:
            commands.append(("udevadm", "settle", "--timeout=30"))
        yield Step("wipe", "overwrite %s: %s" % (disk, contents), tuple(commands), tuple(dict.fromkeys(consent)), (device,))

    def _lower(self, setting: str, what: str, after: int, before: int) -> bool:
        """Whether it may be that only ``after`` disks may fail; a problem where not."""
        allowed = self.wanted.lower_redundancy_to
        if allowed is not None and after >= allowed:
            return True
        self._problem(
            "lower_redundancy_to",
            "%s: then %d of its disks may fail, and now (or elsewhere in the pool) it is %d" % (what, after, before),
            "name more disks in %s; if it shall be so, write lower_redundancy_to: %d" % (setting, after),
        )
        return False

    # -- a pool that is imported ---------------------------------------------------------------------------------------------------

    def _change(self, pool: Pool) -> List[Step]:
        if pool.state in ("SUSPENDED", "UNAVAIL", "FAULTED"):
            self._problem(
                "name",
                "pool %s is %s: %s" % (pool.name, pool.state, pool.status or "see `zpool status`"),
                "connect its disks, then `zpool clear %s`" % pool.name,
            )
            return []
        if pool.state != "ONLINE":
            self.warnings.append("pool %s is %s" % (pool.name, pool.state))
        if pool.errors and "No known data errors" not in pool.errors:
            self.warnings.append("pool %s: %s; `zpool status -v` names the files" % (pool.name, pool.errors))
        found = {disk: self._member(disk) for disk in self.wanted.disks}
        taken: Dict[str, str] = {}
        for disk, member in found.items():
            if member is None and GUID.match(disk):
                self._no_member(disk)
            elif member is not None and taken.setdefault(member.guid, disk) != disk:
                self._problem("vdevs", "%s and %s are the same disk" % (taken[member.guid], disk), "name each disk once")
        if self.problems:
            return []
        self._vdevs(pool, found)
        self._loose(pool, found)
        self._states(pool, found)
        self._properties()
        if self.wanted.expand and self.seen.expandable:
            self._expand(pool)
        return [step for steps in self.phases.values() for step in steps]

    def _member(self, disk: str) -> Optional[Member]:
        """The member of the pool that a path or a GUID means."""
        if self.pool is None:
            return None
        members = self.pool.members
        if GUID.match(disk):
            return next((member for member in members if member.guid == disk), None)
        device = self._device(disk)
        for member in members:
            own = self.seen.members.get(member.guid)
            if device.present and own is not None and same_device(device, own):
                return member
        if device.present:
            for label in device.labels:
                if label.pool_guid == self.pool.guid:
                    return next((member for member in members if member.guid == label.guid), None)
            return None
        for member in members:
            # The whole disk is its first partition, and not another one.
            parts = (disk + "-part1", disk + "p1", disk + "1")
            meant = member.path == disk or (member.path in parts and without_partition(member.path) == disk)
            if meant and member.guid not in self.seen.members:
                return member
        return None

    def _may_leave(self, member: Member) -> bool:
        return any(self._is(member, disk) for disk in self.wanted.remove_disks)

    def _is(self, member: Member, disk: str) -> bool:
        found = self._member(disk)
        return found is not None and found.guid == member.guid

    def _vdevs(self, pool: Pool, found: Mapping[str, Optional[Member]]) -> None:
        groups = [group for group in pool.groups if group.purpose not in LOOSE]
        pairs: List[Tuple[Vdev, Group]] = []
        new: List[Vdev] = []
        for vdev in self.wanted.vdevs:
            if vdev.purpose in LOOSE:
                continue
            known = {disk: member.guid for disk, member in ((disk, found[disk]) for disk in vdev.disks) if member is not None}
            homes = {
                disk: [one for one in pool.groups if any(guid == member.guid for member in one.members)]
                for disk, guid in known.items()
            }
            fitting = [group for group in groups if group.purpose == vdev.purpose and any(group in home for home in homes.values())]
            strange = {disk: home[0] for disk, home in homes.items() if all(one.purpose != vdev.purpose for one in home)}
            loose = [disk for disk, home in strange.items() if home.purpose in LOOSE]
            if loose:
                self._problem(
                    "vdevs",
                    "%s: %s is a spare or cache disk of the pool" % (vdev, listed(loose)),
                    "name it in remove_disks and take it out of vdevs in one run, then add it in the next",
                )
            elif len(fitting) > 1 or strange:
                names = [group.name for group in fitting] + [home.name for home in strange.values()]
                self._problem(
                    "vdevs",
                    "%s: its disks are in %s of the pool" % (vdev, listed(names)),
                    "ZFS can't move disks between vdevs: write the vdevs as `zpool status %s` has them" % pool.name,
                )
            elif fitting and any(group.name == fitting[0].name for _vdev, group in pairs):
                self._problem(
                    "vdevs", "two vdevs have disks of %s" % fitting[0].name, "write them as one, as `zpool status` has them"
                )
            elif fitting:
                pairs.append((vdev, fitting[0]))
            else:
                new.append(vdev)
        left = [group for group in groups if all(group.name != taken.name for _vdev, taken in pairs)]
        for group in list(left):
            # All disks of a vdev are exchanged in one go: only where nothing else can be meant.
            alike = [vdev for vdev in new if vdev.purpose == group.purpose and vdev.type == group.type]
            others = [one for one in left if one.purpose == group.purpose]
            leaving = all(member.gone or self._may_leave(member) for member in group.members)
            if len(alike) == 1 and len(others) == 1 and leaving and len(alike[0].disks) == len(group.places):
                pairs.append((alike[0], group))
                new.remove(alike[0])
                left.remove(group)
        if self.problems:
            return
        for vdev, group in pairs:
            self._pair(pool, vdev, group, found)
        for vdev in new:
            self._add(pool, vdev)
        for group in left:
            self._leave(pool, group)

    def _pair(self, pool: Pool, vdev: Vdev, group: Group, found: Mapping[str, Optional[Member]]) -> None:
        grouped = {"single", "mirror"}
        if vdev.type != group.type and not {vdev.type, group.type} <= grouped:
            self._problem(
                "vdevs",
                "%s is a %s, and ZFS can't make it a %s" % (group.name, group.type, vdev.type),
                "write type: %s, or make another pool and copy the datasets" % group.type,
            )
            return
        wanted_guids = {member.guid for member in (found[disk] for disk in vdev.disks) if member is not None}
        kept = [place for place in group.places if wanted_guids & {member.guid for member in place}]
        extra = [place for place in group.places if not wanted_guids & {member.guid for member in place}]
        fresh = [disk for disk in vdev.disks if found[disk] is None]
        # First the disks that are gone, then those that may leave.
        extra.sort(key=lambda place: not place[0].gone)
        for place in list(extra):
            if not fresh:
                break
            old = place[0]
            if old.gone or self._may_leave(old):
                self._replace(pool, group, old, fresh.pop(0))
                extra.remove(place)
        if vdev.type in grouped:
            if fresh:
                self._attach(pool, group, kept, extra, fresh)
            elif extra:
                self._detach(pool, vdev, group, kept, extra)
        elif fresh or extra:
            self._reshape(pool, vdev, group, extra, fresh)

    def _replace(self, pool: Pool, group: Group, old: Member, disk: str) -> None:
        steps = self._take([disk])
        (name,) = self._names([disk])
        argv = ("zpool", "replace", *self._ashift(), pool.name, old.guid, name)
        consent = () if old.gone else ("remove_disks",)
        text = "replace %s (%s) in %s by %s" % (old.path, old.state, group.name, disk)
        self.phases["replace"] += steps + [Step("replace", text, (argv,), consent, (self._device(disk),))]

    def _attach(
        self, pool: Pool, group: Group, kept: Sequence[Sequence[Member]], extra: Sequence[Sequence[Member]], fresh: Sequence[str]
    ) -> None:
        if extra:
            old = [member for place in extra for member in place]
            self._problem(
                "remove_disks",
                "%s of %s is healthy, and not in vdevs any more" % (listed([member.path for member in old]), group.name),
                "keep it in vdevs; if %s shall take its place, name it here" % listed(fresh),
            )
            return
        whole = [member for place in kept for member in place if member.whole and not member.within]
        if not whole:
            self._problem(
                "vdevs",
                "%s has no disk that holds all data now, so nothing can be attached to it" % group.name,
                "wait for the resilver, or repair it: `zpool status %s`" % pool.name,
            )
            return
        for disk in fresh:
            steps = self._take([disk])
            (name,) = self._names([disk])
            argv = ("zpool", "attach", *self._ashift(), pool.name, whole[0].guid, name)
            text = "attach %s to %s beside %s" % (disk, group.name, whole[0].path)
            self.phases["attach"] += steps + [Step("attach", text, (argv,), (), (self._device(disk),))]

    def _detach(
        self, pool: Pool, vdev: Vdev, group: Group, kept: Sequence[Sequence[Member]], extra: Sequence[Sequence[Member]]
    ) -> None:
        whole = [place for place in kept if any(member.whole for member in place)]
        leaving = [place[0] for place in extra]
        unnamed = [member for member in leaving if not self._may_leave(member)]
        if unnamed:
            self._problem(
                "remove_disks",
                "%s of %s is not in vdevs" % (listed([member.path for member in unnamed]), group.name),
                "add it to vdevs; if it shall leave the pool, name it here (by GUID, where it is gone: %s)"
                % listed([member.guid for member in unnamed]),
            )
            return
        if not whole:
            self._problem(
                "remove_disks",
                "%s would be left without a disk that holds all data" % group.name,
                "nothing allows that: repair the pool first",
            )
            return
        if pool.scanning == "resilver":
            self._wait_first(pool)
            return
        before = tolerance("mirror", len(group.places))
        # A disk that is kept and gone, or not resilvered yet, holds nothing.
        after = min(vdev.tolerance, len(whole) - 1)
        if not self._lower("vdevs", "%s without %s" % (group.name, listed([one.path for one in leaving])), after, before):
            return
        for member in leaving:
            argv = ("zpool", "detach", pool.name, member.guid)
            text = "detach %s from %s" % (member.path, group.name)
            self.phases["remove"].append(Step("detach", text, (argv,), ("remove_disks", "lower_redundancy_to"), group=group.name))

    def _wait_first(self, pool: Pool, setting: str = "remove_disks") -> None:
        remedy = "wait for its end: zpool wait -t resilver %s" % pool.name
        self._problem(setting, "pool %s is resilvering" % pool.name, remedy)

    def _reshape(self, pool: Pool, vdev: Vdev, group: Group, extra: Sequence[Sequence[Member]], fresh: Sequence[str]) -> None:
        if extra:
            members = [place[0] for place in extra]
            if fresh:
                self._problem(
                    "remove_disks",
                    "%s of %s is healthy, and not in vdevs any more" % (listed([one.path for one in members]), group.name),
                    "keep it in vdevs; if %s shall take its place, name it here" % listed(fresh),
                )
            else:
                self._problem(
                    "vdevs",
                    "%s is in %s and not here, and ZFS can't take disks out of a %s"
                    % (listed([one.path for one in members]), group.name, group.type),
                    "add it (by GUID, where it is gone: %s), or another disk for its place" % listed([one.guid for one in members]),
                )
            return
        feature = self.seen.properties.get("feature@raidz_expansion", "")
        able = self.seen.version >= RAIDZ_EXPANSION_SINCE and feature in ("enabled", "active") and group.type.startswith("raidz")
        if not able or len(fresh) > 1:
            self._problem(
                "vdevs",
                "%s has %d disks, and here are %d" % (group.name, len(group.places), len(vdev.disks)),
                "add one disk a run, and wait for its end (zpool wait -t raidz_expand)"
                if able
                else "a raidz grows by a disk since OpenZFS 2.3, with feature@raidz_expansion; else add a vdev of the same size",
            )
            return
        steps = self._take(fresh)
        argv = ("zpool", "attach", *self._ashift(), pool.name, group.name, self._names(fresh)[0])
        text = "widen %s by %s, which can't be undone" % (group.name, fresh[0])
        self.phases["attach"] += steps + [Step("attach", text, (argv,), (), (self._device(fresh[0]),))]

    def _add(self, pool: Pool, vdev: Vdev) -> None:
        lasting = pool.of(*LASTING)
        data = pool.of("data")
        steps = self._take(vdev.disks)
        consent: Tuple[str, ...] = ()
        if vdev.purpose in LASTING:
            before = min((tolerance(group.type, len(group.places)) for group in data or lasting), default=0)
            if vdev.tolerance < before:
                if not self._lower("vdevs", "adding " + str(vdev), vdev.tolerance, before):
                    return
                consent = ("lower_redundancy_to",)
        elif vdev.purpose == "log" and vdev.tolerance == 0:
            self.warnings.append("a log without a mirror loses the last seconds if it fails together with the power")
        mismatch = vdev.purpose in LASTING and any(_shape(vdev) != _shape_of(group) for group in lasting)
        self.phases["add"] += steps + [self._add_step(vdev, mismatch, consent)]

    def _hides(self, what: str) -> None:
        if self.seen.full:
            problem = "%s has files, which %s, mounted above them, would hide" % (self.seen.full, what)
            self._problem("root_properties.mountpoint", problem, "move them away, or write another one, such as none")

    def _add_step(self, vdev: Vdev, mismatch: bool, consent: Tuple[str, ...]) -> Step:
        flags: Tuple[str, ...] = ()
        if mismatch:
            flags = ("--allow-replication-mismatch",) if self.seen.version >= MISMATCH_FLAG_SINCE else ("-f",)
        purpose = () if vdev.purpose == "data" else (WORDS[vdev.purpose],)
        argv = ("zpool", "add", *flags, *self._ashift(), self.wanted.name, *purpose, *vdev.words(self._names(vdev.disks)))
        return Step(
            "add",
            "add to pool %s, for good: %s" % (self.wanted.name, vdev),
            (argv,),
            consent,
            tuple(self._device(disk) for disk in vdev.disks),
        )

    def _ashift(self) -> Tuple[str, ...]:
        value = self.wanted.properties.get("ashift")
        return ("-o", "ashift=%s" % value) if value not in (None, 0, "0") else ()

    def _leave(self, pool: Pool, group: Group) -> None:
        unnamed = [member for member in group.members if not self._may_leave(member)]
        if unnamed:
            self._problem(
                "remove_disks",
                "%s (%s: %s) of the pool is not in vdevs"
                % (group.name, group.purpose, listed([member.path for member in group.members])),
                "add it to vdevs as it is; if the whole vdev shall leave the pool, name all of its disks here",
            )
            return
        raidz = [one for one in pool.of(*LASTING) if one.type not in ("single", "mirror")]
        if group.purpose in LASTING and raidz:
            self._problem(
                "vdevs", "%s can't leave a pool that has %s" % (group.name, raidz[0].name), "add it to vdevs: ZFS can't do that"
            )
            return
        if group.purpose == "data" and len(pool.of("data")) < 2:
            self._problem(
                "vdevs", "%s is the only vdev for data; the pool would be empty" % group.name, "keep it: nothing destroys a pool"
            )
            return
        if pool.scanning == "resilver":
            self._wait_first(pool)
            return
        self._remove_step(pool, group)

    def _remove_step(self, pool: Pool, group: Group) -> None:
        name = group.members[0].guid if group.type == "single" else group.name
        text = "remove %s (%s: %s)" % (group.name, group.purpose, listed([member.path for member in group.members]))
        self.phases["remove"].append(Step("remove", text, (("zpool", "remove", pool.name, name),), ("remove_disks",)))

    def _loose(self, pool: Pool, found: Mapping[str, Optional[Member]]) -> None:
        """Cache and spare disks: sets, in which each one stands for itself."""
        for purpose in LOOSE:
            wanted = [disk for vdev in self.wanted.vdevs if vdev.purpose == purpose for disk in vdev.disks]
            groups = [group for group in pool.of(purpose) if not DISTRIBUTED_SPARE.match(group.members[0].path)]
            guids = {group.members[0].guid for group in groups}
            fresh = []
            for disk in wanted:
                member = found[disk]
                if member is None:
                    fresh.append(disk)
                elif member.guid not in guids:
                    self._problem("vdevs", "%s is a disk of the pool already, and no %s" % (disk, purpose), "write it where it is")
            if fresh:
                vdev = Vdev("single", tuple(fresh), purpose)
                self.phases["add"] += self._take(fresh) + [self._add_step(vdev, False, ())]
            kept = {member.guid for member in (found[disk] for disk in wanted) if member is not None}
            for group in groups:
                member = group.members[0]
                if member.guid in kept:
                    continue
                if purpose == "spare" and self._promote(pool, member, found):
                    continue
                if not self._may_leave(member):
                    self._problem(
                        "remove_disks",
                        "%s is a %s disk of the pool and not in vdevs" % (member.path, purpose),
                        "add {purpose: %s, disks: [%s]} to vdevs; if it shall leave the pool, name it here"
                        % (purpose, member.path),
                    )
                elif member.state == "INUSE":
                    self._problem(
                        "remove_disks",
                        "the spare %s stands in for a disk that failed" % member.path,
                        "replace that disk in vdevs first; the spare is free again after the resilver",
                    )
                else:
                    self._remove_step(pool, group)

    def _promote(self, pool: Pool, spare: Member, found: Mapping[str, Optional[Member]]) -> bool:
        """A spare that stands in for a disk, and in vdevs has its place, keeps it: the disk that it stands in for leaves."""
        kept = {member.guid for member in found.values() if member is not None}
        for group in pool.groups:
            for place in group.places:
                stands = [member for member in place if member.guid == spare.guid and member.within.startswith("spare-")]
                others = [member for member in place if member.guid != spare.guid]
                if not stands or spare.guid not in kept or any(member.guid in kept for member in others):
                    continue
                old = others[0]
                if not stands[0].whole or pool.scanning == "resilver":
                    self.warnings.append(
                        "%s has not all data of %s yet: it keeps its place in a later run" % (spare.path, old.path)
                    )
                elif old.gone or self._may_leave(old):
                    argv = ("zpool", "detach", pool.name, old.guid)
                    text = "let the spare %s keep the place of %s (%s) in %s" % (spare.path, old.path, old.state, group.name)
                    self.phases["replace"].append(Step("replace", text, (argv,), () if old.gone else ("remove_disks",)))
                else:
                    self._problem(
                        "remove_disks",
                        "%s of %s is healthy, and not in vdevs any more" % (old.path, group.name),
                        "keep it in vdevs; if the spare %s shall take its place, name it here" % spare.path,
                    )
                return True
        return False

    def _states(self, pool: Pool, found: Mapping[str, Optional[Member]]) -> None:
        """Disks that came back, and those that are to be offline."""
        kept = {member.guid for member in found.values() if member is not None}
        offline = self.wanted.offline_disks
        for group in pool.groups:
            for member in group.members:
                if member.guid not in kept or group.purpose == "spare":
                    continue
                named = offline is not None and any(self._is(member, disk) for disk in offline)
                back = member.state in ("REMOVED", "UNAVAIL") and member.guid in self.seen.members
                if (back and not named) or (member.state == "OFFLINE" and offline is not None and not named):
                    argv = ("zpool", "online", pool.name, member.guid)
                    text = "take %s (%s) in %s back" % (member.path, member.state, group.name)
                    self.phases["repair"].append(Step("online", text, (argv,)))
                elif named and member.state == "ONLINE":
                    self._offline(pool, group, member)
                elif member.gone and not back:
                    self.warnings.append(
                        "%s of %s is %s%s" % (member.path, group.name, member.state, ", " + member.note if member.note else "")
                    )

    def _offline(self, pool: Pool, group: Group, member: Member) -> None:
        missing = sum(1 for place in group.places if not any(one.whole for one in place))
        taken = sum(1 for step in self.phases["offline"] if step.group == group.name)
        if any(step.group == group.name for step in self.phases["remove"]):
            self._problem("offline_disks", "%s loses disks in this run, too" % group.name, "do one after the other")
            return
        if pool.scanning == "resilver":
            # Which disks hold all data is known at its end: one that has just come counts as whole before its first block.
            self._wait_first(pool, "offline_disks")
            return
        before = tolerance(group.type, len(group.places)) - missing - taken
        if before < 1:
            self._problem(
                "offline_disks",
                "%s can't do without %s" % (group.name, member.path),
                "nothing allows that: its data would be gone while the disk is",
            )
            return
        if self._lower("offline_disks", "%s without %s" % (group.name, member.path), before - 1, before):
            argv = ("zpool", "offline", pool.name, member.guid)
            text = "take %s offline in %s" % (member.path, group.name)
            consent = ("offline_disks", "lower_redundancy_to")
            self.phases["offline"].append(Step("offline", text, (argv,), consent, group=group.name))

    # -- properties ----------------------------------------------------------------------------------------------------------------

    def _properties(self) -> None:
        wanted, seen, name = self.wanted, self.seen, self.wanted.name
        changes = differing(wanted.properties, seen.properties, seen.version)
        for prop, (have, want) in sorted(changes.items()):
            if prop.startswith("feature@") and want != "enabled":
                self._problem("properties.%s" % prop, "a feature can't be taken back", "leave it out")
                continue
            if prop == "ashift":
                self.warnings.append("ashift counts for disks to come: those in the pool keep what they were made with")
            argv = ("zpool", "set", "%s=%s" % (prop, want), name)
            self.phases["set"].append(Step("set", "set %s of pool %s: %s -> %s" % (prop, name, have or "-", want), (argv,)))
        for prop, (have, want) in sorted(differing(wanted.root_properties, seen.root_properties, seen.version).items()):
            if prop in ONCE:
                self._problem(
                    "root_properties.%s" % prop,
                    "it is %s, and only a new pool takes another value" % (have or "unset"),
                    "leave it out",
                )
                continue
            if prop == "mountpoint":
                self._hides("the root dataset")
            argv = ("zfs", "set", "%s=%s" % (prop, want), name)
            self.phases["set"].append(Step("set", "set %s of dataset %s: %s -> %s" % (prop, name, have or "-", want), (argv,)))

    def _expand(self, pool: Pool) -> None:
        commands = tuple(
            ("zpool", "online", "-e", pool.name, member.guid)
            for group in pool.of(*LASTING)
            for member in group.members
            if member.whole
        )
        if commands:
            self.phases["expand"].append(Step("expand", "let pool %s use all of its disks, for good" % pool.name, commands))


def same_device(device: Device, own: Device) -> bool:
    """Whether the device is that of a member: the same, or the disk whose first partition ZFS made for itself."""
    return device.kernel == own.kernel or (device.partition == 0 and own.disk == device.kernel and own.partition == 1)


def _shape(vdev: Vdev) -> Tuple[str, int]:
    """What `zpool` compares before it takes vdevs together (get_replication() in zpool_vdev.c)."""
    return vdev.type, len(vdev.disks)


def _shape_of(group: Group) -> Tuple[str, int]:
    return group.type, len(group.places)
