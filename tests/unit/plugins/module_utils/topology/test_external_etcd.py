# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""External etcd in the plan: what is refused over etcd's hosts and the control planes, and who does what in which order."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any, Dict, List, Optional

import pytest
from topology_data import Inventory

AUTHORITY = "sha256:" + "ca" * 32


def url(number: int, port: int) -> str:
    return "https://10.89.79.3%d:%d" % (number, port)


def known(number: int, served: bool = True) -> Dict[str, Any]:
    urls = [url(number, 2379)] if served else []
    return {"id": str(number), "name": "etcd%d" % number, "peer_urls": [url(number, 2380)], "client_urls": urls, "learner": False}


def host_facts(**more: Any) -> Dict[str, Any]:
    facts: Dict[str, Any] = {"configured": False, "beginning": None, "heartbeat_interval": None, "election_timeout": None}
    return dict(facts, authority=None, authority_key=False, client_authority=None, **more)


class External(Inventory):
    """Two control planes behind a VIP, etcd on three hosts of its own."""

    def __init__(self, members: int = 3) -> None:
        super().__init__({"cluster_vip": "10.89.79.100", "cluster_endpoint": "10.89.79.100:8443"}, 2, 1)
        self.set(etcd_mode="external")
        self.data["playbook"] = "external_etcd"
        for number in range(1, members + 1):
            self.add("etcd%d" % number, "etcd", "10.89.79.3%d" % number)
            self.facts("etcd%d" % number)["etcd_host"] = host_facts()

    def running(self, *numbers: int, members: Optional[List[Dict[str, Any]]] = None) -> "External":
        """Members that live, as all of them see all of them."""
        seen = [known(number) for number in numbers] if members is None else members
        for number in numbers:
            facts = self.facts("etcd%d" % number)
            facts["etcd"] = {"data_dir": "/var/lib/etcd", "data_present": True, "reachable": True, "healthy": True, "members": seen}
            facts["listening"] = [22, 2379, 2380]
            facts["etcd_host"].update(
                configured=True, authority=AUTHORITY, authority_key=True, heartbeat_interval=100, election_timeout=1000
            )
        return self

    def down(self, number: int, data: bool, beginning: Optional[str] = None) -> "External":
        facts = self.facts("etcd%d" % number)
        etcd = {"data_dir": "/var/lib/etcd", "data_present": True, "reachable": False, "healthy": False, "members": []}
        facts["etcd"] = etcd if data else None
        facts["listening"] = [22]
        facts["etcd_host"].update(configured=True, beginning=beginning, authority=AUTHORITY, authority_key=True)
        return self

    def with_clients(self, days: int = 300, authority: str = AUTHORITY) -> "External":
        for name in ("cp1", "cp2"):
            self.facts(name)["etcd_host"] = dict(host_facts(), client_authority=authority)
            self.facts(name)["certificates"] = [{"path": "/etc/kubernetes/pki/apiserver-etcd-client.crt", "days_left": days}]
        return self

    @property
    def plan(self) -> Dict[str, Any]:
        assert self.problems == []
        plan: Dict[str, Any] = self.outcome().plan["external_etcd"]
        return plan


def test_blank_hosts_begin_together_with_one_authority() -> None:
    external = External()
    plan = external.plan
    assert (plan["together"], plan["bootstrap"], plan["one_by_one"]) == (["etcd1", "etcd2", "etcd3"], True, [])
    assert (plan["authority"], plan["clients"]) == ("etcd1", ["cp1", "cp2"])
    assert plan["endpoints"] == [url(1, 2379), url(2, 2379), url(3, 2379)]
    groups = {entry["group"] for entry in external.outcome().plan["work"]}
    assert {"plan_etcd_authority", "plan_etcd_together", "plan_etcd_clients", "plan_etcd_sign"} <= groups
    assert "etcd1: begin etcd with the other members (blank)" in external.outcome().plan["summary"]


def test_hosts_whose_etcd_is_a_static_pod_get_what_a_kubelet_needs() -> None:
    external = External()
    assert external.plan["pods"] == []
    for number in (1, 2, 3):
        external.data["hosts"]["etcd%d" % number]["vars"]["etcd_deployment"] = "static_pod"
    assert external.plan["pods"] == ["etcd1", "etcd2", "etcd3"]
    assert {"group": "plan_etcd_pods", "host": "etcd2"} in external.outcome().plan["work"]


@pytest.mark.parametrize("pod", [True, False])
def test_a_member_is_not_made_a_static_pod_or_a_service_in_its_place(pod: bool) -> None:
    external = External().running(1, 2, 3).with_clients()
    external.facts("etcd2")["etcd_host"]["static_pod"] = not pod
    if pod:
        external.data["hosts"]["etcd2"]["vars"]["etcd_deployment"] = "static_pod"
    external.refused("etcd_deployment", "etcd2 runs as a %s" % ("service" if pod else "static pod"))


def test_hosts_of_etcd_are_no_nodes_that_kubernetes_is_expected_to_have() -> None:
    assert External().outcome().plan["node_names"] == ["cp1", "cp2", "worker1"]


def test_members_that_run_are_kept_one_by_one_and_nobody_needs_the_authority() -> None:
    plan = External().running(1, 2, 3).with_clients().plan
    assert (plan["together"], plan["one_by_one"]) == ([], ["etcd1", "etcd2", "etcd3"])
    assert (plan["authority"], plan["clients"]) == (None, [])


@pytest.mark.parametrize(("days", "authority"), [(89, AUTHORITY), (300, "sha256:another")])
def test_control_planes_get_certificates_before_they_end_and_from_the_right_authority(days: int, authority: str) -> None:
    plan = External().running(1, 2, 3).with_clients(days, authority).plan
    assert (plan["authority"], plan["clients"]) == ("etcd1", ["cp1", "cp2"])


def test_members_whose_beginning_was_killed_begin_again() -> None:
    plan = External().down(1, data=True, beginning="new").plan
    assert (plan["together"], plan["bootstrap"]) == (["etcd1", "etcd2", "etcd3"], True)


def test_after_a_power_cut_the_members_are_started_and_never_a_new_cluster() -> None:
    external = External()
    for number in (1, 2, 3):
        external.down(number, data=True)
    assert (external.plan["together"], external.plan["bootstrap"]) == (["etcd1", "etcd2", "etcd3"], False)
    external.down(3, data=False)
    assert (external.plan["together"], external.plan["one_by_one"], external.plan["bootstrap"]) == (
        ["etcd1", "etcd2"],
        ["etcd3"],
        False,
    )


def test_without_a_majority_of_data_nothing_is_begun() -> None:
    external = External().down(1, data=True).down(2, data=False).down(3, data=False)
    external.refused("etcd", "only etcd1 has data", "no majority of 3", "restore a snapshot")


def test_a_restore_is_not_refused_for_the_data_that_is_lost() -> None:
    minority = External().down(1, data=True).down(2, data=False).down(3, data=False)
    one = External().running(1, 2, members=[known(1), known(2), known(3)]).down(3, data=False)
    for external, setting in ((minority, "etcd"), (one, "etcd on etcd3")):
        assert setting in [problem.setting for problem in external.outcome().problems]
        external.data["playbook"] = "restore"
        assert setting not in [problem.setting for problem in external.outcome().problems]


def test_a_founding_member_that_never_came_up_joins_the_two_that_did() -> None:
    members = [known(1), known(2), known(3, served=False)]
    plan = External().running(1, 2, members=members).plan
    assert plan["one_by_one"] == ["etcd1", "etcd2", "etcd3"]


def test_a_member_whose_data_is_gone_is_refused_until_it_is_named() -> None:
    external = External().running(1, 2, 3)
    external.facts("etcd2").update(etcd=None, etcd_host=host_facts(), listening=[22])
    problem = external.refused("etcd on etcd2", "its data is not there", "-e etcd_replace_member=etcd2")
    assert problem.hosts == ("etcd2",)
    for name in ("etcd1", "etcd2", "etcd3"):
        external.host(name)["vars"]["etcd_replace_member"] = "etcd2"
    plan = external.plan
    # Those that run come first, and the authority comes from one of them.
    assert (plan["one_by_one"], plan["authority"]) == (["etcd1", "etcd3", "etcd2"], "etcd1")
    assert "etcd2: replace the etcd member, whose data is gone, by a learner" in external.outcome().plan["summary"]


def test_the_opt_in_must_name_a_member() -> None:
    external = External().running(1, 2, 3)
    external.host("etcd1")["vars"]["etcd_replace_member"] = "etcd-2"
    external.refused("etcd_replace_member", "did you mean etcd2?")


def test_a_new_host_joins_after_those_that_run() -> None:
    external = External(5).running(3, 4, 5)
    assert external.plan["one_by_one"] == ["etcd3", "etcd4", "etcd5", "etcd1", "etcd2"]


def test_members_outside_of_the_inventory_are_named() -> None:
    external = External().running(1, 2, 3, members=[known(1), known(2), known(3), known(9)])
    external.warned("group etcd", "members that are not in it: etcd9", "member remove")


def test_a_member_can_not_move_to_another_address_by_itself() -> None:
    moved = dict(known(2), peer_urls=["https://10.89.79.99:2380"])
    External().running(1, 2, 3, members=[known(1), moved, known(3)]).refused("node_address", "known at https://10.89.79.99:2380")


@pytest.mark.parametrize("members", [2, 4])
def test_two_and_four_members_are_refused(members: int) -> None:
    External(members).refused("group etcd", "%d etcd members" % members)


def test_one_machine_under_two_members_is_refused_across_metal_and_virtual_machines() -> None:
    external = External()
    # etcd1 is the machine itself; etcd2 and a control plane are virtual machines on it.
    for name in ("etcd2", "cp1"):
        external.host(name)["vars"]["physical_host"] = "etcd1"
    problem = external.refused(
        "physical_host", "machine etcd1 holds 2 of 3 etcd members (etcd1 and etcd2)", "1 stay and 2 are needed"
    )
    assert problem.hosts == ("etcd1", "etcd2")
    external.host("etcd2")["vars"]["physical_host"] = "another"
    assert external.problems == [], "control planes may share the machine of one member"


def test_a_host_is_not_both_control_plane_and_host_of_external_etcd() -> None:
    external = External()
    external.host("etcd1")["groups"] = ["control_plane", "etcd"]
    external.refused("group etcd", "Kubernetes nodes and hosts of external etcd at once", "stacked")


def test_members_with_one_name_are_refused() -> None:
    external = External()
    external.host("etcd3")["vars"]["node_name"] = "etcd2"
    external.refused("node_name", "etcd2 and etcd3 are all called etcd2", "by name")


def test_data_and_programs_of_somebody_else_are_left_alone() -> None:
    external = External()
    external.facts("etcd1")["etcd"] = {"data_dir": "/var/lib/etcd", "data_present": True, "healthy": False, "members": []}
    external.facts("etcd2")["listening"] = [22, 2379]
    external.refused("etcd on etcd1", "did not set up", "member.old")
    external.refused("port 2379", "etcd2", "systemctl disable --now etcd")


def test_hosts_with_different_authorities_are_refused() -> None:
    external = External().running(1, 2, 3)
    external.facts("etcd3")["etcd_host"]["authority"] = "sha256:other"
    assert external.refused("/etc/etcd/pki/ca.crt", "different authorities").hosts == ("etcd3",)


def test_an_authority_without_its_key_can_not_issue_anything() -> None:
    external = External().running(1, 2, 3)
    for number in (1, 2, 3):
        external.facts("etcd%d" % number)["etcd_host"]["authority_key"] = False
    external.refused("/etc/etcd/pki/ca.key", "no host of etcd has it")


def test_the_playbook_needs_external_etcd_and_a_virtual_address() -> None:
    External().set(etcd_mode="stacked").refused("cluster_etcd_mode", "write external")
    External().set(vip="", endpoint="api.example.org:8443").refused("cluster_vip", "virtual address")


def test_times_that_etcd_would_not_start_with_are_refused() -> None:
    external = External()
    for number in (1, 2, 3):
        external.host("etcd%d" % number)["vars"].update(etcd_heartbeat_interval=500, etcd_election_timeout=1000)
    external.refused("etcd_election_timeout", "does not start with 1000 ms", "write 5000")
    external.host("etcd3")["vars"]["etcd_heartbeat_interval"] = 100
    external.refused("etcd_heartbeat_interval", "different values")


def test_certificates_that_would_be_renewed_in_every_run_are_refused() -> None:
    external = External()
    external.host("etcd1")["vars"]["etcd_certificate_days"] = 60
    external.refused("etcd_certificate_renew_before_days", "last 60 days")


@pytest.mark.parametrize("days", [380, "380", " 380 "])
def test_clients_are_renewed_by_a_limit_from_the_command_line_too(days: Any) -> None:
    external = External().running(1, 2, 3).with_clients(days=365)
    for number in (1, 2, 3):
        external.host("etcd%d" % number)["vars"].update(etcd_certificate_days="400", etcd_certificate_renew_before_days=days)
    assert external.plan["clients"] == ["cp1", "cp2"]


def test_metrics_that_everybody_can_read_are_warned_about() -> None:
    external = External()
    external.host("etcd1")["vars"]["etcd_metrics_urls"] = ["http://0.0.0.0:2381"]
    external.warned("etcd_metrics_urls", "http://0.0.0.0:2381", "without TLS")


def test_the_longest_round_trip_sets_the_heartbeat_of_all() -> None:
    external = External()
    external.facts("etcd1")["etcd_host"]["round_trips_ms"] = {"10.89.79.32": 1.2, "10.89.79.33": 141.0}
    assert external.plan["tuning"] == {"heartbeat_interval": 150, "election_timeout": 1500}


# the disk


def test_a_slow_disk_is_warned_about_and_a_hopeless_one_refused() -> None:
    external = External()
    external.facts("etcd1")["etcd_host"]["disk_p99_ms"] = 9.9
    assert external.warnings == []
    external.facts("etcd1")["etcd_host"]["disk_p99_ms"] = 34.2
    external.warned("cluster_etcd_disk_limit_ms", "34.2 ms on etcd1", "write cluster_etcd_disk_limit_ms: 35")
    external.facts("etcd1")["etcd_host"]["disk_p99_ms"] = 240.0
    external.refused("cluster_etcd_disk_limit_ms", "240.0 ms on etcd1", "lose its leader")
    assert external.set(etcd_disk_limit_ms=241).problems == []


def test_the_disk_counts_for_stacked_etcd_too(stacked_ha: Any) -> None:
    stacked_ha.facts("cp2")["etcd_host"] = host_facts(disk_p99_ms=500.0)
    stacked_ha.facts("worker1")["etcd_host"] = host_facts(disk_p99_ms=500.0)
    assert stacked_ha.refused("cluster_etcd_disk_limit_ms", "500.0 ms on cp2").hosts == ("cp2",)


# an etcd that somebody else runs


def given(**more: Any) -> External:
    external = External(0)
    settings: Dict[str, Any] = {
        "etcd_endpoints": ["https://192.0.2.31:2379", "https://192.0.2.32:2379"],
        "etcd_ca_file": "/secrets/ca.crt",
        "etcd_certificate_file": "/secrets/client.crt",
        "etcd_key_file": "/secrets/client.key",
    }
    external.set(**dict(settings, **more))
    external.data["files"] = {"/secrets/" + name: "-----BEGIN CERTIFICATE-----" for name in ("ca.crt", "client.crt")}
    external.data["files"]["/secrets/client.key"] = "-----BEGIN EC PRIVATE KEY-----"
    return external


def test_an_etcd_of_somebody_else_needs_no_group() -> None:
    plan = given().plan
    assert plan["endpoints"] == ["https://192.0.2.31:2379", "https://192.0.2.32:2379"]
    assert (plan["given"], plan["together"], plan["one_by_one"], plan["clients"]) == (["cp1", "cp2"], [], [], [])


@pytest.mark.parametrize(
    "wrong", ["http://192.0.2.31:2379", "192.0.2.31:2379", "https://192.0.2.31", "https://127.0.0.1:2379", "https://a:x"]
)
def test_endpoints_that_lead_nowhere_are_refused(wrong: str) -> None:
    given(etcd_endpoints=[wrong]).refused("cluster_etcd_endpoints", "https://192.0.2.31:2379")


def test_its_files_must_be_named_and_be_there() -> None:
    given(etcd_key_file="").refused("cluster_etcd_key_file", "not set")
    external = given()
    external.data["files"]["/secrets/ca.crt"] = ""
    external.refused("cluster_etcd_ca_file", "no readable file /secrets/ca.crt")


def test_it_is_one_or_the_other() -> None:
    external = given()
    external.add("etcd1", "etcd", "10.89.79.31")
    external.refused("group etcd", "somebody else runs")
    given(etcd_mode="stacked").refused("cluster_etcd_endpoints", "nobody would use")


@pytest.mark.parametrize(
    ("file", "setting", "holds"),
    [
        ("ca.crt", "cluster_etcd_ca_file", "-----BEGIN EC PRIVATE KEY-----"),
        ("client.crt", "cluster_etcd_certificate_file", "root:*:19000:0:99999:7:::"),
        ("client.key", "cluster_etcd_key_file", "-----BEGIN CERTIFICATE-----"),
        ("client.key", "cluster_etcd_key_file", "-----BEGIN ENCRYPTED PRIVATE KEY-----"),
    ],
)
def test_a_file_that_holds_something_else_is_refused(file: str, setting: str, holds: str) -> None:
    external = given()
    external.data["files"]["/secrets/" + file] = holds
    external.refused(setting, "/secrets/%s holds no" % file, "as PEM")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize(
    ("words", "good"),
    [
        ("ecparam -name prime256v1 -genkey -noout", True),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256", False),
        ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048", True),
        ("genpkey -algorithm ED25519", False),
    ],
)
def test_a_key_that_kubeadm_can_not_pass_on_is_refused(words: str, good: bool) -> None:
    external = given()
    made = subprocess.run(["openssl", *words.split()], capture_output=True, check=True, text=True)
    external.data["files"]["/secrets/client.key"] = made.stdout
    if good:
        assert external.problems == []
    else:
        external.refused("cluster_etcd_key_file", "PKCS #8", "openssl ec -in /secrets/client.key")
