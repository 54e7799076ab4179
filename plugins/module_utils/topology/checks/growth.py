# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From one server to three: whether the cluster that runs can grow at all, and what its endpoint has to be for that."""

from __future__ import annotations

from typing import Iterator

from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import parse_address, split_endpoint
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Topology, mapping, text
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem

PLAYBOOK = "grow"


def check(topology: Topology) -> Iterator[Problem]:
    if topology.playbook != PLAYBOOK:
        return
    there = [node for node in topology.control_planes if node.state == "control_plane"]
    if not there:
        if topology.control_planes and all(node.readable for node in topology.control_planes):
            yield Problem(
                "group control_plane",
                "no host of it is a control plane yet: there is nothing to grow",
                "use the playbook baremetal.kubernetes.single for one server, or baremetal.kubernetes.stacked_ha for three",
            )
        return
    if len(topology.control_planes) < 2:
        return  # workers need no other endpoint
    for node in there:
        running = text(mapping(node.facts.get("cluster")).get("endpoint"))
        wanted = topology.settings.endpoint
        if not running or not wanted or running == wanted:
            continue
        host, _port = split_endpoint(running)
        own = parse_address(host or "") is not None
        yield Problem(
            "cluster_endpoint",
            "the running cluster calls itself %s, and every kubeconfig of its nodes names that%s"
            % (running, ", which is one server's address" if own else ""),
            "a second control plane needs an endpoint that can move: build the single server with a name in cluster_endpoint "
            "(restore its backup there, which takes the data along), or add workers only"
            if own
            else "write cluster_endpoint: %s" % running,
            (node.host,),
        )
        return
