# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container can't show: two servers with a kernel of their own, two cards, swap, and real boots.

The tests go on from each other's state, in the order of the file.
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator

import pytest
from server import HERE, REPOSITORY, Server, changes, play, reboot

from stand_ins import collection_with  # isort: skip

ROLES = str(HERE / "servers_roles.yml")
UNITS = ("kubernetes-interconnect", "kubernetes-return-routes", "chrony", "iscsid", "kubernetes-hardware-watch.timer")
MODULES = {"overlay", "br_netfilter", "ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh", "nf_conntrack", "iscsi_tcp", "dm_crypt"}
#: A swap file, as an installer leaves it; and the wait for the network, which other machines of the lab do without.
AS_DELIVERED = """
dd if=/dev/zero of=/swapfile bs=1M count=64 status=none && chmod 0600 /swapfile && mkswap -q /swapfile
echo '/swapfile none swap sw 0 0' >> /etc/fstab && systemctl daemon-reload && swapon -a
systemctl unmask systemd-networkd-wait-online && systemctl enable systemd-networkd-wait-online
systemctl enable --now containerd
"""
#: In the place of modules that ask a cluster, since these servers have none.
ANSWERS = {
    "topology_check": {
        "plan": {
            "summary": "",
            "host_groups": [],
            "api_host": "server1",
            "external_etcd": {"endpoints": []},
            "endpoint": "10.20.0.11:6443",
            "node_names": ["server1", "server2"],
        }
    },
    "upgrade_info": {"cluster": {"nodes": {}, "local_volumes": []}},
    "etcd_snapshot": {"changed": True, "path": "/snapshot", "snapshot": {"revision": 1}},
    "cluster_health": {"healthy": True},
    "node_drain": {"changed": True},
}
BEHAVIOUR = f"""
def behave(host, given, check_mode, result):
    result.update({ANSWERS!r}[NAME])
    with open(os.path.join(FOLDER, "calls"), "a") as stream:
        print(host, NAME, given.get("name", ""), given["state"] if NAME == "node_drain" else "", file=stream)
"""


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Server]]:
    both = [Server("server1", "10.89.94.11"), Server("server2", "10.89.94.12")]
    try:
        for server in both:
            server.start(processors=1, memory=1024)
        for server in both:
            server.wait()
        yield both
    finally:
        for server in both:
            server.remove()


def interconnect(kind: str) -> str:
    return play("servers.yml", "baremetal.kubernetes.interconnect", interconnect_type=kind)


def reach_each_other(both: list[Server]) -> None:
    both[0].run("ping -q -c 3 -W 2 10.20.0.12")
    both[1].run("ping -q -c 3 -W 2 10.20.0.11")


def test_a_vlan_and_what_the_roles_bring_come_up_and_stay(servers: list[Server]) -> None:
    for server in servers:
        server.run(AS_DELIVERED)
        assert "/swapfile" in server.run("swapon --show")
    assert changes(interconnect("vlan")) > 0
    assert changes(interconnect("vlan")) == 0
    reach_each_other(servers)
    assert changes(play("servers.yml", ROLES)) > 0
    assert changes(play("servers.yml", ROLES)) == 0


def test_they_are_there_after_a_boot(servers: list[Server]) -> None:
    reboot(servers)
    for server in servers:
        # Each of its own accord, and nothing failed on the way.
        for unit in UNITS:
            assert server.run(f"systemctl is-active {unit}", check=False) == "active", unit
        assert server.run("systemctl --failed --plain --no-legend") == ""
        began = server.run("systemctl show --value -p ActiveEnterTimestampMonotonic kubernetes-interconnect containerd").split()
        assert int(began[0]) < int(began[1]), "the runtime started before there was the nodes' network"
        assert "vlan protocol 802.1Q id 4000" in server.run("ip -details link show dev vlan4000")
        assert server.run("swapon --show") == ""
        assert set(server.run("cut -d' ' -f1 /proc/modules").split()) >= MODULES
        assert server.run("sysctl -n net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables kernel.panic") == "1\n1\n10"
        assert "default via 10.89.94.1 dev eth0" in server.run("ip route show table 200")
        assert "from 203.0.113.8/29 lookup 200" in server.run("ip rule show")
        assert "kubernetes_return_routes" in server.run("nft list tables")
        assert server.run("sysctl -n net.ipv4.conf.eth0.rp_filter") == "2"
    reach_each_other(servers)
    assert changes(interconnect("vlan")) == 0
    assert changes(play("servers.yml", ROLES)) == 0


def test_the_routes_outlive_a_restart_of_the_network(servers: list[Server]) -> None:
    servers[0].run("systemctl restart systemd-networkd && sleep 5")
    assert "from 203.0.113.8/29 lookup 200" in servers[0].run("ip rule show")
    assert "default via 10.89.94.1" in servers[0].run("ip route show table 200")
    reach_each_other(servers)


def test_wireguard_takes_the_place_of_the_vlan_and_is_there_after_a_boot(servers: list[Server]) -> None:
    assert changes(interconnect("wireguard")) > 0
    assert changes(interconnect("wireguard")) == 0
    for boots in (False, True):
        if boots:
            reboot(servers)
        reach_each_other(servers)
        for server in servers:
            # The kernel's own, and not a program in its place.
            assert "wireguard" in server.run("ip -details link show dev wg0")
            assert int(server.run("wg show wg0 latest-handshakes").split()[-1]) > 0
            assert "does not exist" in server.run("ip link show dev vlan4000 2>&1", check=False)
            # The computed size fits, and a byte more does not.
            other = "10.20.0.12" if server is servers[0] else "10.20.0.11"
            server.run(f"ping -q -M do -s {1440 - 28} -c 1 -W 2 {other}")
            assert "message too long" in server.run(f"ping -M do -s {1440 - 27} -c 1 -W 2 {other} 2>&1", check=False)
    assert changes(interconnect("wireguard")) == 0


def test_members_of_a_cluster_exchange_it_at_one_moment_while_it_is_used(servers: list[Server]) -> None:
    for server in servers:
        # By this file the collection knows a node.
        server.run("mkdir -p /etc/kubernetes && touch /etc/kubernetes/kubelet.conf")
    servers[0].run("systemd-run --unit=lab-ping --service-type=exec sh -c 'ping -q -i 0.2 10.20.0.12 > /run/ping'")
    assert changes(interconnect("vlan")) > 0
    servers[0].run("systemctl kill --signal=INT lab-ping; sleep 2")
    said = servers[0].run("cat /run/ping")
    sent, received = (int(number) for number in re.findall(r"(\d+) packets transmitted, (\d+) received", said)[0])
    print(f"{received} of {sent} pings were answered")
    # At five in a second: two seconds without the link, on processors that are emulated.
    assert sent - received <= 10
    assert changes(interconnect("vlan")) == 0
    reach_each_other(servers)
    for server in servers:
        assert "does not exist" in server.run("ip link show dev wg0 2>&1", check=False)
        assert "vlan protocol 802.1Q id 4000" in server.run("ip -details link show dev vlan4000")


def test_a_server_is_emptied_upgraded_started_anew_and_opened_in_this_order(servers: list[Server], tmp_path: pathlib.Path) -> None:
    collections, worker = collection_with(tmp_path, tuple(ANSWERS), BEHAVIOUR), servers[1]
    worker.run(REPOSITORY)
    servers[0].run("rm -f /etc/apt/sources.list")
    before = [server.boot for server in servers]
    said = play("servers.yml", "baremetal.kubernetes.upgrade_os", collections)
    assert "server2: 1 packages; no reboot needed before" in said and "server1: 0 packages" in said
    assert worker.run("dpkg-query --show --showformat '${Version}' lab-news") == "2.0"
    assert servers[0].boot == before[0] and worker.boot not in ("", before[1])
    assert worker.run("test -e /run/reboot-required || echo gone") == "gone"
    calls = [line.strip() for line in (tmp_path / "calls").read_text().splitlines()]
    assert calls[calls.index("server1 etcd_snapshot") :] == [
        "server1 etcd_snapshot",
        "server2 cluster_health",
        "server2 node_drain server2 drained",
        "server2 cluster_health",
        "server2 node_drain server2 uncordoned",
        "server2 cluster_health",
    ]
    assert changes(play("servers.yml", "baremetal.kubernetes.upgrade_os", collections)) == 0
