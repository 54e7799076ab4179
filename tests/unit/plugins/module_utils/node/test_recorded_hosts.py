"""Real hosts, recorded by tests/fixtures/node/record.py, through the whole of node_facts."""

from __future__ import annotations

import ipaddress
import json
from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdUnreachable
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.collect import collect
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.health import Answer
from recorded_host import FIXTURES, RecordedHost

HOSTS = sorted(path.parent.name for path in FIXTURES.glob("*/recording.json"))


def no_etcd(endpoint: str, *_files: Any) -> Any:
    raise EtcdUnreachable(endpoint, "not in a test", "nothing")


def facts_of(host: str) -> Dict[str, Any]:
    return collect(RecordedHost(host), ask=lambda address, port, _runner: Answer(True, "%s:%d" % (address, port)), connect=no_etcd)


def test_a_blank_node_with_a_bundle_is_blank_and_its_bare_programs_tell_their_versions() -> None:
    facts = facts_of("debian12-blank-bundle")
    assert facts["kubeadm"]["state"] == "blank"
    assert facts["kubeadm"]["version"] == "1.20.2"
    versions = [facts["packages"][name] for name in ("kubelet", "kubectl", "crictl")]
    assert versions == ["1.20.2", "1.20.2", "1.20.0"]
    rotation = {"replaced": None, "has_new": False}
    assert facts["cluster"] == {"id": None, "ids": [], "rotation": rotation, "endpoint": None, "name": None}
    assert (facts["etcd"], facts["apiserver"]["ready"], facts["certificates"]) == (None, None, [])
    assert facts["runtime"]["name"] == "containerd"
    assert (facts["runtime"]["version"], facts["runtime"]["config_schema"]) == ("1.6.20", 2)
    assert facts["default_address"] == "10.89.78.11"
    assert facts["problems"] == []


def test_a_control_plane_tells_its_cluster_its_pods_and_its_certificates() -> None:
    facts = facts_of("debian12-control-plane")
    assert facts["kubeadm"]["state"] == "control_plane"
    assert facts["cluster"]["id"].startswith("sha256:")
    assert facts["cluster"]["endpoint"] == "10.89.79.100:6443"
    assert facts["cluster"]["name"] == "kubernetes"
    assert facts["other_kubernetes"] == {}
    assert [pod["name"] for pod in facts["static_pods"]] == ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]
    assert facts["static_pods"][1]["image"] == "k8s.gcr.io/kube-apiserver:v1.20.2"
    assert facts["kubelet"] == {"active": True, "extra_arguments": []}
    assert facts["apiserver"] == {"ready": True, "message": "127.0.0.1:6443", "nodes": None, "initialised": None}
    assert (facts["etcd"]["data_present"], facts["etcd"]["reachable"], facts["etcd"]["healthy"]) == (True, False, False)
    assert "not in a test" in facts["etcd"]["message"]
    by_path = {certificate["path"]: certificate for certificate in facts["certificates"]}
    assert by_path["/etc/kubernetes/pki/ca.crt"]["ca"] is True
    assert {"kubernetes", "10.96.0.1", "10.89.79.11"} <= set(by_path["/etc/kubernetes/pki/apiserver.crt"]["sans"])
    assert by_path["/etc/kubernetes/admin.conf"]["subject"] == "O=system:masters,CN=kubernetes-admin"
    assert by_path["/etc/kubernetes/pki/etcd/server.crt"]["days_left"] == 364
    assert {6443, 2379, 2380, 10250} <= set(facts["listening"])
    assert not [name for name in facts["interfaces"] if name.startswith("veth")]


def test_a_worker_is_told_by_its_kubeconfig_and_belongs_to_the_same_cluster() -> None:
    facts = facts_of("debian12-worker")
    assert facts["kubeadm"]["state"] == "worker"
    assert facts["cluster"]["id"] == facts_of("debian12-control-plane")["cluster"]["id"]
    assert facts["static_pods"] == []
    assert facts["apiserver"]["ready"] is None
    assert {"destination": "10.244.0.0/24", "gateway": "10.89.79.11", "interface": "eth0", "source": None} in facts["routes"]


def test_the_hybrid_cgroup_layout_counts_as_version_1() -> None:
    facts = facts_of("debian12-hybrid-cgroup")
    assert facts["cgroup_version"] == 1
    assert facts["disks"][0]["name"] == "vda"
    assert facts["disks"][0]["mountpoints"] == ["/"]


def test_without_systemd_an_unknown_service_is_a_problem_and_no_absence() -> None:
    assert [text for text in facts_of("debian12-hybrid-cgroup")["problems"] if "systemd" in text]


@pytest.mark.parametrize("host", HOSTS)
def test_no_host_needs_more_than_a_dozen_processes_or_gives_a_key_away(host: str) -> None:
    runner = RecordedHost(host)
    facts = collect(runner, ask=lambda *_args: Answer(False, ""), connect=no_etcd)
    assert len(runner.calls) <= 12
    assert "PRIVATE KEY" not in json.dumps(facts)
    assert "PRIVATE KEY" not in (FIXTURES / host / "recording.json").read_text()


@pytest.mark.parametrize("host", HOSTS)
def test_every_route_is_a_network_and_every_address_has_a_family(host: str) -> None:
    facts = facts_of(host)
    assert facts["addresses"]
    for route in facts["routes"]:
        ipaddress.ip_network(route["destination"])
    for entry in facts["addresses"]:
        assert ipaddress.ip_address(entry["address"]).version == entry["family"]
    assert facts["default_address"] in [entry["address"] for entry in facts["addresses"]]


@pytest.mark.parametrize("host", HOSTS)
def test_facts_are_plain_data_and_every_host_has_the_same_keys(host: str) -> None:
    facts = facts_of(host)
    assert json.loads(json.dumps(facts)) == facts
    assert set(facts) == set(facts_of(HOSTS[0]))
    assert set(facts["packages"]) == set(facts_of(HOSTS[0])["packages"])
