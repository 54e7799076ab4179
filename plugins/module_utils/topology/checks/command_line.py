# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is given with -e for one run: the playbook that preflight is to look at, and names of nodes that shall go."""

from __future__ import annotations

from typing import Iterator, List

from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import parse_address
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.checks.names import NODE_NAME
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import GROUPS, Node, Topology
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.leaving import VARIABLES
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, did_you_mean, listed

#: What reads like a pattern or a list, and is neither.
PATTERN = "*?[]!&:; "


def check(topology: Topology) -> Iterator[Problem]:
    yield from _playbook(topology)
    variable = VARIABLES.get(topology.playbook, "")
    nodes = [node for node in [*topology.nodes.values(), *topology.left_out.values()] if node.in_cluster]
    for name in topology.named if variable else []:
        yield from _name(topology, variable, name, nodes)


def _playbook(topology: Topology) -> Iterator[Problem]:
    known = topology.playbooks
    if not topology.playbook or not known or topology.playbook in known:
        return
    meant = did_you_mean(topology.playbook.rpartition("/")[2].partition(".")[0], known)
    yield Problem(
        "preflight_playbook",
        "there is no playbook %.60s%s" % (topology.playbook, ", did you mean %s?" % meant if meant else ""),
        "write %s" % (meant or "one of " + ", ".join(known)),
    )


def _name(topology: Topology, variable: str, name: str, nodes: List[Node]) -> Iterator[Problem]:
    """What can't be a node at all. Whether the cluster has one of the name is asked of its API."""
    if any(name in (node.name, node.host) for node in nodes):
        return
    address = parse_address(name)
    held = next((node.name for node in nodes if address is not None and node.address == address), "")
    close = held or did_you_mean(name.lower(), [node.name for node in nodes])
    names = "the nodes are %s" % listed([node.name for node in nodes])
    if any(character in name for character in PATTERN):
        problem, remedy = "%.60r is no name, and patterns stand for nothing here", "write names, with commas between them; " + names
    elif address is not None:
        problem, remedy = (
            "%.60r is an address, and nodes go by their names",
            "write %s" % held if held else "write the name; " + names,
        )
    elif name in GROUPS or name in topology.other_groups or name == "all":
        problem, remedy = "%.60r is a group", "write names of nodes, with commas between them"
    elif not NODE_NAME.match(name):
        problem, remedy = "%.60r can't be the name of a node", "write %s" % close if close else names
    else:
        return
    yield Problem(variable, problem % name, remedy)
