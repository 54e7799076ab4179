"""Traps that nobody can fall into here, because the product does what is true."""

from __future__ import annotations

import re
from typing import Any, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.config import render
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.errors import ConfigError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.spread import advice
from conftest import ROOT
from roles_render import expression, role_variables, template
from topology_data import Inventory, blank_facts
from yaml_files import read_yaml


def highly_available(control_planes: int = 3, workers: int = 1) -> Inventory:
    return Inventory({"cluster_vip": "10.89.79.100", "cluster_endpoint": "10.89.79.100:8443"}, control_planes, workers)


def test_no_advice_on_spreading_is_given_for_a_daemon_set() -> None:
    names: List[str] = ["n1", "n2"]
    nodes = [{"metadata": {"name": name}} for name in names]
    daemon_set: Dict[str, Any] = {
        "kind": "DaemonSet",
        "metadata": {"namespace": "kube-system", "name": "agent"},
        "spec": {"selector": {"matchLabels": {"app": "agent"}}},
    }
    pod = {"metadata": {"namespace": "kube-system", "name": "agent-1", "labels": {"app": "agent"}}, "spec": {"nodeName": "n1"}}
    assert advice([daemon_set], [pod, pod], nodes, {}) == []


@pytest.mark.parametrize(
    ("family", "state", "wanted", "differs"),
    [
        ("redhat", "enforcing", "permissive", True),
        ("redhat", "enforcing", "unchanged", False),
        ("redhat", "disabled", "permissive", False),
        ("debian", "disabled", "permissive", False),
    ],
)
def test_selinux_is_left_as_it_is_or_made_permissive_and_never_disabled_in_a_file(
    family: str, state: str, wanted: str, differs: bool
) -> None:
    text = role_variables("host")["_host_selinux_differs"]
    node = dict(blank_facts("10.0.0.1", 1), os={"family": family}, selinux=state)
    assert expression("host", text, _host_node=node, _host_family=family, host_selinux=wanted) is differs
    options = read_yaml(ROOT / "roles/host/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert "disabled" not in options["host_selinux"]["choices"]


def test_a_node_forwards_and_loads_its_modules_before_its_sysctls() -> None:
    variables = read_yaml(ROOT / "roles/host/vars/main.yml")
    sysctls = variables["_host_base_sysctls"]
    assert [sysctls[name] for name in ("net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables")] == [1, 1]
    assert "'br_netfilter'" in variables["_host_modules"]
    # host_state loads modules before it writes sysctls, which are the modules' own.
    state = (ROOT / "plugins/module_utils/host/state.py").read_text()
    assert state.index("    _modules_and_files(wanted") < state.index("    _sysctls(wanted.sysctls")


def test_packages_are_pinned_to_one_version() -> None:
    given = {"packages_names": ["kubelet", "kubeadm"], "packages_kubernetes_version": "1.33.6"}
    pinned = template("packages", "preferences.j2", **given)
    assert "Package: kubelet kubeadm\nPin: version 1.33.6-*\nPin-Priority: 1000\n" in pinned
    assert pinned.endswith("Pin: version *\nPin-Priority: -1\n")
    assert re.search(r"^exclude=", (ROOT / "roles/packages/templates/kubernetes.repo.j2").read_text(), re.MULTILINE)


def test_one_server_is_a_cluster_and_so_are_three() -> None:
    for one in (Inventory({}, 1, 0), highly_available(3, 0)):
        one.set(control_plane_schedulable=True)
        assert (one.problems, one.warnings) == ([], [])


def test_six_members_of_etcd_are_refused_as_no_better_than_five() -> None:
    six = highly_available()
    six.set(etcd_mode="external")
    for number in range(1, 7):
        six.add("etcd%d" % number, "etcd", "10.89.79.5%d" % number)
    six.refused("group etcd", "6 etcd members tolerate the loss of 2, as 5 do", "use 5 or 7 members")


def test_kube_proxy_is_told_of_no_forwarding_method() -> None:
    with pytest.raises(ConfigError, match="kube_proxy.ipvs.forwardingMethod: "):
        render("1.33.6", ["init", "cluster"], {"kube_proxy": {"mode": "ipvs", "ipvs": {"forwardingMethod": "DR"}}})


@pytest.mark.parametrize("subnet", ["10.43.0.0/16", "192.168.192.0/20"])
def test_another_private_network_for_services_is_as_good(subnet: str) -> None:
    cluster = highly_available()
    cluster.set(service_subnet=subnet)
    assert (cluster.problems, cluster.warnings) == ([], [])


def test_flannels_pods_have_the_label_that_people_look_for() -> None:
    text = (ROOT / "roles/cni/templates/flannel.yaml.j2").read_text()
    assert re.search(r"kind: DaemonSet\n(?:.*\n)*?.*labels: \{app: flannel", text)


def test_every_keepalived_begins_as_backup() -> None:
    for path in ROOT.glob("roles/*/templates/*keepalived*.conf.j2"):
        assert set(re.findall(r"^\s*state (\S+)", path.read_text(), re.MULTILINE)) == {"BACKUP"}, path
