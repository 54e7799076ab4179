"""The program of the private link in three network namespaces: brought up, exchanged while it is used, and taken back.

It needs ping; WireGuard needs wg, and a kernel that has it or a wireguard-go. WIREGUARD_TOOLS may name a folder with them.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import time
import uuid
from typing import Any, Dict, Iterator, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.interconnect.settings import Link, link_text, peers_text
from roles_render import ROOT

PROGRAM = str(ROOT / "roles" / "interconnect" / "files" / "kubernetes-interconnect")
PATH = os.environ.get("WIREGUARD_TOOLS", "/nowhere") + ":" + os.environ["PATH"]
PORT = 51900


def run(*argv: str, check: bool = True, **options: Any) -> "subprocess.CompletedProcess[str]":
    result = subprocess.run(argv, capture_output=True, text=True, check=False, **options)
    assert not check or result.returncode == 0, "%s: %s%s" % (" ".join(argv), result.stdout, result.stderr)
    return result


class Host:
    """A server: three cards, the first one public."""

    def __init__(self, tag: str, number: int, folder: pathlib.Path) -> None:
        self.name, self.number = "bm%sh%d" % (tag, number), number
        self.folder, self.run_folder = folder / ("etc%d" % number), folder / ("run%d" % number)
        self.folder.mkdir()
        self.public, self.address = "198.51.100.%d" % number, "10.20.0.%d/24" % number
        # wireguard-go's sockets are found by the interface's name, whatever namespace it is in.
        self.tunnel = "wg%s%d" % (tag[:4], number)
        self.environment = {
            "PATH": PATH,
            "INTERCONNECT_FOLDER": str(self.folder),
            "INTERCONNECT_RUN": str(self.run_folder),
        }
        run("ip", "netns", "add", self.name)
        self.at("ip", "link", "set", "lo", "up")

    def at(self, *argv: str, check: bool = True) -> str:
        return run("ip", "netns", "exec", self.name, *argv, check=check, env={**os.environ, **self.environment}).stdout

    def program(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, **self.environment}
        return run("ip", "netns", "exec", self.name, "sh", PROGRAM, *arguments, check=check, env=environment)

    def started(self, *arguments: str) -> "subprocess.Popen[bytes]":
        argv = ["ip", "netns", "exec", self.name, "sh", PROGRAM, *arguments]
        return subprocess.Popen(argv, env={**os.environ, **self.environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def write(self, file: str, link: Link) -> None:
        (self.folder / file).write_text(link_text(link))

    def card(self, name: str, mtu: int = 1500) -> Link:
        return Link("untagged", name, self.address, mtu)

    def mesh(self) -> Link:
        userspace = shutil.which("wireguard-go", path=PATH) or ""
        return Link("wireguard", self.tunnel, self.address, 1440, userspace=userspace)

    def result(self) -> str:
        path = self.run_folder / "result"
        return path.read_text().strip() if path.exists() else ""

    def holds(self, interface: str) -> bool:
        return self.address in self.at("ip", "-oneline", "address", "show", "dev", interface, check=False)


class Net:
    """Three servers on three switches: public, vRack, and another one."""

    def __init__(self, folder: pathlib.Path) -> None:
        tag = uuid.uuid4().hex[:5]
        self.switches = "bm%ssw" % tag
        run("ip", "netns", "add", self.switches)
        self.hosts = [Host(tag, number, folder) for number in (1, 2, 3)]
        for card in range(3):
            run("ip", "-n", self.switches, "link", "add", "br%d" % card, "type", "bridge")
            run("ip", "-n", self.switches, "link", "set", "br%d" % card, "up")
            for host in self.hosts:
                port = "p%d%d" % (card, host.number)
                run(
                    "ip",
                    "link",
                    "add",
                    port,
                    "netns",
                    self.switches,
                    "type",
                    "veth",
                    "peer",
                    "name",
                    "eth%d" % card,
                    "netns",
                    host.name,
                )
                run("ip", "-n", self.switches, "link", "set", port, "master", "br%d" % card, "up")
                host.at("ip", "link", "set", "eth%d" % card, "up")
        for host in self.hosts:
            host.at("ip", "address", "add", host.public + "/24", "dev", "eth0")
            others = [one for one in self.hosts if one is not host]
            (host.folder / "neighbours").write_text("".join(one.address.split("/")[0] + "\n" for one in others))

    def up_on(self, card: str) -> None:
        for host in self.hosts:
            host.write("link", host.card(card))
            host.program("up")
        for host in self.hosts:
            host.program("check")

    def switch(self) -> None:
        """All of them at one moment, as the role has them do."""
        moment = str(int(time.time()) + 3)
        running = [host.started("switch", moment) for host in self.hosts]
        for process in running:
            process.wait(timeout=60)

    def make_keys(self) -> None:
        keys: Dict[str, str] = {}
        for host in self.hosts:
            private = run("wg", "genkey", env={"PATH": PATH}).stdout
            (host.folder / "private.key").write_text(private)
            keys[host.name] = run("wg", "pubkey", input=private, env={"PATH": PATH}).stdout.strip()
        for host in self.hosts:
            peers: List[Dict[str, str]] = [
                {"name": one.name, "public_key": keys[one.name], "endpoint": one.public, "address": one.address}
                for one in self.hosts
                if one is not host
            ]
            (host.folder / "peers.conf").write_text(peers_text(PORT, 0, peers))

    def close(self) -> None:
        for host in self.hosts:
            # wireguard-go ends with its interface.
            run("ip", "-n", host.name, "link", "delete", "dev", host.tunnel, check=False)
            run("ip", "netns", "delete", host.name, check=False)
        run("ip", "netns", "delete", self.switches, check=False)


@pytest.fixture
def net(tmp_path: pathlib.Path) -> Iterator[Net]:
    missing = [name for name in ("ip", "ping") if not shutil.which(name, path=PATH)]
    if os.geteuid() != 0 or missing or run("unshare", "-n", "true", check=False).returncode != 0:
        pytest.skip("no root, no network namespaces or no %s here: no link is tried" % (" and ".join(missing) or "namespace"))
    made = Net(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def mesh(net: Net) -> Net:
    if not shutil.which("wg", path=PATH):
        pytest.skip("no wg here (WIREGUARD_TOOLS): WireGuard is not tried")
    kernel = run("unshare", "-n", "ip", "link", "add", "wg0", "type", "wireguard", check=False).returncode == 0
    if not kernel and not shutil.which("wireguard-go", path=PATH):
        pytest.skip("neither this kernel nor WIREGUARD_TOOLS has WireGuard: it is not tried")
    net.make_keys()
    return net


def test_a_link_comes_up_twice_and_loses_addresses_of_earlier_settings_only_where_it_is_ours(net: Net) -> None:
    net.up_on("eth1")
    first = net.hosts[0]
    first.at("ip", "address", "add", "192.0.2.1/24", "dev", "eth1")
    first.program("up")
    assert first.holds("eth1")
    assert "192.0.2.1" in first.at("ip", "address", "show", "dev", "eth1"), "the card is the provider's, not ours"
    net.hosts[1].at("ip", "link", "set", "eth1", "down")
    assert first.program("check", check=False).returncode != 0


def test_servers_exchange_their_link_at_one_moment_and_keep_their_addresses(net: Net) -> None:
    net.up_on("eth1")
    for host in net.hosts:
        host.write("link.next", host.card("eth2"))
    pings = subprocess.Popen(
        [
            "ip",
            "netns",
            "exec",
            net.hosts[0].name,
            shutil.which("ping", path=PATH) or "ping",
            "-q",
            "-i",
            "0.1",
            "-w",
            "9",
            "10.20.0.2",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    net.switch()
    assert [host.result() for host in net.hosts] == ["switched"] * 3
    assert all(host.holds("eth2") and not host.holds("eth1") for host in net.hosts)
    said = pings.communicate()[0]
    sent, received = _counts(said)
    print("%d of %d pings answered during the change" % (received, sent))
    assert received >= sent - 20, said
    # At a boot the new one comes up.
    assert not (net.hosts[0].folder / "link.next").exists()
    assert "eth2" in (net.hosts[0].folder / "link").read_text()


def _counts(said: str) -> List[int]:
    line = next(line for line in said.splitlines() if "packets transmitted" in line)
    return [int(word) for word in line.replace(",", "").split() if word.isdigit()][:2]


def test_servers_that_do_not_reach_each_other_on_the_new_link_go_back(net: Net) -> None:
    net.up_on("eth1")
    run("ip", "-n", net.switches, "link", "set", "br2", "down")
    for host in net.hosts:
        host.write("link.next", host.card("eth2"))
    net.switch()
    assert [host.result() for host in net.hosts] == ["back"] * 3
    assert all(host.holds("eth1") and not host.holds("eth2") for host in net.hosts)
    for host in net.hosts:
        host.program("check")
        assert "eth1" in (host.folder / "link").read_text(), "at a boot the earlier one comes up"


def test_a_mesh_of_wireguard_carries_packets_of_the_computed_size_encrypted(mesh: Net) -> None:
    for host in mesh.hosts:
        host.write("link", host.mesh())
        host.program("up")
    for host in mesh.hosts:
        host.program("check")
    first, second = mesh.hosts[:2]
    # 1440 with the headers of ICMP and IP, and not one byte more.
    assert first.at("ping", "-q", "-c", "1", "-W", "2", "-M", "do", "-s", "1412", "10.20.0.2")
    assert " 0 received" in first.at("ping", "-q", "-c", "1", "-W", "2", "-M", "do", "-s", "1413", "10.20.0.2", check=False)
    shown = second.at("wg", "show", second.tunnel, "latest-handshakes")
    assert len(shown.splitlines()) == 2 and " 0" not in shown.replace("\t", " ")
    before = second.at("wg", "show", second.tunnel, "latest-handshakes")
    # What has not changed is left alone, and no key lies about.
    second.program("up")
    assert second.at("wg", "show", second.tunnel, "latest-handshakes") == before
    assert list(second.run_folder.iterdir()) == []
    assert second.at("ip", "link", "show", second.tunnel).count("mtu 1440") == 1


def test_servers_change_from_the_providers_network_to_wireguard_and_back(mesh: Net) -> None:
    mesh.up_on("eth1")
    for host in mesh.hosts:
        host.write("link.next", host.mesh())
    mesh.switch()
    assert [host.result() for host in mesh.hosts] == ["switched"] * 3
    assert all(host.holds(host.tunnel) and not host.holds("eth1") for host in mesh.hosts)
    for host in mesh.hosts:
        host.program("check")
        host.write("link.next", host.card("eth1"))
    mesh.switch()
    assert [host.result() for host in mesh.hosts] == ["switched"] * 3
    for host in mesh.hosts:
        host.program("check")
        assert host.at("ip", "link", "show", host.tunnel, check=False) == "", "the tunnel is gone"


def test_a_mesh_whose_port_is_closed_is_taken_back(mesh: Net) -> None:
    mesh.up_on("eth1")
    for host in mesh.hosts:
        host.write("link.next", host.mesh())
        host.at("iptables", "-I", "INPUT", "-p", "udp", "--dport", str(PORT), "-j", "DROP")
    mesh.switch()
    assert [host.result() for host in mesh.hosts] == ["back"] * 3
    for host in mesh.hosts:
        host.program("check")
