# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether nodes may leave, and what is done for it. Pure: everything that is wrong at once, before anything is touched."""

from __future__ import annotations

from typing import Iterator, List, NamedTuple, Sequence, Set

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.members import (
    Member,
    describe,
    may_remove,
    voters,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.quorum import quorum, tolerance
from ansible_collections.baremetal.kubernetes.plugins.module_utils.removal.seen import Etcd, Seen, members_of
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.leaving import ALIVE, BEGUN, DEAD, VARIABLES
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import (
    Problem,
    counted,
    did_you_mean,
    listed,
)

#: Opt-ins by what they allow; each names the nodes that it is for, so that none is left standing for the next run.
LOSE_LOCAL_DATA = "remove_lose_local_data"
DELETE_BARE_PODS = "remove_delete_bare_pods"
LOSE_TOLERANCE = "remove_lose_tolerance"


class Leaver(NamedTuple):
    """A name that shall be gone, and the condition of its machine (topology.leaving)."""

    name: str
    host: str = ""
    condition: str = DEAD
    address: str = ""
    successor: bool = False


class Wanted(NamedTuple):
    """Who leaves, why (``operation`` is remove or replace), and what may be lost: names of nodes."""

    leavers: Sequence[Leaver]
    operation: str = "remove"
    lose_local_data: Sequence[str] = ()
    delete_bare_pods: Sequence[str] = ()
    lose_tolerance: Sequence[str] = ()


class Traces(NamedTuple):
    """What the cluster has of one leaver."""

    node: bool
    members: Sequence[Member]
    status: bool
    pods: int
    lease: bool

    @property
    def any(self) -> bool:
        return self.node or bool(self.members) or self.status or self.pods > 0 or self.lease


def traces(seen: Seen, leaver: Leaver) -> Traces:
    """What is to be taken out for one leaver; of a machine that goes on joining only what never started."""
    members = members_of(seen, leaver.name, leaver.address)
    if leaver.condition == BEGUN:
        return Traces(False, [member for member in members if not member.started], False, 0, False)
    return Traces(
        leaver.name in seen.nodes,
        members,
        leaver.name in (seen.status or {}),
        seen.bound.get(leaver.name, 0),
        leaver.name in seen.leases,
    )


def steps(seen: Seen, wanted: Wanted) -> List[str]:
    """What is to be done, a line each; nothing where all are gone."""
    lines: List[str] = []
    for leaver in wanted.leavers:
        found = traces(seen, leaver)
        if leaver.condition == ALIVE and found.node and seen.nodes[leaver.name].ready:
            lines.append("%s: evict %s" % (leaver.name, counted(len(seen.pods.get(leaver.name, ())), "pod")))
        lines += ["%s: remove %s from etcd" % (leaver.name, describe(member)) for member in found.members]
        if found.status:
            lines.append("%s: remove its entry from kubeadm-config" % leaver.name)
        if found.node or found.lease:
            lines.append("%s: delete its Node object and its lease" % leaver.name)
        if found.pods:
            lines.append("%s: delete what is left of its pods" % leaver.name)
    return lines


def problems(seen: Seen, wanted: Wanted) -> List[Problem]:
    """Everything that speaks against it."""
    variable = VARIABLES[wanted.operation]
    alive_after_all = [one for leaver in wanted.leavers for one in _not_dead(seen, leaver, variable)]
    found = list(alive_after_all)
    for leaver in wanted.leavers:
        found += _unknown(seen, leaver, variable)
        found += _no_successor(seen, leaver, wanted.operation)
        found += _pods(seen, leaver, wanted)
    found += _api_servers(seen, wanted, variable)
    if seen.etcd is not None and not alive_after_all:
        found += _quorum(seen, seen.etcd, wanted, variable)
    return found


def still_ready(seen: Seen, wanted: Wanted) -> List[str]:
    """Nodes that nobody reaches and whose kubelet was heard of so lately that the cluster calls them Ready."""
    return [one.name for one in wanted.leavers if one.condition == DEAD and one.name in seen.nodes and seen.nodes[one.name].ready]


def _unknown(seen: Seen, leaver: Leaver, variable: str) -> Iterator[Problem]:
    if leaver.host or traces(seen, leaver).any:
        return
    names = sorted(set(seen.nodes) | {member.name for member in (seen.etcd.members if seen.etcd else ()) if member.name})
    meant = did_you_mean(leaver.name, names)
    yield Problem(
        variable,
        "neither the cluster nor the inventory has a node %s%s" % (leaver.name, ", did you mean %s?" % meant if meant else ""),
        "write one of %s; if it was removed before, nothing is left to do" % listed(names, 20),
    )


def _not_dead(seen: Seen, leaver: Leaver, variable: str) -> Iterator[Problem]:
    if leaver.condition != DEAD:
        return
    where = "Ansible can't reach it" if leaver.host else "the inventory does not have it"
    member = next((one for one in members_of(seen, leaver.name, leaver.address) if seen.etcd and one.id in seen.etcd.healthy), None)
    ready = leaver.name in seen.nodes and seen.nodes[leaver.name].ready
    if not ready and member is None:
        return
    signs = (["its kubelet reports to the API (Ready)"] if ready else []) + (
        ["its %s of etcd answers" % describe(member)] if member is not None else []
    )
    yield Problem(
        variable,
        "%s is not dead: %s, but %s" % (leaver.name, " and ".join(signs), where),
        "%s; or power it off and run again"
        % (
            "mend the way to it, so that it can be drained and reset"
            if leaver.host
            else "put it back into the inventory (group control_plane or workers), so that it can be drained and reset"
        ),
        (leaver.name,),
    )


def _no_successor(seen: Seen, leaver: Leaver, operation: str) -> Iterator[Problem]:
    if operation != "replace" or leaver.successor or not traces(seen, leaver).any:
        return
    yield Problem(
        VARIABLES["replace"],
        "no blank machine of the inventory is there to take the place of %s" % leaver.name,
        "start the new machine under the old name and address, or add one with a new name to the same group; to take %s out "
        "without a successor use the playbook remove" % leaver.name,
        (leaver.name,),
    )


def _pods(seen: Seen, leaver: Leaver, wanted: Wanted) -> Iterator[Problem]:
    """What would be lost for good. Data in an emptyDir are lost already where the machine is dead."""
    if leaver.condition == BEGUN or leaver.name not in seen.nodes:
        return
    pods = [pod for pod in seen.pods.get(leaver.name, ()) if not pod.finished]
    scratch = [pod.text for pod in pods if pod.empty_dir and not pod.terminating] if leaver.condition == ALIVE else []
    volumes = list(seen.volumes.get(leaver.name, ()))
    if (scratch or volumes) and leaver.name not in wanted.lose_local_data:
        what = volumes + ["emptyDir of pod %s" % text for text in scratch]
        yield Problem(
            "data on %s" % leaver.name,
            "%s would be lost with the node" % listed(what, 10),
            "save what is needed; then allow it with -e %s=%s" % (LOSE_LOCAL_DATA, leaver.name),
            (leaver.name,),
        )
    bare = [pod.text for pod in pods if not pod.controller and not pod.terminating]
    if bare and leaver.name not in wanted.delete_bare_pods:
        yield Problem(
            "pods on %s" % leaver.name,
            "%s: no controller would make %s again elsewhere" % (listed(bare, 10), "it" if len(bare) == 1 else "them"),
            "move what is needed; then allow it with -e %s=%s" % (DELETE_BARE_PODS, leaver.name),
            (leaver.name,),
        )


def _api_servers(seen: Seen, wanted: Wanted, variable: str) -> Iterator[Problem]:
    leaving = {leaver.name for leaver in wanted.leavers if leaver.condition != BEGUN}
    going = [node.name for node in seen.nodes.values() if node.control_plane and node.name in leaving]
    staying = [node.name for node in seen.nodes.values() if node.control_plane and node.name not in leaving and node.ready]
    if going and not staying:
        yield Problem(
            variable,
            "without %s no control plane that is Ready would be left" % listed(going),
            "join another control plane first; to end the cluster use the playbook reset",
            tuple(going),
        )


def order(seen: Seen, wanted: Wanted) -> List[Member]:
    """The members that go, in the order that costs least: those that never started, the dead, those that vote and live."""
    healthy: Set[int] = seen.etcd.healthy if seen.etcd else set()
    going = [member for leaver in wanted.leavers for member in traces(seen, leaver).members]
    return sorted(going, key=lambda member: (member.started, member.id in healthy))


def _quorum(seen: Seen, etcd: Etcd, wanted: Wanted, variable: str) -> Iterator[Problem]:
    going = order(seen, wanted)
    if etcd.error:
        if any(traces(seen, leaver).any for leaver in wanted.leavers):
            yield Problem(
                "etcd", "its member on this control plane does not answer: %s" % etcd.error, "look at its log, then run again"
            )
        return
    if not going:
        return
    # One after the other, as it would be done.
    members: List[Member] = list(etcd.members)
    for member in going:
        verdict = may_remove(members, etcd.healthy, member.id)
        if not verdict.safe:
            yield Problem(variable, "etcd can't lose %s: %s" % (_names([member]), verdict.reason), verdict.remedy)
            return
        members = [one for one in members if one.id != member.id]
    before = voters(etcd.members)
    voting = [member for member in going if not member.learner and member.id in etcd.healthy]
    spare, left = _spare(before, etcd.healthy), _spare(members, etcd.healthy)
    if len(voting) > max(1, tolerance(len(before))):
        yield Problem(
            variable,
            "%s: %d of %d voting members of etcd would go in one run, and a cluster of %d can lose %d (its quorum is %d)"
            % (_names(going), len(voting), len(before), len(before), tolerance(len(before)), quorum(len(before))),
            "remove one, join another in its place, and then remove the next",
        )
    elif spare > 0 and left == 0 and wanted.operation == "remove" and not _allowed(voting, wanted.lose_tolerance):
        yield Problem(
            variable,
            "without %s, %d of %d members of etcd stay and all of them are needed: the next failure would stop the cluster"
            % (_names(going), len(voters(members)), len(before)),
            "use the playbook replace with a new machine; or, to go on with fewer, allow it with -e %s=%s"
            % (LOSE_TOLERANCE, ",".join(member.name for member in voting)),
        )


def _spare(members: Sequence[Member], healthy: Set[int]) -> int:
    """How many healthy voting members may still fail."""
    voting = voters(members)
    return sum(1 for member in voting if member.id in healthy) - quorum(len(voting))


def _allowed(members: Sequence[Member], names: Sequence[str]) -> bool:
    return all(member.name in names for member in members)


def _names(members: Sequence[Member]) -> str:
    return listed([member.name or describe(member) for member in members])
