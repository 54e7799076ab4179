"""Which fault hits whom, what is left out, and what is refused because it would cost the cluster its quorum."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.faults import FAULTS, NAMES
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.plan import (
    Host,
    Settings,
    candidates_of,
    choose,
    make_plan,
)

BY_NAME = {fault.name: fault for fault in FAULTS}
ASKED = Settings("c1", "c1", virtual_address="192.0.2.100")
CONTROL_PLANE = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]


def host(name: str, *groups: str, machine: str = "", **seen: Any) -> Host:
    looked: Dict[str, Any] = {
        "held_addresses": [],
        "services": [],
        "static_pods": [],
        "can_isolate": True,
        "etcd_leader": False,
        "left": None,
    }
    looked.update(seen)
    return Host(name, name, groups, machine or name, looked)


def stacked(count: int = 3, holder: str = "cp1", leader: str = "cp2") -> List[Host]:
    return [
        host(
            name,
            "control_plane",
            services=["haproxy", "keepalived"],
            static_pods=CONTROL_PLANE,
            held_addresses=["192.0.2.100"] if name == holder else [],
            etcd_leader=name == leader,
        )
        for name in ("cp%d" % number for number in range(1, count + 1))
    ] + [host("worker1", "workers")]


def external() -> List[Host]:
    masters = [host("cp%d" % number, "control_plane", static_pods=CONTROL_PLANE[1:]) for number in (1, 2, 3)]
    members = [host("etcd%d" % number, "etcd", services=["etcd"]) for number in (1, 2, 3)]
    balancers = [host("lb%d" % number, "load_balancers", services=["nginx"]) for number in (1, 2)]
    directors = [
        host("dir1", "directors", services=["keepalived"]),
        host("dir2", "directors", services=["keepalived"], held_addresses=["192.0.2.100"]),
    ]
    return masters + members + balancers + directors


def targets(name: str, hosts: Sequence[Host], settings: Settings = ASKED) -> "list[tuple[str, str]]":
    return [(target.host, target.action) for target in choose(BY_NAME[name], hosts, settings).targets]


def test_on_a_stacked_cluster_each_fault_hits_the_host_whose_loss_costs_most() -> None:
    hosts = stacked(holder="cp3", leader="cp2")
    assert targets("vip_holder", hosts) == [("cp3", "crash_services")]
    assert targets("apiserver", hosts) == [("cp3", "crash_static_pod")]
    assert targets("etcd_member", hosts) == [("cp2", "crash_static_pod")]
    assert targets("load_balancer", hosts) == [("cp3", "crash_services")]
    assert targets("physical_host", hosts) == [("cp3", "isolate")]


def test_the_holder_loses_its_address_with_keepalived_as_a_dead_host_would() -> None:
    (target,) = choose(BY_NAME["vip_holder"], stacked(), ASKED).targets
    assert target.services == ["keepalived"] and target.addresses == ["192.0.2.100"]


def test_what_the_topology_has_no_part_for_is_left_out_with_a_reason() -> None:
    problems, chosen = make_plan(stacked(), ASKED)
    assert not problems
    assert {entry.fault.name: entry.reason for entry in chosen if not entry.targets} == {
        "director": "no host is in group directors"
    }


def test_external_etcd_load_balancers_and_directors_are_killed_on_their_own_hosts() -> None:
    hosts = external()
    assert targets("vip_holder", hosts) == [("dir2", "crash_services")]
    assert targets("director", hosts) == [("dir2", "isolate")]
    assert targets("etcd_member", hosts) == [("etcd1", "crash_services")]
    (target,) = choose(BY_NAME["load_balancer"], hosts, ASKED).targets
    assert (target.host, target.services) == ("lb1", ["nginx"])
    assert targets("apiserver", hosts) == [("cp1", "crash_static_pod")]


def test_a_static_pod_of_an_external_member_is_killed_as_one() -> None:
    hosts = [host("etcd%d" % number, "etcd", static_pods=["etcd"]) for number in (1, 2, 3)]
    assert targets("etcd_member", hosts) == [("etcd1", "crash_static_pod")]


def test_a_physical_host_dies_with_all_its_nodes() -> None:
    hosts = [entry._replace(machine="metal1") if entry.name in ("cp1", "worker1") else entry for entry in stacked()]
    assert targets("physical_host", hosts) == [("cp1", "isolate"), ("worker1", "isolate")]


def test_a_machine_whose_loss_costs_the_quorum_is_spared_for_another() -> None:
    hosts = [entry._replace(machine="metal1") if entry.name in ("cp1", "cp2") else entry for entry in stacked()]
    assert targets("physical_host", hosts) == [("cp3", "isolate")]


def test_where_no_machine_can_be_spared_the_drill_is_refused_with_the_count() -> None:
    hosts = [entry._replace(machine="metal1") for entry in stacked()]
    problems, _chosen = make_plan(hosts, ASKED)
    (problem,) = problems
    assert problem.setting == "drill_faults" and "metal1 has 3 of 3 hosts with keepalived, and 1 must stay" in problem.problem


def test_a_machine_with_most_etcd_members_is_not_spared_even_where_other_parts_would_survive() -> None:
    hosts = [entry._replace(machine="metal1") if entry.name in ("etcd1", "etcd2") else entry for entry in external()]
    lost = {name for name, _action in targets("physical_host", hosts)}
    assert lost and not lost & {"etcd1", "etcd2"}


@pytest.mark.parametrize("members", [1, 2])
def test_an_etcd_that_can_lose_nobody_is_refused_with_its_quorum(members: int) -> None:
    problems, _chosen = make_plan(stacked(members), ASKED._replace(faults=["etcd_member"]))
    (problem,) = problems
    assert "has %d of them and needs %d" % (members, members) in problem.problem and "etcd_member" in problem.remedy


def test_a_single_control_plane_is_refused_with_every_reason_at_once() -> None:
    problems, _chosen = make_plan(stacked(1)[:1], ASKED)
    text = " ".join(problem.problem for problem in problems)
    assert "etcd_member" in text and "apiserver: the cluster has only 1" in text and "physical_host" in text


def test_power_off_takes_the_place_of_faults_by_hand_where_there_is_a_command() -> None:
    powered = ASKED._replace(power_off=True, power_on=True)
    assert targets("vip_holder", stacked(), powered) == [("cp1", "power")]
    assert targets("physical_host", stacked(), powered) == [("cp1", "power")]
    assert targets("apiserver", stacked(), powered) == [("cp1", "crash_static_pod")]
    (target,) = choose(BY_NAME["vip_holder"], stacked(), powered).targets
    assert not target.addresses and not target.services


def test_without_the_programs_to_cut_a_host_off_it_is_left_out_and_says_what_is_missing() -> None:
    hosts = [entry._replace(seen=dict(entry.seen, can_isolate=False)) for entry in stacked()]
    chosen = choose(BY_NAME["physical_host"], hosts, ASKED)
    assert (
        not chosen.targets
        and not chosen.refused
        and "nft or iptables" in chosen.reason
        and "drill_power_off_command" in chosen.reason
    )


def test_a_cluster_without_a_virtual_address_leaves_its_holder_out() -> None:
    chosen = choose(BY_NAME["vip_holder"], stacked(holder=""), ASKED._replace(virtual_address=""))
    assert not chosen.targets and "virtual address" in chosen.reason


def test_only_wanted_faults_are_done_and_in_the_order_of_the_table() -> None:
    _problems, chosen = make_plan(stacked(), ASKED._replace(faults=["load_balancer", "vip_holder"]))
    assert [entry.fault.name for entry in chosen] == ["vip_holder", "load_balancer"]


def test_everything_wrong_with_the_settings_is_said_at_once() -> None:
    wrong = Settings("c1", "other", ["vip_holdr"], {"outage_secnds": 3, "apiserver": {"lost_writes": -1}}, 2, 30, "", True, False)
    settings = [problem.setting for problem in make_plan(stacked(), wrong)[0]]
    assert settings[:5] == ["drill_confirm", "drill_faults", "drill_fault_seconds", "drill_revert_after", "drill_power_on_command"]
    assert settings[5:7] == ["drill_limits.outage_secnds", "drill_limits.apiserver.lost_writes"]


def test_check_mode_needs_no_confirmation_but_takes_no_wrong_one() -> None:
    looking = Settings("c1", "", virtual_address="192.0.2.100", check_mode=True)
    assert not make_plan(stacked(), looking)[0]
    assert make_plan(stacked(), looking._replace(confirm="other"))[0]


def test_workers_are_not_looked_at_before_each_fault() -> None:
    assert candidates_of(stacked()) == ["cp1", "cp2", "cp3"]


def test_every_fault_of_the_table_has_a_group_and_a_way() -> None:
    assert len(set(NAMES)) == len(FAULTS)
    assert all(fault.groups and fault.ways and fault.title and fault.redundant for fault in FAULTS)
