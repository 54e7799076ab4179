from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
from typing import Any, Dict, List

import pytest
import yaml
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node_cleanup import traces
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
    made = bridge("cp2")
    assert made["routes"]["ipv4"].splitlines() == [
        "route replace 10.244.1.0/24 via 10.89.79.11 protocol 177",
        "route replace 10.244.3.0/24 via 10.89.79.13 protocol 177",
    ]
    assert made["rules"] == ["forward 4 10.244.0.0/16", "masquerade 4 10.244.0.0/16"]


def wanted() -> Dict[str, Any]:
    own = dict(role_variables("cni"), _cni_bridge=bridge("cp2"))
    state: Dict[str, Any] = expression("cni", "{{ cni_wanted }}", **own)
    return state


def test_the_service_is_restarted_for_every_file_that_it_reads_and_no_other() -> None:
    state = wanted()
    (service,) = state["services"]
    written = {one["path"] for one in state["files"] if one.get("state") != "directory"}
    others = {"/etc/cni/net.d/10-pods.conflist", "/etc/systemd/networkd.conf.d/60-kubernetes-routes.conf"}
    assert set(service["restart_on"]) == written - others


def test_networkd_is_told_to_leave_routes_that_are_not_its_own() -> None:
    (text,) = (one["content"] for one in wanted()["files"] if one["path"].startswith("/etc/systemd/networkd.conf.d/"))
    assert text.splitlines()[1:] == ["[Network]", "ManageForeignRoutingPolicyRules=no", "ManageForeignRoutes=no"]


def test_reset_takes_away_all_that_was_written() -> None:
    known = {*traces.FILES, *traces.FOLDERS, *(path for _unit, path in traces.SERVICES)}
    for one in wanted()["files"]:
        assert one["path"] in known or os.path.dirname(one["path"]) in known, one["path"]


def test_systemd_takes_the_unit(tmp_path: pathlib.Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here to ask")
    path = tmp_path / "kubernetes-pod-network.service"
    # Programs that are not on this machine.
    path.write_text(re.sub("/usr/local/sbin/[a-z-]+", "/bin/sh", template("cni", "kubernetes-pod-network.service.j2")))
    said = subprocess.run(["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True, check=False)
    assert [line for line in said.stderr.splitlines() if "kubernetes-pod-network" in line] == []


KERNEL = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip", "iptables"))),
    reason="needs root, unshare, ip and iptables: the script is not run in a network namespace",
)
SCRIPT = ROOT / "roles/cni/templates/kubernetes-pod-network.sh.j2"
WATCH = ROOT / "roles/cluster/templates/kubernetes-watch-routes.sh.j2"
CARD = """
ip link set lo up; ip link add eth9 type veth peer name peer9
ip link set eth9 up; ip link set peer9 up; ip addr add 10.89.79.12/24 dev eth9; ip addr add fd00::12/64 dev eth9 nodad
"""


def in_namespace(steps: str) -> str:
    # What is still running there ends with its first process.
    argv = ["unshare", "--net", "--pid", "--fork", "sh", "-c", "set -e\n" + CARD + steps]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def folder_of(path: pathlib.Path, *gone: str) -> str:
    """What POD_NETWORK_FOLDER is set to, without the routes to some nodes."""
    made = bridge("cp2")
    path.mkdir()
    for name, text in made["routes"].items():
        lines = [line for line in text.splitlines() if not any(address in line for address in gone)]
        (path / name).write_text("".join(line + "\n" for line in lines))
    (path / "rules").write_text("\n".join(made["rules"]) + "\n")
    return str(path)


@KERNEL
def test_the_kernel_gets_the_routes_and_rules_and_loses_those_of_a_node_that_left(tmp_path: pathlib.Path) -> None:
    steps = """
ip route add 192.0.2.0/24 via 10.89.79.1
export POD_NETWORK_FOLDER=%s; sh %s; sh %s
ip route show proto 177; iptables -w -t nat -S BAREMETAL-POD-MASQUERADE; iptables -w -S FORWARD; iptables -w -t nat -S POSTROUTING
echo ===
export POD_NETWORK_FOLDER=%s; sh %s; ip route
"""
    all_of_them, others = folder_of(tmp_path / "first"), folder_of(tmp_path / "second", "10.89.79.13")
    first, second = in_namespace(steps % (all_of_them, SCRIPT, SCRIPT, others, SCRIPT)).split("===\n")
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


@KERNEL
def test_a_gateway_that_is_not_to_be_reached_keeps_no_other_route_away(tmp_path: pathlib.Path) -> None:
    folder = folder_of(tmp_path / "folder")
    (tmp_path / "folder" / "ipv4").write_text(
        "route replace 10.244.9.0/24 via 192.0.2.9 protocol 177\n" + (tmp_path / "folder" / "ipv4").read_text()
    )
    (tmp_path / "folder" / "ipv6").write_text("route replace fd00:10::/64 via fd00::11 protocol 177\n")
    with open(tmp_path / "folder" / "rules", "a") as rules:
        rules.write("forward 6 fd00:10::/56\n")
    said = in_namespace(
        "POD_NETWORK_FOLDER=%s sh %s 2>&1 || echo failed; ip route show proto 177; ip -6 route show proto 177" % (folder, SCRIPT)
    )
    assert "failed" in said, "nobody would be told"
    assert [line.split()[0] for line in said.splitlines()[-3:]] == ["10.244.1.0/24", "10.244.3.0/24", "fd00:10::/64"]


@KERNEL
@pytest.mark.parametrize(
    "loss",
    ["ip addr flush dev eth9 scope global; ip addr add 10.89.79.12/24 dev eth9", "ip link set eth9 down; ip link set eth9 up"],
    ids=["address", "link"],
)
def test_routes_are_back_when_the_interface_has_lost_what_they_hung_on(tmp_path: pathlib.Path, loss: str) -> None:
    """As where systemd-networkd starts anew: the kernel drops all routes of the interface, and tells nobody."""
    steps = """
echo 'route replace fd00:10::/64 via fd00::11 protocol 177' > %(folder)s/ipv6
ip -6 -batch %(folder)s/ipv6
lose() { %(loss)s; ip addr add fd00::12/64 dev eth9 nodad; }
count() { { ip route show proto 177; ip -6 route show proto 177; } | wc -l; }
export POD_NETWORK_FOLDER=%(folder)s; sh %(script)s
lose; echo "without help: $(ip route show proto 177 | wc -l)"
sh %(watch)s %(folder)s &
# Until it listens.
for _try in $(seq 100); do lose; sleep 0.2; [ "$(count)" = 3 ] && break; done
echo "with help: $(count)"
lose
for _try in $(seq 100); do [ "$(count)" = 3 ] && break; sleep 0.1; done
echo "once more: $(count)"
ip -o monitor route > %(folder)s/told &
sleep 1; ip route add 192.0.2.0/24 dev eth9; sleep 2
echo "told: $(grep -c 192.0.2 %(folder)s/told), and of its own: $(grep -c 'proto 177' %(folder)s/told)"
"""
    said = in_namespace(steps % {"folder": folder_of(tmp_path / "folder"), "script": SCRIPT, "watch": WATCH, "loss": loss})
    # What is there is not written again: it would be woken by itself for ever.
    assert said.splitlines() == ["without help: 0", "with help: 3", "once more: 3", "told: 1, and of its own: 0"]
