"""Flannel's own programs carry the pods' packets. That pods reach each other and Services is asked by the shared tests of nodes."""

from __future__ import annotations

import json
from typing import Any


def test_flannel_runs_on_every_node(cluster: Any) -> None:
    pods = cluster.kubectl("-n kube-flannel get pods -o json")["items"]
    ready = {pod["spec"]["nodeName"] for pod in pods if all(one["ready"] for one in pod["status"].get("containerStatuses", []))}
    assert ready == set(cluster.nodes)


def test_packets_to_other_nodes_pods_go_into_the_tunnel(cluster: Any) -> None:
    nodes = cluster.kubectl("get nodes -o json")["items"]
    for name in cluster.nodes:
        host = cluster.host(name)
        assert '"type": "flannel"' in host.file("/etc/cni/net.d/10-flannel.conflist").content_string
        routes = host.run("ip route show").stdout
        for node in nodes:
            if node["metadata"]["name"] != name:
                assert "%s via" % node["spec"]["podCIDR"] in routes
        for line in routes.splitlines():
            if line.startswith("10.244.") and " via " in line:
                assert "dev flannel.1" in line


def test_pods_have_the_mtu_that_the_tunnel_leaves(cluster: Any) -> None:
    for name in cluster.nodes:
        host = cluster.host(name)
        outer = json.loads(host.run("ip -json link show dev eth0").stdout)[0]["mtu"]
        assert json.loads(host.run("ip -json link show dev flannel.1").stdout)[0]["mtu"] == outer - 50
        assert "FLANNEL_MTU=%d" % (outer - 50) in host.file("/run/flannel/subnet.env").content_string
