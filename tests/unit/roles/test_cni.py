from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
from typing import Any, Dict, List

import pytest
import yaml
from roles_render import ROOT, expression, role_variables, template
from yaml_files import read_yaml


def task(file: str, number: int = 0) -> Dict[str, Any]:
    found: Dict[str, Any] = read_yaml(ROOT / "roles/cni/tasks" / file)[number]
    return found


def flannel(**given: Any) -> List[Dict[str, Any]]:
    data = expression("cni", task("flannel.yml")["vars"]["_cni_flannel"], **given)
    return list(yaml.safe_load_all(template("cni", "flannel.yaml.j2", flannel=data, **given)))


def by_kind(objects: List[Dict[str, Any]], kind: str) -> Dict[str, Any]:
    return next(item for item in objects if item["kind"] == kind)


def test_flannels_network_is_the_clusters_pod_subnet() -> None:
    configuration = by_kind(flannel(cluster_pod_subnet="10.42.0.0/16"), "ConfigMap")["data"]
    assert json.loads(configuration["net-conf.json"]) == {
        "Network": "10.42.0.0/16",
        "EnableNFTables": False,
        "Backend": {"Type": "vxlan"},
    }
    assert [plugin["type"] for plugin in json.loads(configuration["cni-conf.json"])["plugins"]] == ["flannel", "portmap"]


def test_another_configuration_makes_other_pods() -> None:
    def annotation(**given: Any) -> str:
        template_of_pods = by_kind(flannel(**given), "DaemonSet")["spec"]["template"]
        return str(template_of_pods["metadata"]["annotations"]["baremetal-kubernetes/configuration"])

    assert annotation() == annotation()
    assert annotation() != annotation(cni_mtu=1400)


def test_flannel_takes_the_interface_with_the_nodes_address() -> None:
    container = by_kind(flannel(), "DaemonSet")["spec"]["template"]["spec"]["containers"][0]
    assert "--iface=$(NODE_ADDRESS)" in container["args"]
    assert {"name": "NODE_ADDRESS", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}} in container["env"]


def test_flannels_health_page_listens_on_loopback_only() -> None:
    container = by_kind(flannel(), "DaemonSet")["spec"]["template"]["spec"]["containers"][0]
    assert "--healthz-ip=127.0.0.1" in container["args"]
    assert container["livenessProbe"]["httpGet"]["host"] == "127.0.0.1"


def test_a_mirror_serves_both_images() -> None:
    pods = by_kind(flannel(cni_flannel_registry="registry.example.org/mirror/"), "DaemonSet")["spec"]["template"]["spec"]
    images = {container["image"] for container in pods["initContainers"] + pods["containers"]}
    assert images == {
        "registry.example.org/mirror/flannel:v0.28.10",
        "registry.example.org/mirror/flannel-cni-plugin:v1.9.1-flannel3",
    }


def test_cilium_replaces_a_disabled_kube_proxy() -> None:
    values = expression(
        "cni",
        task("cilium.yml")["baremetal.kubernetes.helm_release"]["values"],
        cluster_proxy_mode="disabled",
        cluster_endpoint="10.89.79.100:8443",
        cni_expected_nodes=["cp1", "cp2"],
    )
    assert values == {
        "ipam": {"mode": "kubernetes"},
        "ipv4": {"enabled": True},
        "ipv6": {"enabled": False},
        "operator": {"replicas": 2},
        "kubeProxyReplacement": True,
        "k8sServiceHost": "10.89.79.100",
        "k8sServicePort": 8443,
    }


def test_the_module_gets_calicos_values() -> None:
    options = task("calico.yml", 1)["baremetal.kubernetes.helm_release"]
    values = expression("cni", options["values"], cni_expected_nodes=["cp1", "cp2"], **role_variables("cni"))
    assert values["installation"]["calicoNetwork"]["ipPools"][0]["cidr"] == "10.244.0.0/16"


def bridge(name: str) -> Any:
    nodes = [{"name": "cp%d" % i, "addresses": ["10.89.79.1%d" % i], "pod_cidrs": ["10.244.%d.0/24" % i]} for i in (1, 2, 3)]
    text = role_variables("cni")["_cni_bridge"]
    return expression("cni", text, cni_node_name=name, _cni_nodes=nodes)


def test_a_node_has_a_route_to_every_other_nodes_pods() -> None:
    assert bridge("cp2")["commands"] == [
        "route 4 10.244.1.0/24 10.89.79.11",
        "route 4 10.244.3.0/24 10.89.79.13",
        "forward 4 10.244.0.0/16",
        "masquerade 4 10.244.0.0/16",
    ]


@pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip", "iptables"))),
    reason="needs root, unshare, ip and iptables: the script is not run in a network namespace",
)
def test_the_kernel_gets_the_routes_and_rules_and_loses_those_of_a_node_that_left(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "cni"
    folder.mkdir()
    (folder / "first").write_text("\n".join(bridge("cp2")["commands"]) + "\n")
    (folder / "second").write_text("\n".join(line for line in bridge("cp2")["commands"] if "10.89.79.13" not in line) + "\n")
    script = ROOT / "roles/cni/templates/kubernetes-pod-network.sh.j2"
    steps = """set -e
mkdir -p /etc/cni; mount --bind %(folder)s /etc/cni
ip link set lo up; ip link add eth9 type veth peer name peer9; ip addr add 10.89.79.12/24 dev eth9
ip link set eth9 up; ip link set peer9 up
ip route add 192.0.2.0/24 via 10.89.79.1
cp /etc/cni/first /etc/cni/pod-network; sh %(script)s; sh %(script)s
ip route show proto 177; iptables -w -t nat -S BAREMETAL-POD-MASQUERADE; iptables -w -S FORWARD; iptables -w -t nat -S POSTROUTING
echo ===
cp /etc/cni/second /etc/cni/pod-network; sh %(script)s; ip route
""" % {"folder": folder, "script": script}
    done = subprocess.run(["unshare", "--net", "--mount", "sh", "-c", steps], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.split("===\n")
    assert first.splitlines() == [
        "10.244.1.0/24 via 10.89.79.11 dev eth9 ",
        "10.244.3.0/24 via 10.89.79.13 dev eth9 ",
        "-N BAREMETAL-POD-MASQUERADE",
        "-A BAREMETAL-POD-MASQUERADE -s 10.244.0.0/16 ! -d 10.244.0.0/16 -j MASQUERADE",
        "-P FORWARD ACCEPT",
        "-A FORWARD -j BAREMETAL-POD-FORWARD",
        "-P POSTROUTING ACCEPT",
        "-A POSTROUTING -j BAREMETAL-POD-MASQUERADE",
    ]
    assert "10.244.1.0/24" in second
    assert "10.244.3.0/24" not in second
    assert "192.0.2.0/24" in second
