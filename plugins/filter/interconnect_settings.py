# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: interconnect_settings
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
version_added: 0.1.0
short_description: The files of a host's end of the private link
description:
  - Makes of the plan of all hosts and of their public keys what one of them needs.
positional: host, public_keys
options:
  _input:
    description: C(interconnect) of the plan that M(baremetal.kubernetes.topology_check) returns.
    type: dict
    required: true
  host:
    description: Inventory name of the host.
    type: str
    required: true
  public_keys:
    description: Inventory name to public key, for WireGuard.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show the file of this host's link
  ansible.builtin.debug:
    msg: "{{ (topology.plan.interconnect | baremetal.kubernetes.interconnect_settings(inventory_hostname)).link }}"
"""

RETURN = r"""
_value:
  description: C(link) and C(peers), texts, and C(neighbours), the other hosts' addresses.
  type: dict
"""

import ipaddress
from typing import Any, Callable, Dict, Mapping, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.interconnect.settings import Link, link_text, peers_text
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


@refuses(SettingError)
def interconnect_settings(
    plan: Mapping[str, Mapping[str, Any]], host: str, public_keys: Optional[Mapping[str, str]] = None
) -> Dict[str, Any]:
    """The texts of one host's files."""
    own = plan[host]
    others = {name: end for name, end in plan.items() if name != host}
    peers = [
        {
            "name": end["name"],
            "public_key": (public_keys or {}).get(name, ""),
            "endpoint": end["endpoint"],
            "address": end["address"],
        }
        for name, end in others.items()
    ]
    wireguard = own["type"] == "wireguard"
    return {
        "link": link_text(Link(**{name: own[name] for name in Link._fields})),
        "peers": peers_text(int(own["port"]), int(own["keepalive"]), peers) if wireguard else "",
        "neighbours": [str(ipaddress.ip_interface(end["address"]).ip) for end in others.values()],
    }


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"interconnect_settings": interconnect_settings}
