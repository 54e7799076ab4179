# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods on two servers over the kernel's WireGuard, in role cni's Flannel.

An API server would have no processor left here. So Flannel and a web server are static pods of a kubelet that knows no cluster, and
Flannel learns from an etcd of this machine what it else reads from the API.

The tests go on from each other's state, in the order of the file.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from server import HERE, ROOT, Server, bundle_disk, changes, machines, play, products, reboot

# Where modules of the collection are imported from in the plain way.
sys.path.insert(0, str(ROOT / ".build" / "collections"))

from roles_render import expression, template  # noqa: E402
from yaml_files import read_yaml  # noqa: E402

IMAGE = f"docker.io/library/busybox:{products.BUSYBOX_TAG}"
UNITS = ("kubernetes-interconnect", "containerd", "kubelet")
STORE = "http://10.89.94.1:23790"
#: What the link carries, what VXLAN adds, and WireGuard's port.
LINK_MTU, VXLAN, PORT = 1440, 50, 51900
#: The role's unit runs with these without an API server. {} is the server's address on the link.
KUBELET = {
    "/etc/default/kubelet": "KUBELET_KUBECONFIG_ARGS=\nKUBELET_EXTRA_ARGS=--container-runtime=remote "
    "--container-runtime-endpoint=unix:///run/containerd/containerd.sock --node-ip={}\n",
    "/var/lib/kubelet/config.yaml": """
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
staticPodPath: /etc/kubernetes/manifests
cgroupDriver: systemd
readOnlyPort: 10255
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
""",
}


def flannel(mtu: int) -> list[dict[str, Any]]:
    """The objects that role cni applies."""
    text = read_yaml(ROOT / "roles" / "cni" / "tasks" / "flannel.yml")[0]["vars"]["_cni_flannel"]
    given = {"cni_mtu": mtu, "cni_flannel_plugin_version": products.GO_PROGRAMS["flannel"][1]}
    return list(yaml.safe_load_all(template("cni", "flannel.yaml.j2", flannel=expression("cni", text, **given), **given)))


def static(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """The pod of Flannel's DaemonSet, as a kubelet takes it that knows no API server."""
    (daemons,) = (one for one in objects if one["kind"] == "DaemonSet")
    spec = daemons["spec"]["template"]["spec"]
    for key in ("serviceAccountName", "affinity", "priorityClassName"):
        del spec[key]
    for volume in spec["volumes"]:
        if volume.pop("configMap", None):
            volume["hostPath"] = {"path": "/etc/kube-flannel"}
    for container in (*spec["initContainers"], *spec["containers"]):
        container["imagePullPolicy"] = "Never"
    (daemon,) = spec["containers"]
    daemon["args"] = [f"--etcd-endpoints={STORE}" if one == "--kube-subnet-mgr" else one for one in daemon["args"]]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "flannel", "namespace": "default"}, "spec": spec}


def page(server: Server) -> str:
    """What the web server on a server answers."""
    return f"the page of the pod on {server.name}"


def web(server: Server) -> dict[str, Any]:
    command = f"mkdir /w && echo {page(server)} > /w/index.html && exec httpd -f -p 8080 -h /w"
    container = {"name": "web", "image": IMAGE, "imagePullPolicy": "Never", "command": ["sh", "-c", command]}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "default"}, "spec": spec}


class Pod:
    """The web server on a server, once it runs."""

    def __init__(self, server: Server) -> None:
        self.server, deadline = server, time.monotonic() + machines.PATIENCE
        states: dict[str, Any] = {}
        while time.monotonic() < deadline:
            items = json.loads(server.run("curl -s http://127.0.0.1:10255/pods", check=False) or "{}").get("items") or []
            states = {item["metadata"]["name"].partition("-")[0]: item["status"] for item in items}
            state = states.get("web", {})
            if state.get("podIP") and [one["ready"] for one in state["containerStatuses"]] == [True]:
                break
            time.sleep(2)
        else:
            raise AssertionError(f"{server.name}: {states} {server.run('journalctl -n 30 -u kubelet')}")
        self.address: str = state["podIP"]
        self.container = state["containerStatuses"][0]["containerID"].removeprefix("containerd://")

    def run(self, command: str) -> str:
        """What a command of the image prints in it."""
        return self.server.run(f"ctr --namespace k8s.io task exec --exec-id test-$$ {self.container} {command}")

    def ping(self, other: Pod, size: int) -> str:
        """Of this size with all headers, whole or not at all; by the server's program in the pod's network."""
        task = f"$(ctr --namespace k8s.io task ls | awk '$1 == \"{self.container}\" {{ print $2 }}')"
        words = f"ping -M do -s {size - 28} -c 2 -W 5 {other.address} 2>&1"
        return self.server.run(f"nsenter --net --target {task} {words}", check=False)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    both = [Server("server1", "10.89.94.11"), Server("server2", "10.89.94.12")]
    store = None
    try:
        for server in both:
            server.start(processors=1, memory=1024, disk=str(bundle_disk()))
        store = start_store(tmp_path_factory.mktemp("store"))
        for server in both:
            server.wait()
            server.mount_bundle()
        yield both
    finally:
        if store:
            store.kill()
            store.wait()
        for server in both:
            server.remove()


def start_store(folder: pathlib.Path) -> subprocess.Popen[bytes]:
    """An etcd that the servers reach."""
    argv = ["etcd", "--data-dir", str(folder), "--listen-client-urls", STORE, "--advertise-client-urls", STORE]
    argv += ["--listen-peer-urls", "http://127.0.0.1:0", "--log-level", "error"]
    return subprocess.Popen(argv)


def bring() -> str:
    return play("servers.yml", str(HERE / "pods.yml"), interconnect_type="wireguard")


def write(server: Server, path: str, text: str) -> None:
    server.run(f"mkdir -p $(dirname {path}) && cat > {path} << 'END'\n{text}\nEND")


def reach_each_other(servers: list[Server]) -> None:
    pods = [Pod(server) for server in servers]
    assert pods[0].address.rpartition(".")[0] != pods[1].address.rpartition(".")[0]
    for here, there in (pods, pods[::-1]):
        assert here.run(f"wget -q -O - http://{there.address}:8080/") == page(there.server)


def test_pods_of_two_servers_reach_each_other(servers: list[Server]) -> None:
    assert changes(bring()) > 0
    objects = flannel(int(servers[0].run("cat /etc/lab-pod-mtu")))
    (settings,) = (one["data"] for one in objects if one["kind"] == "ConfigMap")
    put = ["etcdctl", "--endpoints", STORE, "put", "/coreos.com/network/config", settings["net-conf.json"]]
    subprocess.run(put, check=True, env={"ETCDCTL_API": "3"}, capture_output=True)
    network = static(objects)
    for server in servers:
        for path, text in (*KUBELET.items(), *((f"/etc/kube-flannel/{name}", text) for name, text in settings.items())):
            write(server, path, text.replace("{}", server.address.replace("10.89.94.", "10.20.0.")))
        for pod in (network, web(server)):
            write(server, f"/etc/kubernetes/manifests/{pod['metadata']['name']}.yaml", json.dumps(pod))
        server.run("systemctl restart kubelet")
    reach_each_other(servers)


def test_their_largest_packet_is_as_large_as_the_link_carries(servers: list[Server]) -> None:
    pods, fits = [Pod(server) for server in servers], LINK_MTU - VXLAN
    for here, there in (pods, pods[::-1]):
        assert here.run("cat /sys/class/net/eth0/mtu") == str(fits)
        assert " 0% packet loss" in here.ping(there, fits)
        assert "message too long" in here.ping(there, fits + 1)


def test_nobody_on_the_way_can_read_them(servers: list[Server]) -> None:
    first, second = servers
    here, there = Pod(first), Pod(second)
    # Of what goes to the other server on the card, and of what goes into the link.
    for name, words in (("card", f"-i eth0 ip host {second.address}"), ("link", "-i wg0")):
        first.run(f"systemd-run --unit=lab-{name} --service-type=exec tcpdump -U -w /run/{name}.pcap {words}")
    first.run("until test -s /run/card.pcap -a -s /run/link.pcap; do sleep 1; done")
    before = sent(first)
    for _turn in range(3):
        assert here.run(f"wget -q -O - http://{there.address}:8080/") == page(second)
    assert " 0% packet loss" in here.ping(there, LINK_MTU - VXLAN)
    assert sent(first) - before > 2 * LINK_MTU
    first.run("sleep 2; systemctl stop lab-card lab-link")
    packets = "tcpdump -n -r /run/{}.pcap '{}' 2> /dev/null | wc -l"
    # The page is to be read in the link, so it would be found on the card, too.
    assert first.run(f"grep -c -a '{page(second)}' /run/link.pcap") != "0"
    assert first.run(f"grep -c -a '{page(second)}' /run/card.pcap", check=False) == "0"
    assert int(first.run(packets.format("card", f"udp port {PORT}"))) > 20
    assert first.run(packets.format("card", f"not udp port {PORT}")) == "0"


def sent(server: Server) -> int:
    """Bytes that WireGuard has sent to its only peer."""
    return int(server.run("wg show wg0 transfer").split()[-1])


def test_they_are_back_after_a_boot(servers: list[Server]) -> None:
    reboot(servers)
    for server in servers:
        for unit in UNITS:
            assert server.run(f"systemctl is-active {unit}", check=False) == "active", unit
    reach_each_other(servers)
