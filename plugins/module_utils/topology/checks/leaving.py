# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that leave or come to a cluster that lives. What the API and etcd say of them is asked later, by module node_removal."""

from __future__ import annotations

from typing import Iterator, List, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import (
    Node,
    Topology,
    entries,
    mapping,
    text,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.leaving import VARIABLES
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.plan import CHANGES, healthiest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, listed


def check(topology: Topology) -> Iterator[Problem]:
    ask = healthiest(topology)
    if topology.playbook in CHANGES:
        yield from _names(topology)
        yield from _machines(topology)
        yield from _nobody_answers(topology, ask)
    if ask is not None:
        yield from _lost_disks(topology, ask)


def _names(topology: Topology) -> Iterator[Problem]:
    variable = VARIABLES.get(topology.playbook)
    if variable is None:
        return
    if not topology.named:
        yield Problem(
            variable, "it is not set, so no node is named", "run again with -e %s=NAME, as in `kubectl get nodes`" % variable
        )
    elif topology.playbook == "replace" and len(topology.named) > 1:
        yield Problem(
            variable,
            "it names %s, and nodes are replaced one at a time" % listed(topology.named),
            "name one of them; run the playbook again for the next when this one is done",
        )


def _machines(topology: Topology) -> Iterator[Problem]:
    ours = {one for node in topology.control_planes if node.state == "control_plane" for one in node.cluster_ids}
    for node in topology.left_out.values():
        if node.why_not and "can't be reached" not in node.why_not:
            yield Problem(
                "host %s" % node.host,
                node.why_not,
                "mend what the message names, so that it can be drained and reset; or power it off, and run again",
                (node.host,),
            )
        elif ours and node.cluster_ids and not ours.intersection(node.cluster_ids):
            yield Problem(
                "host %s" % node.host,
                "it belongs to another cluster than the one that it should leave (%s)" % node.cluster_id[:19],
                "take it out of this inventory; its own inventory is the one to remove it with",
                (node.host,),
            )


def _nobody_answers(topology: Topology, ask: Optional[Node]) -> Iterator[Problem]:
    if ask is not None:
        return
    leaving = [node.host for node in topology.left_out.values() if "control_plane" in node.groups]
    if leaving and not topology.control_planes:
        yield Problem(
            VARIABLES[topology.playbook],
            "%s: no control plane would be left, and the data of the cluster are theirs" % listed(leaving),
            "leave at least one out; to end the cluster use the playbook baremetal.kubernetes.reset",
            tuple(leaving),
        )
        return
    states = ["%s (%s)" % (node.host, node.why_not or node.state) for node in topology.control_planes]
    yield Problem(
        "control planes",
        "no API server answers that could be asked for the cluster: %s" % (listed(states) or "there are none"),
        "to make a cluster run its topology's playbook, such as baremetal.kubernetes.stacked_ha; where there is one, bring a "
        "control plane back first",
        tuple(node.host for node in topology.control_planes),
    )


def _lost_disks(topology: Topology, ask: Node) -> Iterator[Problem]:
    """A blank machine under the name of a member of stacked etcd: kubeadm join would find the old member dead, and refuse."""
    if topology.settings.etcd_mode == "external":
        return
    members = [mapping(member) for member in entries(mapping(ask.facts.get("etcd")).get("members"))]
    names: List[str] = [text(member.get("name")) for member in members]
    leaving = [one.name for one in topology.leaving]
    for node in topology.control_planes:
        if node.state == "blank" and node.name in names and node.name not in leaving:
            yield Problem(
                "control plane %s" % node.host,
                "the machine is blank, but etcd has the member %s: its disk was lost, or it was reset without leaving" % node.name,
                "to let it take its place again: ansible-playbook baremetal.kubernetes.replace -e replace_node=%s" % node.name,
                (node.host,),
            )
