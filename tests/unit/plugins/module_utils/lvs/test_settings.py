# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a director's settings come to, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.lvs.settings import finished_settings

RIGHT: "dict[str, Any]" = {
    "mode": "dr",
    "virtual_address": "192.0.2.100",
    "gateway": "",
    "services": [{"port": 8443, "check": "readyz"}],
    "real_servers": [{"name": "lb1", "address": "192.0.2.31"}, {"name": "lb2", "address": "192.0.2.32", "weight": 7}],
    "scheduler": "wlc",
    "weight": 100,
    "idle_timeout": 14400,
    "sync_id": 51,
    "peer_mac_addresses": [],
}


def finished(**given: Any) -> "dict[str, Any]":
    return finished_settings({**RIGHT, **given})


def test_every_service_has_every_real_server_with_its_weight() -> None:
    data = finished(services=[{"port": 6443}, {"port": 9345, "check": "tcp"}])
    assert [(service["port"], service["check"]) for service in data["services"]] == [(6443, "readyz"), (9345, "tcp")]
    for service in data["services"]:
        assert [(one["address"], one["weight"]) for one in service["real_servers"]] == [("192.0.2.31", 100), ("192.0.2.32", 7)]


def test_the_schedulers_module_is_loaded_beside_ip_vs() -> None:
    assert finished(scheduler="sed")["modules"] == ["ip_vs", "ip_vs_sed"]


def test_services_are_told_by_marks_only_where_peers_are_known_by_their_macs() -> None:
    two = [{"port": 6443}, {"port": 9345, "check": "tcp"}]
    assert [one["mark"] for one in finished(services=two)["services"]] == [None, None]
    marked = finished(services=two, peer_mac_addresses=["52:54:00:AA:00:01"])
    assert [one["mark"] for one in marked["services"]] == [0x31, 0x32]
    assert marked["peer_mac_addresses"] == ["52:54:00:aa:00:01"]


def test_nat_moves_two_addresses_together() -> None:
    data = finished(mode="nat", gateway="192.0.2.99")
    assert (data["method"], data["virtual_addresses"]) == ("NAT", ["192.0.2.100", "192.0.2.99"])


@pytest.mark.parametrize(
    ("given", "setting", "words"),
    [
        ({"virtual_address": ""}, "lvs_virtual_address", "no IP address"),
        ({"mode": "tun"}, "lvs_mode", "dr or nat"),
        ({"scheduler": "leastconn"}, "lvs_scheduler", "write wlc"),
        ({"mode": "nat"}, "lvs_gateway", "default route"),
        ({"mode": "nat", "gateway": "fd00::1"}, "lvs_gateway", "another family"),
        ({"gateway": "192.0.2.99"}, "lvs_gateway", "nobody uses it"),
        ({"idle_timeout": 900}, "lvs_idle_timeout", "kubectl exec"),
        ({"sync_id": 256}, "lvs_sync_id", "0 to 255"),
        ({"peer_mac_addresses": ["dir2"]}, "lvs_peer_mac_addresses", "52:54"),
        ({"services": []}, "lvs_services", "it is empty"),
        ({"services": [{"port": 0}]}, "lvs_services", "no TCP port"),
        ({"services": [{"port": 6443}, {"port": 6443, "check": "tcp"}]}, "lvs_services", "twice"),
        ({"services": [{"port": 6443, "check": "http"}]}, "lvs_services", "readyz, ssl, tcp"),
        ({"real_servers": []}, "lvs_real_servers", "it is empty"),
        ({"real_servers": [{"name": "a", "address": "fd00::1"}]}, "lvs_real_servers", "another family"),
        ({"real_servers": [{"name": "a", "address": "192.0.2.100"}]}, "lvs_real_servers", "the virtual address itself"),
        ({"real_servers": [{"name": "a", "address": "192.0.2.31"}] * 2}, "lvs_real_servers", "twice"),
        ({"real_servers": [{"name": "a", "address": "192.0.2.31", "weight": 0}]}, "lvs_weight", "take it out"),
    ],
)
def test_what_would_have_no_effect_or_another_one_is_refused(given: "dict[str, Any]", setting: str, words: str) -> None:
    with pytest.raises(SettingError) as refused:
        finished(**given)
    assert refused.value.setting == setting
    assert words in str(refused.value)
