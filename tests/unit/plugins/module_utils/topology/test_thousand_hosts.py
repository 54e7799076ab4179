# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The largest inventories: every host is looked at, and what is said stays readable. tests/bench/topology_1000.py measures it."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import readable

WORKERS = 997


@pytest.fixture
def thousand(inventory: Callable[..., Any]) -> Any:
    large = inventory(
        {"cluster_vip": "10.16.200.200", "cluster_endpoint": "10.16.200.200:8443", "cluster_pod_subnet": "10.64.0.0/12"}, 0, 0
    )
    for number in range(3 + WORKERS):
        address = "10.16.%d.%d" % (number // 250, number % 250 + 1)
        large.add("node%d" % number, "control_plane" if number < 3 else "workers", address)
    for entry in large.data["hosts"].values():
        entry["facts"]["addresses"][1]["prefix"] = 12
        entry["facts"]["routes"][1]["destination"] = "10.16.0.0/12"
    return large


def test_a_right_inventory_of_a_thousand_passes(thousand: Any) -> None:
    outcome = thousand.outcome()
    assert (outcome.problems, outcome.warnings) == ([], [])
    assert len(outcome.plan["join_workers"]) == WORKERS
    assert len(outcome.plan["summary"]) == WORKERS + 3


def test_one_wrong_host_among_a_thousand_is_found(thousand: Any) -> None:
    thousand.host("node777")["vars"]["node_name"] = "node776"
    thousand.facts("node500")["routes"].append({"destination": "10.70.0.0/16", "gateway": "10.16.255.9", "interface": "eth0"})
    assert thousand.refused("node_name", "all called node776").hosts == ("node776", "node777")
    assert thousand.refused("cluster_pod_subnet", "route 10.70.0.0/16 of node500").hosts == ("node500",)
    assert len(thousand.problems) == 2


def test_the_default_pod_subnet_is_too_small_for_a_thousand_and_says_what_is_not(thousand: Any) -> None:
    thousand.set(pod_subnet="10.244.0.0/16").refused(
        "cluster_pod_subnet", "256 node networks", "744 would never", "/14 holds them"
    )


def test_a_mistake_of_all_hosts_is_said_once(thousand: Any) -> None:
    for entry in thousand.data["hosts"].values():
        entry.update(unreachable=True, msg="Connection refused", facts=None)
    problems = thousand.problems
    assert len(problems) == 1
    assert len(problems[0].hosts) == WORKERS + 3
    assert "node0, node1, node2, node3, node4 and 995 more" in readable(problems)
