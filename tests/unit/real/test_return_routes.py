"""Return routes with real packets: two ways into a node, and answers that are only taken where their questions went in."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import uuid
from typing import Any, Iterator, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.metallb import routes
from roles_render import ROOT

PROGRAM = ROOT / "roles" / "metallb" / "files" / "kubernetes-return-routes"
WATCH = ROOT / "roles" / "cluster" / "templates" / "kubernetes-watch-routes.sh.j2"
CLIENT = "198.51.100.5"
FAILOVER = "203.0.113.11"
SERVER = (
    "import socket,sys\n"
    "s=socket.socket(); s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1); s.bind((sys.argv[1],8080)); s.listen(9)\n"
    "while True:\n c,a=s.accept(); c.sendall(b'from '+sys.argv[2].encode()); c.close()\n"
)
ASK = (
    "import socket,sys\n"
    "s=socket.socket(); s.settimeout(2); s.bind((sys.argv[1],0)); s.connect((sys.argv[2],8080)); print(s.recv(99).decode())\n"
)


def run(*argv: str, check: bool = True) -> str:
    result = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert not check or result.returncode == 0, "%s: %s" % (" ".join(argv), result.stderr)
    return result.stdout


class Net:
    """The outside, a node with two uplinks, and a pod on it."""

    def __init__(self) -> None:
        tag = uuid.uuid4().hex[:6]
        self.outside, self.node, self.pod = ("bm%s%s" % (tag, part) for part in ("out", "node", "pod"))
        self.servers: List[Any] = []
        for name in (self.outside, self.node, self.pod):
            run("ip", "netns", "add", name)
            self.ip(name, "link set lo up")
        self.link(self.outside, "main", "192.0.2.1/24", self.node, "eth0", "192.0.2.11/24")
        self.link(self.outside, "vrack", "203.0.113.9/29", self.node, "eth1", "203.0.113.10/29")
        self.link(self.node, "cni0", "10.244.0.1/24", self.pod, "eth0", "10.244.0.2/24")
        self.ip(self.outside, "address add %s/32 dev lo" % CLIENT)
        self.ip(self.outside, "route add %s/32 via 203.0.113.10" % FAILOVER)
        self.ip(self.node, "route add default via 192.0.2.1")
        self.ip(self.pod, "route add default via 10.244.0.1")
        # As distributions set it, and as providers filter.
        self.at(
            self.node, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.eth1.rp_filter=1", "net.ipv4.conf.eth0.rp_filter=1"
        )
        self.nft(
            self.outside,
            'table ip filter { chain in { type filter hook input priority 0; iifname "main" ip saddr %s drop; }; }' % FAILOVER,
        )

    def at(self, name: str, *argv: str, check: bool = True) -> str:
        return run("ip", "netns", "exec", name, *argv, check=check)

    def ip(self, name: str, command: str) -> None:
        run("ip", "-n", name, *command.split())

    def nft(self, name: str, text: str) -> None:
        subprocess.run(["ip", "netns", "exec", name, "nft", "--file", "-"], input=text, text=True, check=True)

    def link(self, left: str, left_name: str, left_address: str, right: str, right_name: str, right_address: str) -> None:
        run("ip", "link", "add", left_name, "netns", left, "type", "veth", "peer", "name", right_name, "netns", right)
        for name, interface, address in ((left, left_name, left_address), (right, right_name, right_address)):
            self.ip(name, "address add %s dev %s" % (address, interface))
            self.ip(name, "link set %s up" % interface)

    def serve(self, name: str, address: str, word: str) -> None:
        argv = ["ip", "netns", "exec", name, sys.executable, "-c", SERVER, address, word]
        self.servers.append(subprocess.Popen(argv))

    def ask(self) -> str:
        return self.at(self.outside, sys.executable, "-c", ASK, CLIENT, FAILOVER, check=False).strip()

    def bring(self, folder: pathlib.Path, **entry: Any) -> None:
        """What the role's service does when it starts on a node."""
        wanted = dict({"addresses": [FAILOVER + "/32"], "interface": "eth1", "gateway": "203.0.113.9"}, **entry)
        made = routes.return_routes([wanted])
        for path, text in routes.files(made).items():
            (folder / os.path.basename(path)).write_text(text)
        for key, value in routes.sysctls(made).items():
            self.at(self.node, "sysctl", "-qw", "%s=%s" % (key, value))
        for _twice in range(2):
            self.at(self.node, *self.program(folder, "bring"))

    def program(self, folder: pathlib.Path, verb: str) -> List[str]:
        return ["env", "RETURN_ROUTES_FOLDER=%s" % folder, "sh", str(PROGRAM), verb]

    def close(self) -> None:
        for server in self.servers:
            server.kill()
            server.wait()
        for name in (self.outside, self.node, self.pod):
            run("ip", "netns", "delete", name, check=False)


@pytest.fixture
def net() -> Iterator[Net]:
    if os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"):
        pytest.skip("no root, nft or ip here: no packet is sent")
    if subprocess.run(["unshare", "-n", "nft", "add", "table", "inet", "x"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no network namespaces with nftables here: no packet is sent")
    made = Net()
    try:
        yield made
    finally:
        made.close()


def answered(net: Net) -> str:
    """The answer, once the server that was just started listens."""
    for _try in range(20):
        said = net.ask()
        if said:
            return said
        time.sleep(0.2)
    return ""


def test_a_pods_answer_leaves_by_the_interface_that_its_question_came_in_by(net: Net, tmp_path: pathlib.Path) -> None:
    # As kube-proxy does for a Service's address, which is on no interface.
    net.nft(
        net.node,
        "table ip nat { chain pre { type nat hook prerouting priority -100; ip daddr %s tcp dport 8080 dnat to 10.244.0.2; }; }"
        % FAILOVER,
    )
    net.serve(net.pod, "10.244.0.2", "pod")
    time.sleep(1)
    assert net.ask() == "", "without return routes nothing may come back, or this test shows nothing"
    net.bring(tmp_path)
    assert answered(net) == "from pod"
    rules = net.at(net.node, "ip", "rule", "show")
    assert rules.count("fwmark") == 1, "a second run added rules:\n%s" % rules


def test_what_the_host_itself_answers_leaves_there_too(net: Net, tmp_path: pathlib.Path) -> None:
    net.ip(net.node, "address add %s/32 dev lo" % FAILOVER)
    net.serve(net.node, FAILOVER, "host")
    time.sleep(1)
    assert net.ask() == ""
    net.bring(tmp_path)
    assert answered(net) == "from host"
    # Pods and neighbours are not behind the gateway.
    assert "dev cni0" in net.at(net.node, "ip", "route", "get", "10.244.0.2", "from", FAILOVER)
    assert "via 203.0.113.9 dev eth1" in net.at(net.node, "ip", "route", "get", "198.51.100.77", "from", FAILOVER)


def test_a_gateway_outside_of_every_network_is_reached_on_the_link(net: Net, tmp_path: pathlib.Path) -> None:
    net.ip(net.outside, "address add 100.64.0.1/32 dev vrack")
    net.ip(net.node, "address add %s/32 dev lo" % FAILOVER)
    net.serve(net.node, FAILOVER, "host")
    net.bring(tmp_path, gateway="100.64.0.1", onlink=True)
    assert answered(net) == "from host"


def test_the_route_is_back_when_the_interface_has_lost_its_address_and_got_it_back(net: Net, tmp_path: pathlib.Path) -> None:
    """As systemd-networkd does where it starts anew: the kernel drops all routes of the interface, and tells nobody."""
    net.ip(net.node, "address add %s/32 dev lo" % FAILOVER)
    net.serve(net.node, FAILOVER, "host")
    net.bring(tmp_path)
    assert answered(net) == "from host"

    def exchange() -> None:
        for change in ("del", "add"):
            net.ip(net.node, "address %s 203.0.113.10/29 dev eth1" % change)

    exchange()
    assert net.ask() == "", "the route is there without help, or this test shows nothing"
    watch = subprocess.Popen(["ip", "netns", "exec", net.node, "sh", str(WATCH), str(tmp_path)], start_new_session=True)
    try:
        time.sleep(1)
        for _twice in range(2):
            exchange()
            assert answered(net) == "from host"
    finally:
        os.killpg(watch.pid, signal.SIGTERM)
        watch.wait()
    net.at(net.node, *net.program(tmp_path, "remove"))
    assert "178" not in net.at(net.node, "ip", "rule", "show") and net.at(net.node, "nft", "list", "tables") == ""


def test_marks_of_other_programs_stay(net: Net, tmp_path: pathlib.Path) -> None:
    # kube-proxy's mark for what it masquerades, set before ours and looked at after it.
    net.nft(
        net.node,
        "table ip nat { chain pre { type nat hook prerouting priority -100; ip daddr %s tcp dport 8080 dnat to 10.244.0.2; };\n"
        "chain theirs { type filter hook prerouting priority -160; meta mark set meta mark or 0x4000; };\n"
        "chain counted { type filter hook forward priority 0; meta mark and 0x4000 == 0x4000 counter; }; }" % FAILOVER,
    )
    net.serve(net.pod, "10.244.0.2", "pod")
    net.bring(tmp_path)
    assert answered(net) == "from pod"
    assert "packets 0" not in net.at(net.node, "nft", "list", "chain", "ip", "nat", "counted")
