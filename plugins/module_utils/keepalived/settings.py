# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a role's settings to the finished data of one keepalived.conf. Pure.

Sources: keepalived.conf(5) and keepalived/vrrp/vrrp.c of keepalived 2.2.7 and 2.4.3.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError

#: What a keepalived must be to know an option; the first release whose parser has it (keepalived/vrrp/vrrp_parser.c).
INTRODUCED: Mapping[str, Tuple[int, ...]] = {"auth_hmac": (2, 4, 0)}
#: vrrp.c: 255 means that the node owns the address, and then track scripts with a weight are ignored; 0 says "I leave".
PRIORITIES = range(1, 255)
#: A VRRPv3 packet holds the interval as 12 bits of centiseconds.
LONGEST_INTERVAL_V3 = 40.95
#: Bytes of an HMAC key as auth_hmac takes them.
HMAC_KEY_BYTES = (32, 64)


def finished_settings(settings: Mapping[str, Any], installed_version: Optional[str]) -> Dict[str, Any]:
    """What the template needs and the settings don't say outright: weight, addresses by family, authentication.

    :param settings: the role's settings without their prefix.
    :param installed_version: keepalived's version, None where it is not known yet.
    :raises SettingError: the first setting that keepalived would misread or silently ignore.
    """
    priority = _priority("keepalived_priority", settings["priority"])
    priorities = [_priority("keepalived_priorities", other) for other in settings["priorities"]] + [priority]
    preempt = bool(settings["preempt"])
    addresses, excluded = _addresses(settings["virtual_addresses"])
    return {
        "weight": check_weight(settings["check_weight"], priorities, preempt),
        "advert_interval": _advert_interval(settings["advert_interval"], int(settings["vrrp_version"])),
        "addresses": addresses,
        "excluded_addresses": excluded,
        "peers": _peers(settings["peers"], settings["source"]),
        "hmac": _authentication(settings, installed_version),
    }


def check_weight(wanted: object, priorities: List[int], preempt: bool) -> int:
    """What a failing check adds to the priority.

    With preemption it is negative and larger than the widest gap, so that a node with a dead API always ranks below one whose API
    lives, and so that, when none lives (before the first ``kubeadm init``), the first of them still holds the address.
    Without preemption it is 0: a backup that must not preempt ignores a falling priority (vrrp.c, vrrp_state_backup), so a failing
    check has to put the holder into the FAULT state.
    """
    if not preempt:
        if wanted not in ("", None, 0, "0"):
            raise SettingError(
                "keepalived_check_weight",
                "without preemption a backup ignores a falling priority, so the address would stay on a node whose API is dead",
                "leave it empty (keepalived then takes the address off such a node), or set keepalived_preempt: true",
            )
        return 0
    gap = max(priorities) - min(priorities)
    try:
        weight = -(gap + 1) if wanted in ("", None) else int(str(wanted))
    except ValueError:
        raise SettingError("keepalived_check_weight", "%r is no number" % wanted, "write a number like %d" % -(gap + 1))
    if -weight <= gap:
        raise SettingError(
            "keepalived_check_weight",
            "with %d a failing check does not bring the highest priority (%d) below the lowest (%d)"
            % (weight, max(priorities), min(priorities)),
            "leave it empty, or write %d or less" % -(gap + 1),
        )
    if min(priorities) + weight < PRIORITIES[0]:
        raise SettingError(
            "keepalived_priority",
            "with the weight %d a failing check would bring the lowest priority (%d) below 1" % (weight, min(priorities)),
            "raise all priorities, or bring them closer together",
        )
    return weight


def version_numbers(version: str) -> Tuple[int, ...]:
    """``2.2.7`` (and what a distribution makes of it) as numbers that compare."""
    return tuple(int(number) for number in re.findall(r"[0-9]{1,9}", version.partition("-")[0])[:3])


def _priority(setting: str, value: object) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    if number not in PRIORITIES:
        raise SettingError(
            setting, "%r is no priority (with 255 the address is the node's own)" % value, "write a number from 1 to 254"
        )
    return number


def _advert_interval(value: object, vrrp_version: int) -> str:
    try:
        seconds = float(str(value))
    except ValueError:
        seconds = 0.0
    if seconds < 0.01 or seconds > 255:
        raise SettingError("keepalived_advert_interval", "%r is no interval" % value, "write seconds, such as 1 or 0.5")
    if vrrp_version == 2 and seconds != int(seconds):
        raise SettingError(
            "keepalived_advert_interval",
            "VRRP version 2 counts whole seconds, and keepalived would round %s" % value,
            "write a whole number, or keepalived_vrrp_version: 3",
        )
    if vrrp_version == 3 and seconds > LONGEST_INTERVAL_V3:
        raise SettingError(
            "keepalived_advert_interval", "VRRP version 3 has room for %s s at most" % LONGEST_INTERVAL_V3, "write a smaller number"
        )
    return "%g" % seconds


def _addresses(wanted: List[object]) -> Tuple[List[str], List[str]]:
    if not wanted:
        raise SettingError("keepalived_virtual_addresses", "it is empty", "name the address to keep, or set cluster_vip")
    found: List[Tuple[int, str]] = []
    for text in wanted:
        try:
            interface = ipaddress.ip_interface(str(text))
        except ValueError as error:
            raise SettingError("keepalived_virtual_addresses", str(error), "write it as 192.0.2.100 or 192.0.2.100/24")
        found.append((interface.version, interface.with_prefixlen))
    # One VRRP instance advertises one family; addresses of the other move with it (virtual_ipaddress_excluded).
    first = found[0][0]
    return [text for version, text in found if version == first], [text for version, text in found if version != first]


def _peers(peers: List[object], source: object) -> List[str]:
    addresses = []
    for peer in peers:
        try:
            address = ipaddress.ip_address(str(peer))
        except ValueError:
            raise SettingError("keepalived_peers", "%r is no address" % peer, "write the addresses of the other nodes")
        if str(peer) != str(source):
            addresses.append(str(address))
    try:
        family = ipaddress.ip_address(str(source)).version
    except ValueError:
        raise SettingError("keepalived_source", "%r is no address" % source, "write the node's own address in the VIP's segment")
    for text in addresses:
        if ipaddress.ip_address(text).version != family:
            raise SettingError(
                "keepalived_peers",
                "%s and keepalived_source %s are of different families" % (text, source),
                "use one family for VRRP",
            )
    return addresses


def _authentication(settings: Mapping[str, Any], installed_version: Optional[str]) -> bool:
    if settings["authentication"] != "hmac":
        return False
    if installed_version and version_numbers(installed_version) < INTRODUCED["auth_hmac"]:
        raise SettingError(
            "keepalived_authentication",
            "keepalived %s is installed, and hmac needs 2.4.0" % installed_version,
            "set it to none and let a firewall pass VRRP (protocol 112) between the control planes only",
        )
    if not settings["peers"]:
        raise SettingError(
            "keepalived_authentication", "there are no keepalived_peers", "set it to none: there is nobody to talk to"
        )
    key = str(settings["hmac_key"])
    if not HMAC_KEY_BYTES[0] <= len(key.encode("utf-8")) <= HMAC_KEY_BYTES[1] or not re.fullmatch(r"[!-~]+", key):
        raise SettingError(
            "keepalived_hmac_key",
            "it has to be %d to %d printable characters without a space" % HMAC_KEY_BYTES,
            "make one with `openssl rand -hex 32` and keep it in a vault",
        )
    return True
