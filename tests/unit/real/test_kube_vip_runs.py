"""kube-vip itself, with the environment of our manifests: two control planes in namespaces, a real API server and a real Lease.

KUBE_VIP names the program (v1.2.3 was tried); without it, or without root, nothing is run.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kube_vip.settings import DEFAULTS, kube_vip_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner

VIP = "192.0.2.100"
#: In a control plane's namespace: its own API server's port, passed on through a socket in the file system that all namespaces see.
FORWARDER = (
    "import socket,sys,threading\n"
    "def copy(a,b):\n"
    "  try:\n"
    "    while True:\n"
    "      d=a.recv(65536)\n"
    "      if not d: break\n"
    "      b.sendall(d)\n"
    "  except OSError: pass\n"
    "  for s in (a,b):\n"
    "    try: s.shutdown(2)\n"
    "    except OSError: pass\n"
    "s=socket.socket(); s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1); s.bind(('127.0.0.1',6443)); s.listen(64)\n"
    "while True:\n"
    "  a,_=s.accept(); b=socket.socket(socket.AF_UNIX); b.connect(sys.argv[1])\n"
    "  for x,y in ((a,b),(b,a)): threading.Thread(target=copy,args=(x,y),daemon=True).start()\n"
)
#: As the pod has it: the kubeconfig where kube-vip looks for it, and "kubernetes" for this node's own API server.
AS_A_POD = (
    "set -e; mount -t tmpfs tmpfs {scratch}; mkdir {scratch}/up {scratch}/work; "
    "mount -t overlay overlay -o lowerdir=/etc,upperdir={scratch}/up,workdir={scratch}/work /etc; "
    "mkdir -p /etc/kubernetes; cp {kubeconfig} /etc/kubernetes/admin.conf; echo '127.0.0.1 kubernetes localhost' >/etc/hosts; "
    "exec {program} manager"
)


class Server:
    """A control plane: a namespace, its way to the API server, and kube-vip."""

    def __init__(self, net: "Net", number: int) -> None:
        self.net, self.number, self.name = net, number, "cp%d" % number
        self.space = "%s%d" % (net.tag, number)
        self.folder = net.folder / self.name
        (self.folder / "scratch").mkdir(parents=True)
        self.forwarder: Optional["subprocess.Popen[bytes]"] = None
        self.kube_vip: Optional["subprocess.Popen[bytes]"] = None

    def ip(self, *arguments: str) -> str:
        return subprocess.run(["ip", "-n", self.space, *arguments], capture_output=True, text=True, check=False).stdout

    def holds(self) -> bool:
        return "inet %s/" % VIP in self.ip("address", "show")

    def reach_the_api(self) -> None:
        argv = ["ip", "netns", "exec", self.space, sys.executable, "-c", FORWARDER, str(self.net.socket)]
        self.forwarder = subprocess.Popen(argv)

    def lose_the_api(self) -> None:
        assert self.forwarder is not None
        self.forwarder.kill()
        self.forwarder.wait()

    def start(self, **given: Any) -> None:
        own = {
            "node_name": self.name,
            "address": VIP,
            "port": 6443,
            "interface": "eth0",
            "bgp_router_id": "192.0.2.%d" % self.number,
        }
        pod = kube_vip_data({**DEFAULTS, **own, **given})["pod"]
        environment: Dict[str, str] = {"PATH": os.environ["PATH"], "vip_nodename": self.name}
        for variable in pod["spec"]["containers"][0]["env"]:
            if "valueFrom" not in variable:
                environment[variable["name"]] = variable.get("value", "")
        script = AS_A_POD.format(scratch=self.folder / "scratch", kubeconfig=self.net.kubeconfig, program=os.environ["KUBE_VIP"])
        with open(self.folder / "log", "ab") as log:
            argv = ["ip", "netns", "exec", self.space, "unshare", "-m", "sh", "-c", script]
            self.kube_vip = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)

    def end(self, how: int = signal.SIGTERM) -> None:
        if self.kube_vip is not None:
            self.kube_vip.send_signal(how)
            self.kube_vip.wait(timeout=20)
            self.kube_vip = None

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace")[-2500:] if path.exists() else ""


class Net:
    def __init__(self, folder: pathlib.Path, kubeconfig: str) -> None:
        self.tag, self.folder = "bmv" + uuid.uuid4().hex[:5], folder
        config = json.loads(pathlib.Path(kubeconfig).read_text())
        self.port = int(config["clusters"][0]["cluster"]["server"].rsplit(":", 1)[1])
        config["clusters"][0]["cluster"]["server"] = "https://%s:6443" % VIP
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(json.dumps(config))
        self.socket = folder / "api"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.socket))
        self.listener.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()
        self.servers = [Server(self, number) for number in (1, 2)]
        subprocess.run(["ip", "netns", "add", self.tag + "sw"], check=True)
        subprocess.run(["ip", "-n", self.tag + "sw", "link", "add", "br0", "type", "bridge"], check=True)
        subprocess.run(["ip", "-n", self.tag + "sw", "link", "set", "br0", "up"], check=True)
        for server in self.servers:
            port = "p%d" % server.number
            subprocess.run(["ip", "netns", "add", server.space], check=True)
            ends = ["type", "veth", "peer", "name", "eth0", "netns", server.space]
            subprocess.run(["ip", "link", "add", port, "netns", self.tag + "sw", *ends], check=True)
            subprocess.run(["ip", "-n", self.tag + "sw", "link", "set", port, "master", "br0", "up"], check=True)
            server.ip("link", "set", "lo", "up")
            server.ip("link", "set", "eth0", "up")
            server.ip("address", "add", "192.0.2.%d/24" % server.number, "dev", "eth0")
            server.reach_the_api()

    def _serve(self) -> None:
        def copy(source: socket.socket, target: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while True:
                    data = source.recv(65536)
                    if not data:
                        break
                    target.sendall(data)
            for one in (source, target):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

        while True:
            try:
                near, _address = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.port))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=copy, args=pair, daemon=True).start()

    def holders(self) -> List[str]:
        return [server.name for server in self.servers if server.holds()]

    def wait(self, what: str, until: Callable[[], bool], seconds: float) -> float:
        begun = time.monotonic()
        while not until():
            logs = "\n".join("== %s\n%s" % (server.name, server.log()) for server in self.servers)
            assert time.monotonic() - begun < seconds, "%s: not within %g s, held by %s\n%s" % (what, seconds, self.holders(), logs)
            time.sleep(0.1)
        return time.monotonic() - begun

    def close(self) -> None:
        for server in self.servers:
            server.end(signal.SIGKILL)
            if server.forwarder is not None:
                server.forwarder.kill()
                server.forwarder.wait()
            subprocess.run(["ip", "netns", "delete", server.space], check=False)
        subprocess.run(["ip", "netns", "delete", self.tag + "sw"], check=False)
        self.listener.close()


@pytest.fixture
def net(cluster: Any, tmp_path: pathlib.Path) -> Iterator[Net]:
    program = os.environ.get("KUBE_VIP", "")
    if os.geteuid() != 0 or not shutil.which(program):
        pytest.skip("KUBE_VIP names no program, or this is not root: kube-vip is not run")
    kubectl = Kubectl(HostRunner(), cluster.kubeconfig, cluster.kubectl)
    kubectl.run(["-n", "kube-system", "delete", "lease", "plndr-cp-lock", "--ignore-not-found"])
    made = Net(tmp_path, cluster.kubeconfig)
    try:
        yield made
    finally:
        made.close()


def lease(cluster: Any) -> Dict[str, Any]:
    kubectl = Kubectl(HostRunner(), cluster.kubeconfig, cluster.kubectl)
    found: Dict[str, Any] = json.loads(
        kubectl.checked("x", ["-n", "kube-system", "get", "lease", "plndr-cp-lock", "--output=json"])
    )["spec"]
    return found


def test_the_first_one_takes_the_address_though_its_kubeconfig_names_that_address(net: Net, cluster: Any) -> None:
    first = net.servers[0]
    first.start()
    net.wait("cp1 holds the address", lambda: net.holders() == ["cp1"], 30)
    # What the agent of the failover IP follows: the node's own name.
    assert lease(cluster)["holderIdentity"] == "cp1"
    assert lease(cluster)["leaseDurationSeconds"] == 5
    first.end()
    assert net.holders() == [], "one that is asked to end takes the address off"


def test_the_address_moves_when_its_holder_is_gone_and_when_its_api_server_is(net: Net) -> None:
    first, second = net.servers
    first.start()
    net.wait("cp1 holds the address", lambda: net.holders() == ["cp1"], 30)
    second.start()
    time.sleep(3)
    assert net.holders() == ["cp1"]
    first.lose_the_api()
    took = net.wait("the address leaves a node whose API server is gone", lambda: net.holders() == ["cp2"], 30)
    print("moved %.1f s after the holder's API server was gone" % took)
    first.end()
    first.reach_the_api()
    first.start()
    time.sleep(3)
    assert net.holders() == ["cp2"], "who comes back takes nothing back"
    second.end(signal.SIGKILL)
    took = net.wait("another one takes the address of a killed one", first.holds, 20)
    print("taken over %.1f s after the holder was killed" % took)


def test_its_metrics_are_not_for_others(net: Net) -> None:
    first = net.servers[0]
    first.start()
    net.wait("cp1 holds the address", lambda: net.holders() == ["cp1"], 30)
    listening = subprocess.run(
        ["ip", "netns", "exec", first.space, "ss", "-ltnH"], capture_output=True, text=True, check=True
    ).stdout
    assert "127.0.0.1:2112" in listening
    assert [line for line in listening.splitlines() if ":2112" in line and "127.0.0.1:2112" not in line] == []
