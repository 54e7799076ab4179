# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Address arithmetic; sources: shared facts sections 1.3 and 5, which name kubeadm's validation.go and constants.go."""

from __future__ import annotations

import ipaddress
import itertools

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network import addresses
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import NamedNetwork, NetworkError
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("10.244.0.0/16", True),
        ("172.31.0.0/16", True),
        ("172.32.0.0/16", False),
        ("192.168.0.0/16", True),
        ("100.64.0.0/10", True),
        ("100.0.0.0/8", False),
        ("8.0.0.0/7", False),
        ("fd00:10:244::/56", True),
        ("2001:db8::/56", False),
    ],
)
def test_private_space_ends_where_the_rfcs_say(text: str, private: bool) -> None:
    assert addresses.is_private(addresses.parse_network(text)) is private


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("10.244.0.0", "no prefix length"),
        ("10.244.0.0/255.255.0.0", "prefix lengths alone"),
        ("10.244.0.1/16", "write 10.244.0.0/16"),
        ("10.244.0.0/33", "is not a network"),
        ("pods", "no prefix length"),
        ("a/b", "is not a network"),
    ],
)
def test_what_is_no_network_is_said_with_what_to_write(text: str, words: str) -> None:
    with pytest.raises(NetworkError, match=words):
        addresses.parse_network(text)


def test_a_list_of_networks_may_have_spaces_and_ends_anywhere() -> None:
    assert [str(network) for network in addresses.parse_networks("10.244.0.0/16, fd00::/56,")] == ["10.244.0.0/16", "fd00::/56"]
    assert addresses.parse_networks("") == []


networks = st.builds(
    lambda number, prefix: ipaddress.ip_network((number >> (32 - prefix) << (32 - prefix), prefix)),
    st.integers(0, 2**32 - 1),
    st.integers(1, 32),
)


@given(st.lists(st.tuples(networks, st.booleans()), max_size=12))
def test_overlaps_finds_exactly_the_networks_that_touch_an_own_one(drawn: list) -> None:
    named = [NamedNetwork("n%d" % index, network, own) for index, (network, own) in enumerate(drawn)]
    expected = set()
    for left, right in itertools.combinations(named, 2):
        if left.network.overlaps(right.network) and (left.own or right.own):
            expected |= {left.name, right.name}
    found = {name for overlap in addresses.overlaps(named) for name in (overlap.outer.name, overlap.inner.name)}
    assert found <= expected
    assert bool(found) is bool(expected)
    for overlap in addresses.overlaps(named):
        assert overlap.outer.network.overlaps(overlap.inner.network)
        assert overlap.outer.own or overlap.inner.own


def test_networks_of_both_families_are_never_compared() -> None:
    both = [NamedNetwork(text, addresses.parse_network(text), True) for text in ("0.0.0.0/0", "::/0")]
    assert addresses.overlaps(both) == []


def test_a_foreign_network_around_two_own_ones_is_reported_for_both() -> None:
    found = addresses.overlaps(
        [
            NamedNetwork("pods", addresses.parse_network("10.244.0.0/16"), True),
            NamedNetwork("services", addresses.parse_network("10.96.0.0/16"), True),
            NamedNetwork("office", addresses.parse_network("10.0.0.0/8")),
        ]
    )
    assert [(overlap.outer.name, overlap.inner.name) for overlap in found] == [("office", "services"), ("office", "pods")]


def test_service_and_dns_take_the_first_and_the_tenth_address() -> None:
    network = addresses.parse_network("10.96.0.0/16")
    assert (str(addresses.service_address(network)), str(addresses.dns_address(network))) == ("10.96.0.1", "10.96.0.10")


@pytest.mark.parametrize(
    ("subnet", "mask", "nodes"),
    [("10.244.0.0/16", 24, 256), ("10.244.0.0/24", 24, 1), ("10.244.0.0/24", 20, 0), ("fd00::/56", 64, 256)],
)
def test_a_pod_subnet_feeds_as_many_nodes_as_masks_fit(subnet: str, mask: int, nodes: int) -> None:
    assert addresses.node_capacity(addresses.parse_network(subnet), mask) == nodes


def test_a_24_holds_more_pods_than_the_kubelets_110_and_a_26_fewer() -> None:
    assert addresses.pods_per_node(24, 4) == 253
    assert addresses.pods_per_node(26, 4) == 61


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("10.0.0.1:8443", ("10.0.0.1", "8443")),
        ("api.example.org", ("api.example.org", None)),
        ("[fd00::1]:6443", ("fd00::1", "6443")),
        ("[fd00::1]", ("fd00::1", None)),
        ("fd00::1", ("fd00::1", None)),
        ("a:b:c", ("a:b", "c")),
    ],
)
def test_an_endpoint_falls_apart_into_host_and_port(text: str, parts: tuple) -> None:
    assert addresses.split_endpoint(text) == parts


def test_an_endpoint_of_an_ipv6_address_has_brackets() -> None:
    assert addresses.join_endpoint("fd00::1", 6443) == "[fd00::1]:6443"
    assert addresses.join_endpoint("10.0.0.1", 6443) == "10.0.0.1:6443"


def test_a_single_address_is_no_segment() -> None:
    vip = ipaddress.ip_address("10.0.0.100")
    assert addresses.same_segment(vip, [addresses.parse_network("10.0.0.100/32")]) is None
    assert str(addresses.same_segment(vip, [addresses.parse_network("10.0.0.0/24")])) == "10.0.0.0/24"


@pytest.mark.parametrize(("address", "usable"), [("10.0.0.0", False), ("10.0.0.255", False), ("10.0.0.7", True)])
def test_the_networks_own_and_the_broadcast_address_are_no_host(address: str, usable: bool) -> None:
    assert addresses.is_host_address(ipaddress.ip_address(address), addresses.parse_network("10.0.0.0/24")) is usable
