"""One server, two, three: a workload answers throughout, and in the end any server may die."""

from __future__ import annotations

import json
import pathlib
import subprocess
import threading
import time
import urllib.request
from typing import Any, Dict, List, Tuple

import pytest

HERE = pathlib.Path(__file__).resolve().parents[1] / "inventory"
TWO = ["--inventory", str(HERE / "two.yml")]
THREE = [*TWO, "--inventory", str(HERE / "three.yml")]
VIP = "10.89.88.100"
PORT = 30080
WEB = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"namespace": "default", "name": "web"},
    "spec": {
        "replicas": 2,
        "serviceName": "web",
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "terminationGracePeriodSeconds": 1,
                "containers": [
                    {
                        "name": "web",
                        "image": "docker.io/library/busybox:1.35.0",
                        "command": ["sh", "-c", "mkdir /www; hostname >/www/index.html; exec httpd -f -p 8080 -h /www"],
                        "readinessProbe": {"httpGet": {"port": 8080, "path": "/"}, "periodSeconds": 1},
                    }
                ],
            },
        },
    },
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"namespace": "default", "name": "web"},
    "spec": {"type": "NodePort", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080, "nodePort": PORT}]},
}


class Asker:
    """Asks the workload on a server five times a second while its ``with`` block runs."""

    def __init__(self, address: str) -> None:
        self.url = "http://%s:%d/" % (address, PORT)
        self.answers: List[Tuple[float, bool]] = []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._ask)

    def _ask(self) -> None:
        while not self.stopped.wait(0.2):
            try:
                with urllib.request.urlopen(self.url, timeout=2) as answer:
                    good = answer.status == 200
            except OSError:
                good = False
            self.answers.append((time.monotonic(), good))

    def __enter__(self) -> "Asker":
        self.thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stopped.set()
        self.thread.join()

    def longest_silence(self) -> float:
        good = [moment for moment, fine in self.answers if fine]
        return max((later - earlier for earlier, later in zip(good, good[1:])), default=float("inf"))


def apply(cluster: Any, document: Dict[str, Any]) -> None:
    host = cluster.host("server1")
    # The document has no quotes of a shell's in it.
    command = "printf %%s '%s' | kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f -" % json.dumps(document)
    assert "'" not in json.dumps(document)
    assert host.run(command).rc == 0


def members(cluster: Any) -> int:
    pods = cluster.kubectl("-n kube-system get pods -l component=etcd -o json", "server1")["items"]
    return len([pod for pod in pods if pod["status"]["phase"] == "Running"])


@pytest.fixture(scope="module", autouse=True)
def _workload(cluster: Any) -> None:
    apply(cluster, WEB)
    apply(cluster, SERVICE)
    for _try in range(60):
        if cluster.kubectl("get statefulset web -o json", "server1")["status"].get("readyReplicas") == 2:
            return
        time.sleep(2)
    raise AssertionError("the workload does not run")


def test_the_single_servers_name_leads_to_it(cluster: Any) -> None:
    assert "10.89.88.11" in cluster.host("server1").run("getent hosts api.grow.lab").stdout
    assert "server: https://api.grow.lab:6443" in cluster.host("server1").file("/etc/kubernetes/admin.conf").content_string


def test_a_second_control_plane_alone_is_refused_in_plain_words(cluster: Any) -> None:
    said = cluster.refusal("grow", *TWO)
    assert "2 etcd members are worse than 1" in said and "grow_two_members=true" in said
    assert cluster.host("server2").run("test -e /etc/kubernetes/manifests/etcd.yaml").rc != 0


def test_told_so_it_comes_while_the_workload_answers(cluster: Any) -> None:
    with Asker("10.89.88.11") as asker:
        run = cluster.run("grow", *TWO, "-e", "grow_two_members=true")
    assert run.returncode == 0, run.stdout[-6000:]
    assert "EITHER of the two servers dies" in run.stdout
    assert members(cluster) == 2
    for server in ("server1", "server2"):
        assert VIP in cluster.host(server).run("getent hosts api.grow.lab").stdout
    print("longest silence of the workload from one to two: %.1f s" % asker.longest_silence())
    assert asker.longest_silence() < 5


def test_the_third_makes_it_highly_available_while_the_workload_answers(cluster: Any) -> None:
    with Asker("10.89.88.11") as asker:
        run = cluster.run("grow", *THREE)
    assert run.returncode == 0, run.stdout[-6000:]
    assert "survives the loss of 1 control plane" in run.stdout
    assert members(cluster) == 3
    assert "StatefulSet default/web: all 2 replicas are on server1" in run.stdout, "verify names what would be lost together"
    print("longest silence of the workload from two to three: %.1f s" % asker.longest_silence())
    assert asker.longest_silence() < 5


def test_a_second_run_changes_nothing(cluster: Any) -> None:
    assert cluster.playbook("grow", *THREE)["changed"] == 0
    assert cluster.playbook("grow", *THREE, "--check")["changed"] == 0


def test_the_first_server_may_die_now(cluster: Any) -> None:
    cluster.lab("stop", "grow-server1")
    try:
        begun = time.monotonic()
        while True:
            asked = ["curl", "-sk", "-m", "2", "-o", "/dev/null", "-w", "%{http_code}", "https://%s:6443/readyz" % VIP]
            if subprocess.run(asked, capture_output=True, text=True, check=False).stdout == "200":
                break
            assert time.monotonic() - begun < 60, "nobody took the virtual address over"
        print("the API answered %.1f s after the first server's power was cut" % (time.monotonic() - begun))
        assert cluster.kubectl("get nodes -o json", "server2")["items"]
    finally:
        cluster.lab("start", "grow-server1")
