# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that leave the cluster: who they are, and in which condition their machines are. Pure.

A host that leaves is taken out of the topology before anything is checked or planned, so that load balancers, peers of keepalived,
hosts files and the list of nodes are those of the cluster that stays. A machine that takes its own old place stays in.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.forms import NOTHING, Fault, conform
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import (
    Node,
    entries,
    mapping,
    text,
)

#: The machine can be reached: it is drained and reset.
ALIVE = "alive"
#: Nobody reaches the machine, or the inventory no longer has it: nothing of it is asked or touched.
DEAD = "dead"
#: The machine is blank, a new one with the old name or one that was reset: there is nothing on it to drain.
BLANK = "blank"
#: The new machine has begun to join: at most a member of etcd that never started is left to clear.
BEGUN = "begun"

#: The playbooks that take nodes out, and the variable that names these nodes.
VARIABLES = {"remove": "remove_nodes", "replace": "replace_node"}


class Leaving(NamedTuple):
    """A name that shall be gone, its inventory host (empty where there is none) and what is known of its machine."""

    name: str
    host: str
    condition: str
    address: str
    control_plane: bool
    #: Whether a blank machine is there to take the place.
    successor: bool

    def as_dict(self) -> Dict[str, Any]:
        return dict(self._asdict())


def read_names(value: Any, playbook: str) -> Tuple[List[str], List[Fault]]:
    """The names in a variable of VARIABLES, which is a list or a text with commas, and what is wrong with its form."""
    if value is None:
        return [], []
    names, faults = conform(VARIABLES.get(playbook, "leaving"), value, {"type": "list", "elements": "str"}, commas=True)
    return [] if names is NOTHING else [name.strip() for name in names if name.strip()], faults


def find_leaving(names: Sequence[str], nodes: Iterable[Node], playbook: str) -> Tuple[List[Leaving], List[str]]:
    """Who leaves, and the hosts that are no longer part of the topology."""
    known = list(nodes)
    leaving: List[Leaving] = []
    gone: List[str] = []
    for name in dict.fromkeys(names):
        node = next((one for one in known if one.in_cluster and name in (one.name, one.host)), None)
        if node is None:
            leaving.append(Leaving(name, "", DEAD, "", False, playbook == "replace" and _newcomer(known, None)))
            continue
        condition = _condition(node, known, playbook)
        if condition is None:
            continue
        newcomer = _newcomer(known, node)
        # It takes its own old place, unless another machine is there for it: then it was reset by a run that was killed.
        stays = playbook == "replace" and (condition == BEGUN or (condition == BLANK and not newcomer))
        leaving.append(
            Leaving(
                node.name,
                node.host,
                condition,
                str(node.address or ""),
                "control_plane" in node.groups,
                stays or newcomer,
            )
        )
        if not stays:
            gone.append(node.host)
    return leaving, gone


def _condition(node: Node, nodes: Sequence[Node], playbook: str) -> Optional[str]:
    """The condition of a machine of the inventory; None where nothing of it is to go."""
    if not node.readable:
        # One that answered but could not be read is no dead one: that is for the person to mend.
        return DEAD if "can't be reached" in node.why_not else ALIVE
    if node.state == "blank":
        return BLANK
    if playbook != "replace":
        return ALIVE
    if node.state != "started":
        # With remains that are not ours it stays, and is refused like any other; half reset it leaves, since another has come.
        return ALIVE if _newcomer(nodes, node) else None
    pods = [text(mapping(pod).get("name")) for pod in entries(node.facts.get("static_pods"))]
    # Once it has etcd's static pod, the member of that name is the new machine's; a kubeadm that runs is about to make it.
    own_member = "etcd" in pods or node.kubeadm.get("running") is True
    return BEGUN if "control_plane" in node.groups and not own_member else None


def _newcomer(nodes: Sequence[Node], old: Optional[Node]) -> bool:
    """Whether a machine is there that is not in the cluster yet and plays the same part as the old one, if that is known."""
    return any(
        node.readable
        and node.state in ("blank", "started")
        and node.in_cluster
        and (old is None or (node.host != old.host and ("control_plane" in node.groups) == ("control_plane" in old.groups)))
        for node in nodes
    )
