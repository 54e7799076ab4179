# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses what is killed where, and refuses what would cost the cluster its quorum. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.faults import (
    CRASH_SERVICES,
    CRASH_STATIC_POD,
    FAULTS,
    ISOLATE,
    NAMES,
    POWER,
    Fault,
    Way,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.limits import check_limits
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.quorum import quorum
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, did_you_mean, listed


class Host(NamedTuple):
    """A host of the inventory: its groups, the machine it runs on, and what module drill_fault saw there."""

    name: str
    node: str
    groups: Tuple[str, ...]
    machine: str
    seen: Mapping[str, Any]

    @property
    def holds_address(self) -> bool:
        return bool(self.seen.get("held_addresses"))

    def has(self, way: Way) -> bool:
        """Whether the part runs here in this way now."""
        if way.action == CRASH_STATIC_POD:
            return way.pod in (self.seen.get("static_pods") or [])
        if way.action == CRASH_SERVICES:
            return bool(self.services(way))
        return bool(self.seen.get("can_isolate"))

    def services(self, way: Way) -> List[str]:
        """Those of the way's services that are active here."""
        return [name for name in way.services if name in (self.seen.get("services") or [])]


class Settings(NamedTuple):
    """What the user asked for."""

    cluster_name: str
    confirm: str = ""
    faults: Sequence[str] = ()
    limits: Mapping[str, Any] = {}
    seconds: int = 20
    revert_after: int = 120
    virtual_address: str = ""
    power_off: bool = False
    power_on: bool = False
    check_mode: bool = False


class Target(NamedTuple):
    """One host of a fault, and what is done there."""

    host: str
    node: str
    action: str
    services: Sequence[str]
    pod: str
    addresses: Sequence[str]


class Chosen(NamedTuple):
    """A fault that is done, or why it is not: exactly one of ``targets`` and ``reason`` is filled; ``refused`` ends the drill."""

    fault: Fault
    targets: Sequence[Target]
    reason: str = ""
    refused: Optional[Problem] = None

    def line(self) -> str:
        """For a person."""
        if not self.targets:
            return "%s: left out, %s" % (self.fault.name, self.reason)
        return "%s: %s" % (self.fault.name, "; ".join("%s on %s" % (words(target), target.host) for target in self.targets))


def words(target: Target) -> str:
    """What happens to a target, in words."""
    address = " and take %s away" % listed(target.addresses) if target.addresses else ""
    if target.action == POWER:
        return "power off"
    if target.action == CRASH_STATIC_POD:
        return "SIGKILL to static pod %s, kept away" % target.pod
    if target.action == CRASH_SERVICES:
        return "SIGKILL to %s, kept down%s" % (listed(target.services), address)
    return "cut off from the network%s" % (", with SIGKILL to %s%s" % (listed(target.services), address) if target.services else "")


def check_settings(settings: Settings) -> List[Problem]:
    """What is wrong with the settings alone."""
    problems = []
    if settings.confirm != settings.cluster_name and not (settings.check_mode and not settings.confirm):
        problems.append(
            Problem(
                "drill_confirm",
                "it is %r, and the cluster is called %r" % (settings.confirm, settings.cluster_name),
                "a drill kills parts of a living cluster: to have that, run again with -e drill_confirm=%s" % settings.cluster_name,
            )
        )
    for name in settings.faults:
        if name not in NAMES:
            meant = did_you_mean(name, NAMES)
            problems.append(
                Problem("drill_faults", "there is no fault %r" % name, "write %s" % (meant or "some of %s" % ", ".join(NAMES)))
            )
    if settings.seconds < 5:
        problems.append(
            Problem(
                "drill_fault_seconds",
                "%d s is too short to see a failover end" % settings.seconds,
                "write 5 or more, longer than the failover may last",
            )
        )
    if settings.revert_after < settings.seconds + 60:
        problems.append(
            Problem(
                "drill_revert_after",
                "after %d s the node would undo the fault by itself, and a fault lasts %d s"
                % (settings.revert_after, settings.seconds),
                "write %d or more" % (settings.seconds + 60),
            )
        )
    if settings.power_off != settings.power_on:
        missing = "drill_power_on_command" if settings.power_off else "drill_power_off_command"
        problems.append(
            Problem(missing, "it is empty, but its counterpart is set", "set both, so that whoever loses power gets it back")
        )
    return problems + check_limits(settings.limits)


def choose(fault: Fault, hosts: Sequence[Host], settings: Settings) -> Chosen:
    """The targets of one fault as the cluster is now: the holder of the address, the leader, the machine whose loss costs most."""
    if fault.machine:
        return _machine(fault, hosts, settings)
    group, candidates = _candidates(fault, hosts, settings)
    if not candidates:
        return Chosen(fault, (), _nobody(fault, hosts))
    if fault.address and not any(host.holds_address for host in candidates):
        return Chosen(
            fault, (), "no host of group %s holds the virtual address %s" % (group, settings.virtual_address or "(none is set)")
        )
    refused = _too_few(fault, candidates)
    if refused:
        return Chosen(fault, (), refused.problem, refused)
    best = max(candidates, key=lambda host: (fault.leader and bool(host.seen.get("etcd_leader")), host.holds_address))
    return Chosen(fault, [_target(fault, best, settings)])


def candidates_of(hosts: Sequence[Host]) -> List[str]:
    """The hosts to look at again before each fault: all but those that only run pods."""
    return [host.name for host in hosts if set(host.groups) - {"workers"}]


def make_plan(hosts: Sequence[Host], settings: Settings) -> Tuple[List[Problem], List[Chosen]]:
    """Everything that is wrong, and every wanted fault with its present targets or why it is left out."""
    problems = check_settings(settings)
    wanted = settings.faults or NAMES
    chosen = [choose(fault, hosts, settings) for fault in FAULTS if fault.name in wanted]
    problems += [entry.refused for entry in chosen if entry.refused]
    if not problems and not any(entry.targets for entry in chosen):
        problems.append(
            Problem(
                "drill_faults",
                "nothing that can be killed is left: " + "; ".join(entry.line() for entry in chosen),
                "name a fault that this cluster has a part for",
            )
        )
    return problems, chosen


def _candidates(fault: Fault, hosts: Sequence[Host], settings: Settings) -> Tuple[str, List[Host]]:
    """The first group that has hosts with this part, and those hosts."""
    for group in fault.groups:
        found = [host for host in hosts if group in host.groups and _way(fault, host, settings) is not None]
        if found:
            return group, found
    return fault.groups[0], []


def _way(fault: Fault, host: Host, settings: Settings) -> Optional[Way]:
    if fault.power and settings.power_off and all(way.action == ISOLATE or host.has(way) for way in fault.ways):
        return Way(POWER)
    return next((way for way in fault.ways if host.has(way)), None)


def _nobody(fault: Fault, hosts: Sequence[Host]) -> str:
    groups = [group for group in fault.groups if any(group in host.groups for host in hosts)]
    if not groups:
        return "no host is in group %s" % " or ".join(fault.groups)
    kinds = []
    for way in fault.ways:
        if way.action == ISOLATE:
            kinds.append("nft or iptables, nor is there a drill_power_off_command")
        else:
            kinds.append("static pod %s" % way.pod if way.pod else "service %s" % " or ".join(way.services))
    return "no host of group %s has %s" % (" or ".join(groups), " or ".join(kinds))


def _too_few(fault: Fault, candidates: Sequence[Host]) -> Optional[Problem]:
    """A fault whose end is the cluster's end is no drill."""
    number = len(candidates)
    names = tuple(host.name for host in candidates)
    if fault.leader and number - 1 < quorum(number):
        return Problem(
            "drill_faults",
            "%s: the cluster has %d of them and needs %d for its quorum, so killing one would stop it"
            % (fault.name, number, quorum(number)),
            "build a cluster with 3 etcd members first, or leave %s out of drill_faults" % fault.name,
            names,
        )
    if number < 2:
        return Problem(
            "drill_faults",
            "%s: the cluster has only 1 of its kind (%s), so killing it is an outage by design" % (fault.name, fault.redundant),
            "build a second one first, or leave %s out of drill_faults" % fault.name,
            names,
        )
    return None


def _machine(fault: Fault, hosts: Sequence[Host], settings: Settings) -> Chosen:
    """All nodes of one machine: the one with the virtual address, then the one with the most nodes, of those that may be lost."""
    machines: Dict[str, List[Host]] = {}
    for host in hosts:
        machines.setdefault(host.machine, []).append(host)
    possible, reasons = [], []
    for machine, on_it in machines.items():
        reason = _fatal(on_it, hosts)
        unable = [host.name for host in on_it if _way(fault, host, settings) is None]
        if reason:
            reasons.append("%s %s" % (machine, reason))
        elif not unable:
            possible.append(on_it)
    if not possible and reasons:
        problem = Problem(
            "drill_faults",
            "%s: no machine can be spared: %s" % (fault.name, "; ".join(reasons[:3])),
            "spread the nodes over more machines (physical_host), or leave %s out of drill_faults" % fault.name,
        )
        return Chosen(fault, (), problem.problem, problem)
    if not possible:
        return Chosen(fault, (), _nobody(fault, hosts))
    best = max(possible, key=lambda on_it: (any(host.holds_address for host in on_it), len(on_it)))
    return Chosen(fault, [_target(fault, host, settings) for host in best])


def _fatal(lost: Sequence[Host], hosts: Sequence[Host]) -> str:
    """Why the cluster would not survive the loss of these hosts at once; empty where it would."""
    names = {host.name for host in lost}
    for fault in FAULTS:
        if fault.machine:
            continue
        group = next((group for group in fault.groups if any(_runs(fault, group, host) for host in hosts)), "")
        having = [host for host in hosts if _runs(fault, group, host)]
        left = [host for host in having if host.name not in names]
        needed = quorum(len(having)) if fault.leader else 1
        if len(having) > len(left) and len(left) < needed:
            return "has %d of %d %s, and %d must stay" % (len(having) - len(left), len(having), fault.redundant, needed)
    return ""


def _runs(fault: Fault, group: str, host: Host) -> bool:
    return group in host.groups and any(way.action == ISOLATE or host.has(way) for way in fault.ways)


def _target(fault: Fault, host: Host, settings: Settings) -> Target:
    way = _way(fault, host, settings)
    if way is None:
        raise ValueError("%s can't be done to %s, and only hosts to which it can are chosen" % (fault.name, host.name))
    addresses = list(host.seen.get("held_addresses") or []) if fault.address and way.action != POWER else []
    return Target(host.name, host.node, way.action, host.services(way), way.pod, addresses)
