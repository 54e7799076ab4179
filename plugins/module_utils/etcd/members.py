# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a change of an etcd cluster's membership is safe, decided on data.

Sources: https://etcd.io/docs/v3.6/op-guide/runtime-configuration/ (a change needs a quorum of the members as they are now, and
must leave one of the members as they are then), https://etcd.io/docs/v3.6/learning/design-learner/ (a learner has no vote).
"""

from __future__ import annotations

from typing import Collection, List, NamedTuple, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.quorum import quorum
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import Peer


class Member(NamedTuple):
    """A member as the cluster knows it. A member that was added and never started has no name."""

    id: int
    name: str
    peer_urls: List[str]
    client_urls: List[str]
    learner: bool

    @property
    def hex_id(self) -> str:
        """The id as etcdctl writes it."""
        return "%x" % self.id

    @property
    def started(self) -> bool:
        return bool(self.name)


class Verdict(NamedTuple):
    """Whether a change may be made; ``reason`` and ``remedy`` are for a person, the latter empty where it is safe."""

    safe: bool
    reason: str
    remedy: str = ""


def known_as(members: Sequence[Member], own: Peer) -> Optional[Member]:
    """The cluster's entry for a host: by its peer URL, else by its name (a machine that came back with another address)."""
    for member in members:
        if own.peer_url in member.peer_urls:
            return member
    return next((member for member in members if member.name == own.name), None)


def voters(members: Sequence[Member]) -> List[Member]:
    """The members that count for the quorum."""
    return [member for member in members if not member.learner]


def ghosts(members: Sequence[Member]) -> List[Member]:
    """Members that were added and never started; each voting one costs a vote that nobody casts."""
    return [member for member in members if not member.started]


def has_quorum(members: Sequence[Member], healthy: Collection[int]) -> bool:
    """Whether the healthy ones (ids) among these members can write."""
    voting = voters(members)
    return bool(voting) and _count(voting, healthy) >= quorum(len(voting))


def may_remove(members: Sequence[Member], healthy: Collection[int], member_id: int) -> Verdict:
    """Whether the cluster can make this removal, and can still write after it."""
    member = find(members, member_id)
    if member is None:
        return Verdict(False, "there is no member %x" % member_id, "list the members again: it may have been removed already")
    name = describe(member)
    if not has_quorum(members, healthy):
        return _no_quorum(members, healthy)
    if member.learner:
        return Verdict(True, "%s is a learner and has no vote" % name)
    left = [other for other in voters(members) if other.id != member_id]
    if not left:
        return Verdict(False, "%s is the last voting member, and its data the cluster's" % name, "add another member first")
    alive, needed = _count(left, healthy), quorum(len(left))
    if alive < needed:
        return Verdict(
            False,
            "without %s only %d of %d voting members would be healthy, and %d are needed" % (name, alive, len(left), needed),
            "remove or repair the unhealthy members (%s) first" % ", ".join(describe(m) for m in left if m.id not in healthy),
        )
    return Verdict(True, "%d of the %d voting members that stay are healthy, and %d are needed" % (alive, len(left), needed))


def may_add(members: Sequence[Member], healthy: Collection[int], learner: bool) -> Verdict:
    """Whether the cluster can still write while the new member has not started yet."""
    absent = ghosts(members)
    if absent:
        return Verdict(
            False,
            "%s was added before and never started" % ", ".join(describe(member) for member in absent),
            "start it or remove it before another one is added",
        )
    if not has_quorum(members, healthy):
        return _no_quorum(members, healthy)
    if learner:
        waiting = [member for member in members if member.learner]
        if waiting:
            # One is etcd's default (--max-learners).
            return Verdict(False, "%s is still a learner" % describe(waiting[0]), "promote or remove it first")
        return Verdict(True, "a learner has no vote until it is promoted")
    now = voters(members)
    alive, needed = _count(now, healthy), quorum(len(now) + 1)
    if alive >= needed:
        return Verdict(True, "%d voting members are healthy, and %d of %d will be needed" % (alive, needed, len(now) + 1))
    dead = [describe(member) for member in now if member.id not in healthy]
    wait = "add it as a learner and promote it once it has caught up"
    return Verdict(
        False,
        "%d of %d voting members would be needed and %d are healthy: nothing could be written until the new one has started"
        % (needed, len(now) + 1, alive),
        "remove the dead member (%s) first" % ", ".join(dead) if dead else wait,
    )


def find(members: Sequence[Member], member_id: int) -> Optional[Member]:
    """The member with this id."""
    for member in members:
        if member.id == member_id:
            return member
    return None


def describe(member: Member) -> str:
    """A member as a person reads it."""
    return "member %s (%s)" % (member.hex_id, member.name or "unstarted, %s" % ", ".join(member.peer_urls))


def _count(members: Sequence[Member], healthy: Collection[int]) -> int:
    return sum(1 for member in members if member.id in healthy)


def _no_quorum(members: Sequence[Member], healthy: Collection[int]) -> Verdict:
    voting = voters(members)
    return Verdict(
        False,
        "%d of %d voting members are healthy, and %d are needed to change anything"
        % (_count(voting, healthy), len(voting), quorum(len(voting))),
        "bring members back until there is a quorum; where they are lost for good, restore from a snapshot",
    )
