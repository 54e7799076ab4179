# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The private link's sizes, ports and texts, and what would make no link."""

from __future__ import annotations

import os
import subprocess
from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.interconnect import settings as core
from ansible_collections.baremetal.kubernetes.plugins.module_utils.interconnect.link import (
    RESULT,
    LinkError,
    Now,
    Wanted,
    make_key,
    plan,
    read,
    wait_for_switch,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner, Result
from fakes import FakeRunner

MTUS = {"lo": 65536, "eno1": 1500, "eno2": 9000}
KEY = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="
PLAIN: Dict[str, Any] = {
    "type": "wireguard",
    "address": "10.20.0.11/24",
    "parent": "",
    "vlan_id": 0,
    "interface": "",
    "mtu": 0,
    "endpoint": "198.51.100.11",
    "endpoint_interface": "eno1",
    "userspace_program": "",
}


def made(others: Any = (), **given: Any) -> core.Link:
    return core.link({**PLAIN, **given}, MTUS, others)


def test_wireguard_leaves_what_its_header_leaves_on_the_narrowest_way() -> None:
    assert (made().interface, made().mtu) == ("wg0", 1440)
    assert made(endpoint="2001:db8::11").mtu == 1420
    assert made(others=[1440, 1392]).mtu == 1392


def test_a_vlan_has_its_cards_mtu_unless_the_provider_gives_less() -> None:
    vlan = made(type="vlan", parent="eno2", vlan_id=4000)
    assert (vlan.interface, vlan.mtu, vlan.parent, vlan.vlan) == ("vlan4000", 9000, "eno2", 4000)
    assert made(type="vlan", parent="eno2", vlan_id=4000, mtu=1400).mtu == 1400


def test_a_card_without_a_vlan_is_the_link_itself() -> None:
    assert made(type="untagged", parent="eno2", interface="other")[1:4] == ("eno2", "10.20.0.11/24", 9000)


@pytest.mark.parametrize(
    "setting, given",
    [
        ("interconnect_type", {"type": "vpn"}),
        ("interconnect_address", {"address": "10.20.0.11"}),
        ("interconnect_address", {"address": "10.20.0.11/32"}),
        ("interconnect_parent", {"type": "vlan", "vlan_id": 10}),
        ("interconnect_parent", {"type": "vlan", "vlan_id": 10, "parent": "eth9"}),
        ("interconnect_vlan_id", {"type": "vlan", "vlan_id": 4095, "parent": "eno2"}),
        ("interconnect_interface", {"interface": "a-name-that-is-too-long"}),
        ("interconnect_interface", {"interface": "flannel-wg"}),
        ("interconnect_mtu", {"mtu": 1500}),
        ("interconnect_mtu", {"mtu": 1200}),
        ("interconnect_endpoint", {"endpoint": "cp1.example.org"}),
    ],
)
def test_what_would_be_no_link_is_refused(setting: str, given: Dict[str, Any]) -> None:
    with pytest.raises(SettingError) as caught:
        made(**given)
    assert caught.value.setting == setting


@pytest.mark.parametrize(
    "port, cni, backend, whose",
    [
        (51820, "flannel", "wireguard", "Flannel"),
        (51821, "none", "", "Calico"),
        (51871, "cilium", "", "Cilium"),
        (8472, "flannel", "vxlan", "VXLAN"),
        (31000, "flannel", "vxlan", "NodePort"),
    ],
)
def test_a_port_that_another_program_has_is_refused(port: int, cni: str, backend: str, whose: str) -> None:
    with pytest.raises(SettingError, match=whose):
        core.check_port(port, cni, backend)


def test_ports_that_nobody_has_there_are_taken() -> None:
    assert core.check_port(51820, "flannel", "vxlan") == 51820
    assert core.check_port(51871, "flannel", "vxlan") == 51871
    assert core.check_port(51900, "none") == 51900


def test_pods_get_what_the_link_carries() -> None:
    assert core.pod_mtu(1440, "flannel") == 1440 and core.pod_mtu(1440, "flannel", "host-gw") == 0
    assert core.pod_mtu(1440, "bridge") == 1440 and core.pod_mtu(1440, "none") == 0


def test_the_peers_file_is_the_rest_of_a_wireguard_configuration() -> None:
    peers = [
        {"name": "cp3", "public_key": KEY, "endpoint": "2001:db8::13", "address": "10.20.0.13/24"},
        {"name": "cp2", "public_key": KEY, "endpoint": "198.51.100.12", "address": "10.20.0.12/24"},
    ]
    text = core.peers_text(51900, 25, peers)
    assert text.splitlines()[:6] == [
        "ListenPort = 51900",
        "",
        "# cp2",
        "[Peer]",
        "PublicKey = " + KEY,
        "Endpoint = 198.51.100.12:51900",
    ]
    assert "AllowedIPs = 10.20.0.12/32\n" in text and "Endpoint = [2001:db8::13]:51900\n" in text
    assert text.count("PersistentKeepalive = 25") == 2
    assert "Private" not in text
    with pytest.raises(SettingError, match="public key of cp2 is not known"):
        core.peers_text(51900, 0, [dict(peers[1], public_key="")])


def test_the_links_file_is_read_alike_by_a_shell_and_by_us(tmp_path: Any) -> None:
    text = core.link_text(made(type="vlan", parent="eno2", vlan_id=4000))
    assert core.parse_link(text)["VLAN"] == "4000"
    (tmp_path / "link").write_text(text)
    said = subprocess.run(
        ["sh", "-eu", "-c", '. "$1"; echo "$TYPE $INTERFACE $PARENT $VLAN $MTU $ADDRESS"', "sh", str(tmp_path / "link")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == ["vlan", "vlan4000", "eno2", "4000", "9000", "10.20.0.11/24"]


WIREGUARD = Wanted(core.link_text(made()), "ListenPort = 51900\n", ["10.20.0.12"])
VLAN = Wanted(core.link_text(made(type="vlan", parent="eno2", vlan_id=4000)), "", ["10.20.0.12"])


def now(wanted: Wanted, **given: Any) -> Now:
    return Now(wanted.link, wanted.peers, "".join(one + "\n" for one in wanted.neighbours), True, False, False)._replace(**given)


@pytest.mark.parametrize(
    "wanted, found, in_use, steps",
    [
        (WIREGUARD, Now("", "", "", False, False, False), False, ["write", "up"]),
        (WIREGUARD, now(WIREGUARD), True, []),
        (WIREGUARD, now(WIREGUARD, up=False), True, ["up"]),
        (WIREGUARD._replace(peers="ListenPort = 51901\n"), now(WIREGUARD), True, ["write", "up"]),
        (WIREGUARD._replace(link=core.link_text(made(mtu=1400))), now(WIREGUARD), True, ["write", "up"]),
        (WIREGUARD, now(VLAN), True, ["write", "switch"]),
        (VLAN, now(WIREGUARD), True, ["write", "switch"]),
        (VLAN, now(WIREGUARD), False, ["write", "replace"]),
    ],
)
def test_each_state_of_a_link_has_its_steps(wanted: Wanted, found: Now, in_use: bool, steps: Any) -> None:
    assert plan(wanted, found, in_use) == steps


def test_a_member_of_a_cluster_keeps_its_address() -> None:
    moved = WIREGUARD._replace(link=core.link_text(made(address="10.21.0.11/24")))
    with pytest.raises(LinkError, match="member of a cluster as 10.20.0.11/24"):
        plan(moved, now(WIREGUARD), True)
    assert plan(moved, now(WIREGUARD), False) == ["write", "up"]


def test_two_links_of_one_name_can_not_be_there_together() -> None:
    other = VLAN._replace(link=core.link_text(made(type="vlan", parent="eno2", vlan_id=4000, interface="wg0")))
    with pytest.raises(LinkError, match="give the new one another name"):
        plan(other, now(WIREGUARD), True)


def test_a_link_that_lost_its_address_is_not_up() -> None:
    runner = FakeRunner({core.FOLDER + "/link": WIREGUARD.link})
    assert read(runner).up is False


def test_a_key_is_made_once_stays_on_the_host_and_is_no_argument(tmp_path: Any) -> None:
    asked = []

    class Wg(HostRunner):
        def run(self, argv: Any, timeout: Any = None, stdin: Any = None, env: Any = None) -> Result:
            asked.append((list(argv), stdin))
            return Result(0, KEY + "\n" if argv[1] == "genkey" else KEY.swapcase() + "\n", "")

    path = str(tmp_path / "etc" / "private.key")
    assert make_key(Wg(), path, write=False) == ("", True) and not asked, "check mode makes nothing"
    public, made_now = make_key(Wg(), path, write=True)
    assert (public, made_now) == (KEY.swapcase(), True)
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert make_key(Wg(), path, write=True) == (public, False)
    assert all(KEY not in argv for argv, _stdin in asked) and asked[-1][1] == KEY + "\n"
    (tmp_path / "etc" / "private.key").write_text("not a key\n")
    with pytest.raises(LinkError, match="no key of WireGuard"):
        make_key(Wg(), path, write=True)


def test_the_end_of_an_exchange_is_waited_for_and_a_way_back_is_an_error() -> None:
    # Nothing was to be exchanged.
    assert wait_for_switch(FakeRunner({}), 1, sleep=lambda _seconds: None) is False
    back = FakeRunner({core.FOLDER + "/link.next": VLAN.link, RESULT: "back\n"})
    with pytest.raises(LinkError, match="went back to the earlier one"):
        wait_for_switch(back, 1, sleep=lambda _seconds: None)
