from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.keepalived.settings import (
    check_weight,
    finished_settings,
    version_numbers,
)

SETTINGS: Dict[str, Any] = {
    "priority": 150,
    "priorities": [150, 140, 130],
    "preempt": True,
    "vrrp_version": 3,
    "advert_interval": "1",
    "virtual_addresses": ["192.0.2.100"],
    "source": "192.0.2.11",
    "peers": ["192.0.2.12", "192.0.2.13"],
    "authentication": "none",
    "hmac_key": "",
    "check_weight": "",
}


def refusal(**given: Any) -> str:
    with pytest.raises(SettingError) as caught:
        finished_settings(dict(SETTINGS, **given), None)
    return str(caught.value)


def test_the_weight_is_larger_than_the_widest_gap() -> None:
    assert check_weight("", [150, 140, 130], True) == -21


def test_equal_priorities_still_get_a_weight() -> None:
    assert check_weight("", [100], True) == -1


def test_a_weight_of_minus_2_between_100_90_and_80_is_refused() -> None:
    # facts.md 4.2: the address would stay on a node whose API is dead.
    with pytest.raises(SettingError, match="does not bring the highest priority"):
        check_weight("-2", [100, 90, 80], True)


def test_a_weight_of_minus_2_between_101_and_100_is_enough() -> None:
    assert check_weight(-2, [101, 100], True) == -2


def test_a_positive_weight_is_refused() -> None:
    with pytest.raises(SettingError):
        check_weight(50, [101, 100], True)


def test_priorities_may_not_fall_below_1() -> None:
    with pytest.raises(SettingError, match="below 1"):
        check_weight("", [20, 1], True)


def test_without_preemption_only_a_fault_moves_the_address() -> None:
    assert check_weight("", [150, 100], False) == 0
    with pytest.raises(SettingError, match="ignores a falling priority"):
        check_weight(-60, [150, 100], False)


def test_an_address_without_prefix_is_that_address_alone() -> None:
    assert finished_settings(SETTINGS, None)["addresses"] == ["192.0.2.100/32"]


def test_addresses_of_the_other_family_move_along() -> None:
    finished = finished_settings(dict(SETTINGS, virtual_addresses=["192.0.2.100/24", "2001:db8::100"]), None)
    assert (finished["addresses"], finished["excluded_addresses"]) == (["192.0.2.100/24"], ["2001:db8::100/128"])


def test_a_node_is_not_its_own_peer() -> None:
    assert finished_settings(dict(SETTINGS, peers=["192.0.2.11", "192.0.2.12"]), None)["peers"] == ["192.0.2.12"]


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"priority": 255}, "the address is the node's own"),
        ({"priority": 0}, "1 to 254"),
        ({"virtual_addresses": []}, "it is empty"),
        ({"virtual_addresses": ["192.0.2.300"]}, "keepalived_virtual_addresses"),
        ({"peers": ["cp2"]}, "'cp2' is no address"),
        ({"peers": ["2001:db8::2"]}, "different families"),
        ({"source": ""}, "keepalived_source"),
        ({"advert_interval": "0.5", "vrrp_version": 2}, "whole seconds"),
        ({"advert_interval": "60"}, "40.95"),
        ({"advert_interval": "soon"}, "no interval"),
        ({"check_weight": "lots"}, "no number"),
        ({"authentication": "hmac", "hmac_key": "short"}, "32 to 64"),
        ({"authentication": "hmac", "hmac_key": "k" * 32, "peers": []}, "nobody to talk to"),
    ],
)
def test_what_keepalived_would_misread_is_refused_by_name(given: Dict[str, Any], part: str) -> None:
    assert part in refusal(**given)


def test_fractions_of_a_second_are_kept_in_version_3() -> None:
    assert finished_settings(dict(SETTINGS, advert_interval="0.50"), None)["advert_interval"] == "0.5"


@pytest.mark.parametrize(("text", "numbers"), [("2.2.7", (2, 2, 7)), ("2.4.3-1+b1", (2, 4, 3)), ("2.4", (2, 4))])
def test_distribution_suffixes_are_no_part_of_the_version(text: str, numbers: "tuple[int, ...]") -> None:
    assert version_numbers(text) == numbers
