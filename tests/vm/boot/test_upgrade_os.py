# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbook upgrade_os on the only node of a cluster: emptied, upgraded, started anew and opened, with all that its pods wait for.

The tests go on from each other's state, in the order of the file.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from server import REPOSITORY, Server, bundle_disk, changes, play


@pytest.fixture(scope="module")
def node() -> Iterator[Server]:
    server = Server("server3", "10.89.94.13")
    try:
        server.start(processors=2, memory=3072, disk=str(bundle_disk()))
        server.wait()
        server.mount_bundle()
        server.run(REPOSITORY)
        yield server
    finally:
        server.remove()


def kubectl(node: Server, arguments: str) -> str:
    return node.run("kubectl --kubeconfig /etc/kubernetes/admin.conf " + arguments)


def test_a_cluster_of_one_server_is_built(node: Server) -> None:
    started = time.monotonic()
    play("cluster.yml", "baremetal.kubernetes.single")
    print(f"built in {time.monotonic() - started:.0f} s")
    assert kubectl(node, "get nodes --no-headers").split()[:2] == ["server3", "Ready"]


def test_its_only_node_is_upgraded_and_started_anew(node: Server) -> None:
    before, pods = node.boot, kubectl(node, "get pods -n kube-system -l k8s-app=kube-dns -o name")
    looked = play("cluster.yml", "baremetal.kubernetes.upgrade_os")
    assert "server3: 1 packages; no reboot needed before" in looked
    assert node.boot not in ("", before) and node.run("dpkg-query -W -f '${Version}' lab-news") == "2.0"
    state = json.loads(kubectl(node, "get node server3 -o json"))
    assert not state["spec"].get("unschedulable") and "upgrade_os" not in json.dumps(state["metadata"])
    assert [one["status"] for one in state["status"]["conditions"] if one["type"] == "Ready"] == ["True"]
    # They were evicted, and not only started again.
    now = kubectl(node, "get pods -n kube-system -l k8s-app=kube-dns -o name")
    assert not set(now.split()) & set(pods.split()) and len(now.split()) == len(pods.split())
    assert node.run("ls /var/lib/baremetal-kubernetes/snapshots").startswith("before-1.20.2")


def test_a_second_run_finds_nothing_to_do(node: Server) -> None:
    before = node.boot
    assert changes(play("cluster.yml", "baremetal.kubernetes.upgrade_os")) == 0
    assert node.boot == before
