# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster that grows: one server, two, three."""

from __future__ import annotations

from typing import Any, List

import pytest

NAME = "api.cluster.example:6443"


@pytest.fixture(name="one")
def _one(single: Any) -> Any:
    """A single server with a name for its endpoint, which no DNS has."""
    single.set(endpoint=NAME)
    single.data.update(playbook="single", resolved={"api.cluster.example": []})
    return single


@pytest.fixture(name="growing")
def _growing(one: Any) -> Any:
    one.live("cp1")
    one.facts("cp1")["packages"]["keepalived"] = None
    one.data["playbook"] = "grow"
    return one


def names_of(inventory: Any, address: str) -> List[str]:
    entries = inventory.outcome().plan["hosts_entries"]
    return next((entry["names"] for entry in entries if entry["address"] == address), [])


def test_a_single_servers_name_leads_to_it_without_dns(one: Any) -> None:
    assert one.problems == []
    one.warned("cluster_endpoint", "resolves to nothing here", "whoever uses the kubeconfig")
    assert names_of(one, "10.89.79.11") == ["cp1", "api.cluster.example"]
    # DNS has the last word where it has one.
    one.data["resolved"] = {"api.cluster.example": ["198.51.100.1"]}
    assert names_of(one, "10.89.79.11") == ["cp1"]


def test_a_second_server_comes_as_a_worker(growing: Any) -> None:
    growing.add("worker1", "workers", "10.89.79.21")
    assert growing.problems == []
    assert growing.group("plan_join_workers") == ["worker1"] and growing.group("plan_arriving") == ["worker1"]
    assert growing.group("plan_init") == []
    summary = "\n".join(growing.outcome().plan["summary"])
    assert "1 member now, 1 afterwards" in summary and "a worker adds room, not availability" in summary


def second(growing: Any) -> Any:
    growing.add("cp2", "control_plane", "10.89.79.12")
    return growing.set(vip="10.89.79.100")


def test_two_control_planes_need_a_word_and_are_then_warned_of_in_plain_words(growing: Any) -> None:
    second(growing)
    growing.refused("group control_plane", "worse than 1", "grow_two_members=true")
    growing.data["two_members"] = True
    assert growing.problems == []
    growing.warned("group control_plane", "worse than 1")
    assert "EITHER of the two servers dies" in "\n".join(growing.outcome().plan["summary"])
    # The word counts for this playbook alone.
    growing.data["playbook"] = "join"
    growing.refused("group control_plane", "worse than 1")


def test_the_third_makes_it_highly_available_and_the_name_moves_to_the_vip(growing: Any) -> None:
    second(growing).add("cp3", "control_plane", "10.89.79.13")
    assert growing.problems == []
    assert "survives the loss of 1 control plane" in "\n".join(growing.outcome().plan["summary"])
    assert growing.group("plan_join_control_planes") == ["cp2", "cp3"]
    assert growing.group("plan_keepalived") == ["cp1", "cp2", "cp3"] and growing.group("plan_staying") == ["cp1"]
    assert names_of(growing, "10.89.79.100") == ["api.cluster.example"]
    assert "api.cluster.example" not in names_of(growing, "10.89.79.11")


def test_kube_vip_grows_from_the_server_that_is_there(growing: Any) -> None:
    second(growing).add("cp3", "control_plane", "10.89.79.13")
    growing.set(vip_provider="kube_vip")
    assert growing.problems == [] and growing.warnings == []
    assert growing.group("plan_kube_vip") == ["cp1", "cp2", "cp3"] and growing.group("plan_kube_vip_first") == []
    assert growing.group("plan_balancers") == []


def test_the_holder_of_the_vip_answers_for_what_the_endpoint_leads_to(growing: Any, stacked_ha: Any) -> None:
    # At name:6443 the holder's own API server is asked, and HAProxy on it says nothing of that.
    assert second(growing).outcome().plan["endpoint_port"] == 6443
    assert stacked_ha.outcome().plan["endpoint_port"] == 8443


def test_a_server_whose_address_is_the_endpoint_takes_workers_only(growing: Any) -> None:
    growing.facts("cp1")["cluster"]["endpoint"] = "10.89.79.11:6443"
    growing.add("worker1", "workers", "10.89.79.21")
    assert growing.problems == []
    second(growing).add("cp3", "control_plane", "10.89.79.13")
    growing.refused("cluster_endpoint", "one server's address", "workers only")
    growing.facts("cp1")["cluster"]["endpoint"] = "k8s.example:6443"
    growing.refused("cluster_endpoint", "calls itself k8s.example:6443", "write cluster_endpoint: k8s.example:6443")


def test_without_a_vip_two_servers_behind_one_name_are_refused(growing: Any) -> None:
    second(growing).set(vip="")
    growing.data["two_members"] = True
    growing.refused("cluster_endpoint", "resolves to nothing")


def test_what_is_not_there_does_not_grow(one: Any) -> None:
    one.data["playbook"] = "grow"
    one.refused("group control_plane", "nothing to grow", "baremetal.kubernetes.single")
