# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""etcd's members: how many, and on how many machines. The sum itself stands in module_utils/etcd/quorum.py."""

from __future__ import annotations

from typing import Iterator, List

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.quorum import quorum, tolerance
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Node, Topology
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, grouped, listed

#: Beyond seven members every write waits for more disks and nothing is gained (etcd FAQ, "maximum cluster size").
MOST_MEMBERS = 7


def check(topology: Topology) -> Iterator[Problem]:
    members = topology.etcd_members
    group = "group etcd" if topology.settings.etcd_mode == "external" else "group control_plane"
    yield from _number(members, group, topology.two_members)
    yield from _machines(members)
    yield from _health(topology)


def _number(members: List[Node], group: str, two_members: bool) -> Iterator[Problem]:
    number = len(members)
    hosts = tuple(node.host for node in members)
    # Where all run already, as after the removal of one, it is no plan but a fact.
    runs = all(node.state == "control_plane" for node in members)
    if number == 2:
        yield Problem(
            group,
            "2 etcd members are worse than 1: both are needed for a quorum of 2, so the loss of either stops the cluster",
            "add a third (a small machine will do: it needs no pods), or use one%s"
            % ("" if runs or two_members else "; for a cluster on its way to three: playbook grow with -e grow_two_members=true"),
            hosts,
            warning=runs or two_members,
        )
    elif number and number % 2 == 0:
        yield Problem(
            group,
            "%d etcd members tolerate the loss of %d, as %d do, and one more can fail: an even number gains nothing"
            % (number, tolerance(number), number - 1),
            "use %d or %d members" % (number - 1, number + 1),
            hosts,
            warning=runs,
        )
    if number > MOST_MEMBERS:
        yield Problem(
            group,
            "%d etcd members: each write waits for %d disks" % (number, quorum(number)),
            "use 3 or 5 members; 5 survive the loss of two machines",
            hosts,
            warning=True,
        )


def _machines(members: List[Node]) -> Iterator[Problem]:
    """Losing one machine must leave a quorum. Below three members nothing can be lost anyway, which is said above."""
    number = len(members)
    if number < 3:
        return
    for machine, hosts in grouped((node.machine, node.host) for node in members).items():
        left = number - len(hosts)
        if left < quorum(number):
            yield Problem(
                "physical_host",
                "machine %s holds %d of %d etcd members (%s): when it dies, %d stay and %d are needed, so the cluster stops with it"
                % (machine, len(hosts), number, listed(hosts), left, quorum(number)),
                "spread the members so that no machine holds more than %d of them" % tolerance(number),
                tuple(hosts),
            )


def _health(topology: Topology) -> Iterator[Problem]:
    """A cluster that lives already but can't lose a member must not be changed by adding one."""
    for node in topology.etcd_members:
        etcd = node.facts.get("etcd")
        if not isinstance(etcd, dict) or not etcd.get("data_present") or node.state != "control_plane":
            continue
        if etcd.get("reachable") is False or etcd.get("healthy") is False:
            yield Problem(
                "etcd on %s" % node.host,
                "the member has data but %s" % ("does not answer" if etcd.get("reachable") is False else "is not healthy"),
                "look at `crictl logs` of etcd there; a member that is gone for good has to be removed before another joins",
                (node.host,),
                warning=True,
            )
