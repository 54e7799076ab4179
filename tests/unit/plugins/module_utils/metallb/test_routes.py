# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts of return routes, and entries that the kernel would refuse or that would send answers elsewhere."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.metallb import routes

BLOCK = {"addresses": ["203.0.113.8/29"], "interface": "eno2", "gateway": "203.0.113.9"}


def made(*entries: Dict[str, Any]) -> List[routes.ReturnRoute]:
    return routes.return_routes([dict(BLOCK, **entry) for entry in entries])


def test_a_block_gets_a_table_a_mark_and_rules_that_can_be_found_again() -> None:
    text = routes.files(made({}))["/etc/kubernetes-return-routes/ipv4"].splitlines()
    assert text == [
        "rule flush protocol 178",
        "route replace default via 203.0.113.9 dev eno2 table 200 protocol 178",
        "rule add fwmark 0x1000/0x3000 lookup 200 priority 1001 protocol 178",
        "rule add from 203.0.113.8/29 lookup main suppress_prefixlength 0 priority 1000 protocol 178",
        "rule add from 203.0.113.8/29 lookup 200 priority 1001 protocol 178",
    ]


def test_each_way_has_its_own_table_and_mark_and_families_do_not_mix() -> None:
    six = {"addresses": ["2001:db8:1::/64"], "gateway": "2001:db8:1::1", "interface": "eno3"}
    found = made({}, six)
    assert [(route.table, route.mark) for route in found] == [(200, 0x1000), (201, 0x2000)]
    texts = routes.files(found)
    assert "2001:db8" not in texts["/etc/kubernetes-return-routes/ipv4"]
    assert "fwmark 0x2000/0x3000 lookup 201" in texts["/etc/kubernetes-return-routes/ipv6"]
    assert 'iifname "eno3" ip6 daddr { 2001:db8:1::/64 }' in texts["/etc/kubernetes-return-routes/marks.nft"]
    # IPv6 has no reverse path filter by sysctl.
    assert routes.sysctls(found) == {"net.ipv4.conf.eno2.rp_filter": "2"}


def test_the_marks_leave_the_other_bits_alone() -> None:
    text = routes.marks(made({}))
    assert "ct mark set ct mark and 0xffffcfff or 0x00001000" in text
    for bits in (0x4000, 0x8000, 0x0F00, 0xFFFF0000):
        assert routes.MASK & bits == 0


def test_an_interface_with_a_dot_in_its_name_has_its_own_sysctl() -> None:
    assert routes.sysctls(made({"interface": "eno2.100"})) == {"net.ipv4.conf.eno2/100.rp_filter": "2"}


def test_without_ways_out_all_that_was_there_goes() -> None:
    texts = routes.files([])
    assert texts["/etc/kubernetes-return-routes/ipv4"] == "rule flush protocol 178\n"
    assert texts["/etc/kubernetes-return-routes/marks.nft"].splitlines()[-1] == "delete table inet kubernetes_return_routes"


@pytest.mark.parametrize(
    "setting, words, entry",
    [
        ("[1].addresses", "host bits", {"addresses": ["203.0.113.9/29"]}),
        ("[1].addresses", "no address is named", {"addresses": []}),
        ("[1].gateway", "no IP address", {"gateway": "gw"}),
        ("[1].gateway", "another family", {"gateway": "2001:db8::1"}),
        ("[1].interface", "no name of an interface", {"interface": "eno2; reboot"}),
        ("[1].table", "kernel's own", {"table": 254}),
    ],
)
def test_what_would_send_answers_elsewhere_is_refused(setting: str, words: str, entry: Dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=words) as caught:
        made(entry)
    assert caught.value.setting == routes.SETTING + setting


def test_more_ways_than_marks_and_two_of_one_table_are_refused() -> None:
    with pytest.raises(SettingError, match="tell 3 apart"):
        made({}, {}, {}, {})
    with pytest.raises(SettingError, match="two have the table 300"):
        made({"table": 300}, {"table": 300})
