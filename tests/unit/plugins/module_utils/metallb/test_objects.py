# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MetalLB's objects, and settings that it would refuse or never serve."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.metallb.objects import metallb_data

PUBLIC = {"name": "public", "addresses": ["203.0.113.8/30"]}
TOR = {"name": "tor", "address": "192.0.2.1", "my_as": 64512, "peer_as": 64511}


def made(pools: List[Dict[str, Any]], peers: List[Dict[str, Any]] = [], **given: Any) -> Dict[str, Any]:  # noqa: B006
    plain: Dict[str, Any] = {"load_balancer_class": "", "ignore_exclude_label": False, "bgp_backend": "frr-k8s", "values": {}}
    return metallb_data(dict(plain, address_pools=pools, bgp_peers=peers, **given))


def kinds(data: Dict[str, Any]) -> List[str]:
    return [one["kind"] for one in data["objects"]]


def test_a_pool_of_a_segment_is_announced_by_arp() -> None:
    data = made([dict(PUBLIC, interfaces=["eno2"], nodes=["cp1"])])
    assert kinds(data) == ["IPAddressPool", "L2Advertisement"]
    assert data["objects"][0]["spec"] == {"addresses": ["203.0.113.8/30"], "autoAssign": True}
    assert data["objects"][1]["spec"] == {
        "ipAddressPools": ["public"],
        "interfaces": ["eno2"],
        "nodeSelectors": [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["cp1"]}]}],
    }


def test_a_pool_that_the_provider_routes_is_announced_by_nobody() -> None:
    assert kinds(made([dict(PUBLIC, advertise="routed")])) == ["IPAddressPool"]


def test_a_pool_by_bgp_has_peers_whose_passwords_are_secrets() -> None:
    data = made([dict(PUBLIC, advertise="bgp")], [dict(TOR, password="hunter2"), dict(TOR, name="tor2", address="2001:db8::1")])
    assert kinds(data) == ["IPAddressPool", "BGPAdvertisement", "BGPPeer", "BGPPeer"]
    assert data["objects"][2]["spec"]["passwordSecret"] == {"name": "bgp-tor", "namespace": "metallb-system"}
    assert "hunter2" not in str(data["objects"])
    assert [one["metadata"]["name"] for one in data["secrets"]] == ["bgp-tor"]
    assert data["secrets"][0]["type"] == "kubernetes.io/basic-auth"


def test_the_chart_brings_what_speaks_bgp_only_where_somebody_does() -> None:
    assert made([PUBLIC])["values"]["frrk8s"] == {"enabled": False}
    assert made([dict(PUBLIC, advertise="bgp")], [TOR])["values"]["frrk8s"] == {"enabled": True}
    assert made([dict(PUBLIC, advertise="bgp")], [TOR], bgp_backend="native")["values"]["frrk8s"] == {"enabled": False}


def test_control_planes_announce_where_they_are_told_to() -> None:
    assert made([PUBLIC])["values"]["speaker"]["ignoreExcludeLB"] is False
    values = made([PUBLIC], ignore_exclude_label=True, values={"speaker": {"logLevel": "debug"}})["values"]
    assert values["speaker"] == {"ignoreExcludeLB": True, "frr": {"enabled": False}, "logLevel": "debug"}


@pytest.mark.parametrize(
    "setting, words, pools",
    [
        ("metallb_address_pools[1].addresses", "without a prefix length", [dict(PUBLIC, addresses=["203.0.113.8"])]),
        ("metallb_address_pools[1].addresses", "host bits", [dict(PUBLIC, addresses=["203.0.113.9/30"])]),
        ("metallb_address_pools[1].addresses", "a first and a last", [dict(PUBLIC, addresses=["203.0.113.9-203.0.113.8"])]),
        ("metallb_address_pools[1].addresses", "empty", [dict(PUBLIC, addresses=[])]),
        ("metallb_address_pools[1].advertise", "no way to announce", [dict(PUBLIC, advertise="arp")]),
        ("metallb_address_pools[1].interfaces", "only advertise: l2", [dict(PUBLIC, advertise="routed", interfaces=["eth0"])]),
        ("metallb_address_pools", "can't name an object", [dict(PUBLIC, name="Public_1")]),
        ("metallb_address_pools", "two are called", [PUBLIC, dict(PUBLIC, addresses=["198.51.100.0/30"])]),
        (
            "metallb_address_pools",
            "share addresses .203.0.113.10 to 203.0.113.11.",
            [PUBLIC, {"name": "b", "addresses": ["203.0.113.10-203.0.113.20"]}],
        ),
        ("metallb_bgp_peers", "no router is named", [dict(PUBLIC, advertise="bgp")]),
    ],
)
def test_what_metallb_would_refuse_or_never_serve_is_refused(setting: str, words: str, pools: List[Dict[str, Any]]) -> None:
    with pytest.raises(SettingError, match=words) as caught:
        made(pools)
    assert caught.value.setting == setting


@pytest.mark.parametrize(
    "setting, peer",
    [(".address", {"address": "tor"}), (".my_as", {"my_as": 0}), (".peer_as", {"peer_as": "AS64512"})],
)
def test_a_router_that_nobody_could_speak_to_is_refused(setting: str, peer: Dict[str, Any]) -> None:
    with pytest.raises(SettingError) as caught:
        made([dict(PUBLIC, advertise="bgp")], [dict(TOR, **peer)])
    assert caught.value.setting == "metallb_bgp_peers[1]" + setting
