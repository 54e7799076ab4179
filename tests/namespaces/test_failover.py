"""The failover IP with real programs: three nodes and a router in network namespaces of this machine.

It measures seconds, so it is no part of `make test`: python -m pytest tests/namespaces, on a machine that does nothing else.

Each node runs etcd (one member of three), kube-apiserver 1.20.2, keepalived with the configuration that role keepalived renders,
and the agent's program with the settings that role failover_ip writes. The router runs the lab's provider, whose API moves the
router's route after five seconds; who uses the public address there sends real packets to the node that has it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any, Dict, Iterator, List, Optional

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.settings import Settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.program import PACKAGE, build
from api_server import kubeconfig, make_authority
from conftest import ROOT
from fake_providers import hetzner_cloud
from lab_programs import kubernetes
from roles_render import expression, task_variables, template

APISERVER = kubernetes("kube-apiserver")
PUBLIC = "203.0.113.10"
NET = "10.254.254."
PROVIDER_SECONDS = 5

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0
    or not APISERVER.exists()
    or not pathlib.Path("/etc/keepalived").is_dir()
    or not all(shutil.which(name) for name in ("ip", "etcd", "keepalived", "iptables", "curl")),
    reason="needs root, network namespaces, keepalived, etcd, curl, iptables and the lab's kube-apiserver",
)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def skip_where_busy() -> None:
    """Three API servers that wait for a processor answer too late, and etcd and VRRP elect all the time: that says nothing here."""
    load, processors = os.getloadavg()[0], os.cpu_count() or 1
    if load > 4 * processors:
        pytest.skip("a load of %.0f on %d processors is too much to measure seconds" % (load, processors))


class Space:
    """A network namespace on the bridge, and what runs in it."""

    def __init__(self, scene: "Scene", name: str, number: int) -> None:
        self.name = name
        self.address = NET + str(number)
        self.space = "%s-%s" % (scene.prefix, name)
        self.folder = scene.folder / name
        self.folder.mkdir()
        self.running: Dict[str, "subprocess.Popen[bytes]"] = {}
        ip("netns", "add", self.space)
        ip("link", "add", "eth0", "netns", self.space, "type", "veth", "peer", "name", name, "netns", scene.switch)
        ip("-n", scene.switch, "link", "set", name, "master", "bridge", "up")
        ip("-n", self.space, "address", "add", self.address + "/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            ip("-n", self.space, "link", "set", link, "up")

    def start(self, what: str, *argv: str, cwd: Optional[pathlib.Path] = None) -> None:
        with open(self.folder / (what + ".log"), "ab") as log:
            self.running[what] = subprocess.Popen(
                ["ip", "netns", "exec", self.space, *argv], stdout=log, stderr=log, cwd=cwd or self.folder, start_new_session=True
            )

    def stop(self, what: str, number: int = signal.SIGKILL) -> None:
        process = self.running.pop(what)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        process.wait(timeout=30)

    def said(self, what: str) -> str:
        path = self.folder / (what + ".log")
        return path.read_text(errors="replace") if path.exists() else ""

    def out(self, *argv: str) -> str:
        run = subprocess.run(["ip", "netns", "exec", self.space, *argv], capture_output=True, text=True)
        return run.stdout


class Node(Space):
    """A control plane, as far as the address depends on it."""

    def __init__(self, scene: "Scene", name: str, number: int) -> None:
        super().__init__(scene, name, number)
        self.scene = scene
        self.number = number
        self.state_file = self.folder / "keepalived-state"
        self.unfit_file = self.folder / "unfit"

    def etcd(self) -> None:
        peers = ",".join("cp%d=http://%s%d:2380" % (number - 10, NET, number) for number in (11, 12, 13))
        clients, own = "http://127.0.0.1:2379", "http://%s:2380" % self.address
        argv = ["etcd", "--name", self.name, "--data-dir", str(self.folder / "etcd"), "--initial-cluster", peers]
        argv += ["--listen-client-urls", clients, "--advertise-client-urls", clients]
        argv += ["--listen-peer-urls", own, "--initial-advertise-peer-urls", own]
        self.start("etcd", *argv)

    def apiserver(self) -> None:
        pki = self.scene.pki
        argv = [str(APISERVER), "--etcd-servers", "http://127.0.0.1:2379", "--secure-port", "6443", "--bind-address", "0.0.0.0"]
        argv += ["--advertise-address", self.address, "--endpoint-reconciler-type", "none"]
        argv += ["--tls-cert-file", str(pki / "server.crt"), "--tls-private-key-file", str(pki / "server.key")]
        argv += ["--service-account-key-file", str(pki / "ca.key"), "--service-account-signing-key-file", str(pki / "ca.key")]
        argv += ["--service-account-issuer", "https://kubernetes.default", "--client-ca-file", str(pki / "ca.crt")]
        argv += ["--token-auth-file", str(pki / "tokens.csv"), "--service-cluster-ip-range", "10.96.0.0/16"]
        argv += ["--authorization-mode", "RBAC", "--disable-admission-plugins", "ServiceAccount"]
        self.start("apiserver", *argv)

    def keepalived(self) -> None:
        scripts = {
            "check-apiserver.sh": template(
                "keepalived",
                "check-apiserver.sh.j2",
                keepalived_check_port=6443,
                keepalived_check_ca_file=str(self.scene.pki / "ca.crt"),
            ),
            "note-state.sh": template("keepalived", "note-state.sh.j2", keepalived_state_file=str(self.state_file)),
        }
        given: Dict[str, Any] = {
            "keepalived_virtual_addresses": [PUBLIC],
            "keepalived_interface": "eth0",
            "keepalived_priority": 161 - self.number,
            "keepalived_priorities": [150, 149, 148],
            "keepalived_source": self.address,
            "keepalived_peers": [node.address for node in self.scene.nodes if node is not self],
            "keepalived_preempt": False,
            "keepalived_state_file": str(self.state_file),
            "keepalived_unfit_files": [str(self.unfit_file)],
            "inventory_hostname": self.name,
        }
        finished = expression("keepalived", task_variables("keepalived", "configure.yml")["_keepalived_finished"], **given)
        text = template("keepalived", "keepalived.conf.j2", finished=finished, _keepalived_interface="eth0", **given)
        for name, content in scripts.items():
            path = self.folder / name
            path.write_text(content)
            path.chmod(0o700)
            text = text.replace("/etc/keepalived/" + name, str(path))
        (self.folder / "keepalived.conf").write_text(text)
        (self.folder / "keepalived.conf").chmod(0o600)
        argv = ["keepalived", "--dont-fork", "--log-console", "--vrrp", "--use-file", str(self.folder / "keepalived.conf")]
        argv += ["--pid", str(self.folder / "keepalived.pid"), "--vrrp_pid", str(self.folder / "vrrp.pid")]
        self.start("keepalived", *argv)

    def agent(self) -> None:
        settings = Settings(
            node=self.name,
            provider="hetzner_cloud",
            target=str(self.number),
            addresses=[PUBLIC],
            state_file=str(self.state_file),
            fitness_file=str(self.unfit_file),
            metrics_file=str(self.folder / "failover_ip.prom"),
            kubeconfig=self.scene.kubeconfig,
            base_url="http://%s:8080/v1" % self.scene.router.address,
            backoff=5,
        )
        (self.folder / "agent.json").write_text(json.dumps(dataclasses.asdict(settings)))
        (self.folder / "credentials.json").write_text(json.dumps({"token": hetzner_cloud.TOKEN}))
        files = [str(self.folder / "agent.json"), str(self.folder / "credentials.json")]
        self.start("agent", sys.executable, "-I", "-B", str(self.scene.folder / "agent.pyz"), *files)

    def power_off(self) -> None:
        ip("-n", self.scene.switch, "link", "set", self.name, "down")
        for what in list(self.running):
            self.stop(what)
        # Of the kernel, not of a program: the power takes this as well.
        subprocess.run(["ip", "-n", self.space, "address", "del", PUBLIC + "/32", "dev", "eth0"], capture_output=True)
        for path in (self.state_file, self.unfit_file):
            path.unlink(missing_ok=True)

    def power_on(self) -> None:
        ip("-n", self.scene.switch, "link", "set", self.name, "up")
        for program in (self.etcd, self.apiserver, self.keepalived, self.agent):
            program()

    def cut_off(self, how: str = "-I") -> None:
        """From the other nodes, and not from the provider."""
        for node in self.scene.nodes:
            if node is not self:
                for chain, flag in (("INPUT", "-s"), ("OUTPUT", "-d")):
                    argv = ["iptables", how, chain, flag, node.address, "-j", "DROP"]
                    subprocess.run(["ip", "netns", "exec", self.space, *argv], check=True)

    def holds(self) -> bool:
        return "inet %s/" % PUBLIC in self.out("ip", "-4", "address")

    def ready(self) -> bool:
        return self.out("curl", "-sk", "-m", "1", "https://127.0.0.1:6443/readyz") == "ok"


class Scene:
    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.prefix = "fo%d" % os.getpid()
        self.switch = self.prefix + "-switch"
        self.pki = folder / "pki"
        self.pki.mkdir()
        make_authority(self.pki)
        (self.pki / "tokens.csv").write_text("token,admin,admin,system:masters\n")
        self.kubeconfig = kubeconfig(self.pki, 6443, user="    token: token\n")
        (folder / "agent.pyz").write_bytes(build(PACKAGE + ".failover.main"))
        ip("netns", "add", self.switch)
        ip("-n", self.switch, "link", "add", "bridge", "type", "bridge")
        ip("-n", self.switch, "link", "set", "bridge", "up")
        self.router = Space(self, "router", 31)
        self.nodes = [Node(self, "cp%d" % (number - 10), number) for number in (11, 12, 13)]
        servers = {str(node.number): node.address for node in self.nodes}
        settings = {
            "provider": "hetzner_cloud",
            "listen": ["0.0.0.0", 8080],
            "delay": PROVIDER_SECONDS,
            "address": PUBLIC,
            "key": PUBLIC,
            "first": "11",
            "servers": servers,
        }
        (self.router.folder / "settings.json").write_text(json.dumps(settings))
        argv = [sys.executable, "-B", "-m", "providers", str(self.router.folder / "settings.json")]
        self.router.start("provider", *argv, cwd=ROOT / "tests" / "lab")
        for node in self.nodes:
            node.power_on()

    def end(self) -> None:
        for space in (self.router, *self.nodes):
            for what in list(space.running):
                space.stop(what)
            ip("netns", "del", space.space)
        ip("netns", "del", self.switch)

    def route(self) -> Optional["Node"]:
        found = re.search(r"via (\S+)", self.router.out("ip", "route", "show", PUBLIC))
        return next((node for node in self.nodes if found and node.address == found.group(1)), None)

    def orders(self) -> List[str]:
        path = self.router.folder / "orders"
        lines = path.read_text().splitlines() if path.exists() else []
        return ["cp%d" % (int(json.loads(json.loads(line)[2])["server"]) - 10) for line in lines]

    def rest(self) -> Node:
        """The holder of a cluster in which all is well."""

        def well() -> bool:
            held = [node for node in self.nodes if node.holds()]
            fit = all(node.unfit_file.exists() and node.unfit_file.read_text() == "0\n" for node in self.nodes)
            return fit and len(held) == 1 and self.route() is held[0] and all(node.ready() for node in self.nodes)

        self.wait("all is well", well, 120)
        return next(node for node in self.nodes if node.holds())

    def wait(self, what: str, until: Any, seconds: float) -> float:
        begun = time.monotonic()
        while not until():
            if time.monotonic() - begun >= seconds:
                skip_where_busy()
            assert time.monotonic() - begun < seconds, "%s: not within %g s\n%s" % (what, seconds, self.logs())
            time.sleep(0.1)
        return time.monotonic() - begun

    def logs(self) -> str:
        return "\n".join(
            "== %s %s\n%s" % (node.name, what, node.said(what)[-2500:]) for node in self.nodes for what in ("agent", "keepalived")
        )

    @contextlib.contextmanager
    def probing(self) -> Iterator[List[Any]]:
        """Ten requests a second from the router to the public address; filled with moments and answers at the end."""
        probes: List[Any] = []
        script = ROOT / "molecule" / "failover_ip" / "probe.py"
        (self.router.folder / "probe.log").unlink(missing_ok=True)
        self.router.start("probe", sys.executable, "-B", str(script), PUBLIC, "6443", "120")
        try:
            yield probes
        finally:
            self.router.stop("probe")
            probes.extend(json.loads(line) for line in self.router.said("probe").splitlines())


@pytest.fixture(scope="module", name="scene")
def _scene() -> Iterator[Scene]:
    skip_where_busy()
    # Not under /tmp: keepalived refuses scripts in a folder that others may write to.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="failover-test-", dir="/etc/keepalived"))
    scene = Scene(folder)
    try:
        yield scene
    finally:
        scene.end()
        shutil.rmtree(folder)


def test_the_holder_has_the_route_and_packets_arrive(scene: Scene) -> None:
    scene.rest()
    with scene.probing() as probes:
        time.sleep(3)
    assert len(probes) > 5 and all(good for _moment, good in probes)


def test_the_address_is_back_within_ten_seconds_of_its_holders_death(scene: Scene) -> None:
    holder = scene.rest()
    with scene.probing() as probes:
        time.sleep(2)
        cut = time.time()
        holder.power_off()
        scene.wait("the route moves", lambda: scene.route() not in (None, holder), 60)
        time.sleep(2)
    back = min((moment for moment, good in probes if good and moment > cut + 1), default=None)
    assert back is not None, scene.logs()
    print("\nthe address answered again %.1f s after its holder lost power; the provider takes %d" % (back - cut, PROVIDER_SECONDS))
    successor = scene.route()
    holder.power_on()
    if back - cut > 10:
        skip_where_busy()
    assert back - cut <= 10, scene.logs()
    assert scene.rest() is successor, "who comes back takes nothing back"


def test_a_holder_that_is_cut_off_never_moves_it_back(scene: Scene) -> None:
    holder = scene.rest()
    before = len(scene.orders())
    holder.cut_off()
    took = scene.wait("the route moves", lambda: scene.route() is not holder, 60)
    successor = scene.route()
    print("\nthe route moved %.1f s after its holder was cut off from the other nodes" % took)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        assert scene.route() is successor
        time.sleep(0.5)
    assert not holder.holds(), "keepalived was not told:\n" + scene.logs()
    assert scene.orders()[before:] == [successor.name] if successor else False
    holder.cut_off("-D")
    assert scene.rest() is successor
    assert len(scene.orders()) == before + 1


def test_a_provider_that_is_down_for_a_minute_gets_its_order_afterwards(scene: Scene) -> None:
    holder = scene.rest()
    before = len(scene.orders())
    down = scene.router.folder / "down"
    down.touch()
    holder.stop("keepalived", signal.SIGTERM)
    time.sleep(60)
    assert scene.route() is holder and len(scene.orders()) == before
    down.unlink()
    took = scene.wait("the route moves", lambda: scene.route() is not holder, 60)
    print("\nthe address arrived %.1f s after the provider was back" % took)
    holder.keepalived()
    assert scene.rest() is not holder
    assert len(scene.orders()) == before + 1


def test_an_agent_that_is_killed_and_started_moves_nothing(scene: Scene) -> None:
    holder = scene.rest()
    before = scene.orders()
    holder.stop("agent")
    time.sleep(6)
    holder.agent()
    time.sleep(4)
    assert scene.orders() == before and scene.rest() is holder


def test_a_killed_keepalived_that_leaves_its_address_behind_loses_the_route(scene: Scene) -> None:
    holder = scene.rest()
    with contextlib.suppress(ProcessLookupError):
        os.kill(int((holder.folder / "vrrp.pid").read_text()), signal.SIGSTOP)
    holder.stop("keepalived")
    assert holder.holds(), "the address is still there"
    scene.wait("the route moves", lambda: scene.route() is not holder, 60)
    assert "runs no more" in holder.said("agent")
    holder.keepalived()
    assert scene.rest() is not holder
