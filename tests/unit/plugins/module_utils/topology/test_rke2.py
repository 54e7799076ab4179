# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters of RKE2: what is refused before a host is touched, and the plan."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from topology_data import Inventory

VIP = "10.89.79.100"


class Rke2(Inventory):
    """An inventory that is right for playbook rke2_ha."""

    def __init__(self, servers: int = 3, agents: int = 1) -> None:
        endpoint = {"cluster_vip": VIP, "cluster_endpoint": VIP + ":6443"} if servers > 1 else {}
        super().__init__(
            dict({"cluster_distribution": "rke2", "cluster_kubernetes_version": "1.36.3"}, **endpoint), servers, agents
        )
        self.data["playbook"] = "rke2_ha"
        for entry in self.data["hosts"].values():
            entry["facts"]["rke2"] = {"version": "", "roles": [], "data": False, "joined": False, "configured": False, "server": ""}

    def member(self, *names: str, first: str = "cp1", version: str = "v1.36.3+rke2r1") -> "Rke2":
        for name in names:
            server = "control_plane" in self.host(name)["groups"]
            self.facts(name)["rke2"].update(
                version=version,
                roles=["server" if server else "agent"],
                data=server,
                joined=not server,
                configured=True,
                node_name=name,
                server="" if name == first else "https://%s:9345" % VIP,
                token=True,
                ready=server,
            )
            self.facts(name)["listening"] = [22, 6443, 9345, 2379, 2380, 10250]
        return self

    def var(self, host: str, **values: Any) -> "Rke2":
        self.host(host)["vars"].update(values)
        return self

    def play(self, playbook: str) -> "Rke2":
        self.data["playbook"] = playbook
        return self

    def said(self) -> List[str]:
        return ["%s: %s" % (problem.setting, problem.problem) for problem in self.outcome().problems]

    def plan(self) -> Dict[str, Any]:
        outcome = self.outcome()
        assert outcome.problems == []
        return outcome.plan

    def group(self, name: str) -> List[str]:
        return [entry["host"] for entry in self.plan()["work"] if entry["group"] == name]


def test_on_blank_hosts_the_first_server_begins_and_all_others_join_at_the_address() -> None:
    inventory = Rke2()
    plan = inventory.plan()["rke2"]
    assert plan["first"] == plan["token_host"] == "cp1"
    assert plan["server"] == {"cp1": "", "cp2": VIP, "cp3": VIP, "worker1": VIP}
    assert inventory.group("plan_rke2_first") == ["cp1"] and inventory.group("plan_rke2_servers") == ["cp2", "cp3"]
    assert inventory.group("plan_keepalived") == ["cp1", "cp2", "cp3"] and inventory.group("plan_balancers") == []
    assert inventory.plan()["endpoint_port"] == 6443


def test_a_server_that_was_begun_goes_on_and_no_second_cluster_begins() -> None:
    inventory = Rke2()
    inventory.facts("cp2")["rke2"].update(configured=True, token=True)
    assert inventory.plan()["rke2"]["first"] == inventory.plan()["rke2"]["token_host"] == "cp2"
    inventory = Rke2().member("cp2", first="cp2")
    assert inventory.plan()["rke2"]["first"] is None and inventory.plan()["rke2"]["server"]["cp1"] == VIP
    assert inventory.plan()["rke2"]["server"]["cp2"] == "", "the one that began it stays without the key"


def test_servers_that_are_down_are_started_together() -> None:
    inventory = Rke2().member("cp1", "cp2", "cp3", "worker1")
    assert inventory.group("plan_rke2_stopped") == []
    for name in ("cp1", "cp2"):
        inventory.facts(name)["rke2"].update(roles=[], ready=False)
    assert inventory.group("plan_rke2_stopped") == ["cp1", "cp2"] and inventory.plan()["ask"] == "cp3"


def test_a_single_server_needs_no_address_of_its_own() -> None:
    plan = Rke2(servers=1).plan()
    assert plan["endpoint"] == "10.89.79.11:6443" and plan["rke2"]["server"]["worker1"] == "10.89.79.11"


def test_nodes_leave_while_a_majority_of_the_servers_stays_and_by_a_named_opt_in() -> None:
    def removal(*names: str, confirm: str = "kubernetes") -> Rke2:
        inventory = Rke2().member("cp1", "cp2", "cp3", "worker1").play("rke2_remove")
        for server in ("cp1", "cp2", "cp3"):
            inventory.var(server, rke2_leaving=list(names), rke2_remove_confirm=confirm)
        return inventory

    inventory = removal("cp1", "worker1", "long-dead")
    assert inventory.group("plan_rke2_leaving") == ["cp1", "worker1"] and inventory.group("plan_rke2_leave_ask") == ["cp2"]
    assert "nobody has named the cluster" in str(removal("cp1", confirm="").said())
    assert "1 servers would stay that are ready, and etcd needs 2 of the 3" in str(removal("cp1", "cp2").said())
    inventory = removal("cp1")
    inventory.facts("cp2")["rke2"].update(ready=False)
    assert "1 servers would stay" in str(inventory.said())
    assert "it names no node" in str(removal().said())


def test_verify_asks_a_server_that_is_ready() -> None:
    inventory = Rke2().member("cp1", "cp2", "cp3", "worker1").play("")
    inventory.facts("cp1")["rke2"].update(ready=False)
    assert inventory.group("plan_rke2_look") == ["cp2"] and inventory.group("plan_rke2_servers") == []


def test_at_a_restore_only_the_server_that_is_reset_has_no_server_key() -> None:
    inventory = Rke2().member("cp1", "cp2", "cp3", "worker1").play("restore").var("cp1", rke2_restore_host="cp2")
    assert inventory.plan()["rke2"]["server"] == {"cp1": VIP, "cp2": "", "cp3": VIP, "worker1": VIP}
    assert inventory.group("plan_rke2_restore_first") == ["cp2"] and inventory.group("plan_rke2_restore_others") == ["cp1", "cp3"]
    assert inventory.group("plan_rke2_servers") == []
    assert Rke2().member("cp1").play("restore").var("cp1", rke2_restore_host="cp9").said()


@pytest.mark.parametrize(
    "spoil, said",
    [
        (lambda one: one.var("cp1", rke2_server_config={"flannel-backend": "vxlan"}), "key flannel-backend"),
        (lambda one: one.var("cp1", rke2_server_config={"server": "https://x:9345"}), "key server is decided"),
        (lambda one: one.var("worker1", rke2_agent_config={"tls-sann": "x"}), "no key tls-sann"),
        (lambda one: one.var("cp1", rke2_profile="cis-1.6"), "profile cis-1.6 was removed with 1.25"),
        (lambda one: one.var("cp1", rke2_cni=["weave"]), "no plugin weave"),
        (lambda one: one.var("cp1", rke2_token="too-short"), "shorter than 16"),
        (lambda one: one.var("cp1", rke2_token="a-long-enough-token"), "hosts differ in it"),
        (lambda one: one.set(kubernetes_version="1.30.4"), "no way to show load balancers"),
        (lambda one: one.set(endpoint=VIP + ":8443"), "serves its API at port 6443"),
        (lambda one: one.set(etcd_mode="external"), "servers of RKE2 keep etcd themselves"),
        (lambda one: one.var("cp2", node_name="cp1"), "are all called cp1"),
        (lambda one: one.facts("cp1").update(listening=[22, 9345]), "somebody listens there already"),
        (lambda one: one.facts("worker1")["rke2"].update(roles=["server"]), "it runs rke2-server, and is to be agent"),
        (lambda one: one.facts("cp1")["kubeadm"].update(state="worker"), "kubeadm has been at work here"),
        (lambda one: one.facts("worker1")["rke2"].update(joined=True), "a new cluster would not be theirs"),
        (lambda one: one.play("stacked_ha"), "is for clusters of kubeadm"),
        (lambda one: one.set(distribution="kubeadm"), "playbook rke2_ha is for RKE2"),
        (lambda one: one.set(distribution="k3s"), "none that is known"),
    ],
)
def test_what_would_fail_later_is_refused(spoil: Any, said: str) -> None:
    inventory = Rke2()
    spoil(inventory)
    assert [line for line in inventory.said() if said in line], inventory.said()


def test_an_even_number_of_servers_is_refused_until_it_is_a_fact() -> None:
    assert "4 servers survive the loss of 1" in str(Rke2(servers=4).said())
    assert Rke2(servers=4).member("cp1", "cp2", "cp3", "cp4").outcome().problems == []
    assert "2 servers are worse than 1" in str(Rke2(servers=2).said())


def test_a_node_keeps_its_name() -> None:
    inventory = Rke2().member("cp1", "cp2", "cp3", "worker1").var("worker1", node_name="agent1")
    assert "the node is worker1 in its cluster" in str(inventory.said())


def test_another_distribution_is_refused_beside_it_and_warned_of_where_both_live() -> None:
    inventory = Rke2().member("cp1", "cp2", "cp3")
    for host in ("cp1", "worker1"):
        inventory.facts(host)["other_kubernetes"] = {"k3s": ["/etc/rancher/k3s"], "rke2": ["/etc/rancher/rke2"]}
    inventory.refused("Kubernetes on worker1", "the host holds k3s")
    inventory.warned("Kubernetes on cp1", "the host holds k3s")
    inventory.member("worker1")
    assert inventory.said() == [] and len(inventory.warnings) == 2


def test_kube_vip_and_keepalived_do_not_hold_one_address() -> None:
    inventory = Rke2().set(vip_provider="kube_vip")
    assert inventory.group("plan_keepalived") == []
    inventory.facts("cp1")["packages"]["keepalived"] = "2.2.7"
    assert "which may hold it too" in str(inventory.said())


def test_load_balancers_pass_both_ports_on() -> None:
    inventory = Rke2()
    for number in (1, 2):
        inventory.add("lb%d" % number, "load_balancers", "10.89.79.3%d" % number)
    said = str(inventory.said())
    assert "cluster_load_balancer_port: the endpoint has RKE2's port" in said and "nodes join at port 9345" in said
    inventory.set(load_balancer_port=6443)
    for number in (1, 2):
        inventory.var("lb%d" % number, load_balancer_additional_ports=[9345])
    assert inventory.group("plan_balancers") == inventory.group("plan_keepalived") == ["lb1", "lb2"]
    assert {"10.89.79.31", "10.89.79.32", VIP, "cp3"} <= set(inventory.plan()["rke2"]["sans"])


@pytest.mark.parametrize(
    "playbook, version, said",
    [
        ("rke2_ha", "1.36.4", "v1.36.3+rke2r1 runs, and v1.36.4+rke2r1 is wanted"),
        ("rke2_upgrade", "1.36.4", ""),
        ("rke2_upgrade", "1.37.0", ""),
        ("rke2_upgrade", "1.36.1", "etcd's data can't go back"),
    ],
)
def test_a_version_changes_by_an_upgrade_forward(playbook: str, version: str, said: str) -> None:
    inventory = Rke2().member("cp1", "cp2", "cp3", "worker1").play(playbook).set(kubernetes_version=version)
    assert said in str(inventory.said()) and bool(inventory.said()) == bool(said)


def test_minors_are_taken_one_at_a_time() -> None:
    inventory = Rke2().member("cp1", "cp2", "cp3", "worker1", version="v1.34.2+rke2r1").play("rke2_upgrade")
    assert "more than one minor" in str(inventory.said())
