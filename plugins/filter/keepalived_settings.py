# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: keepalived_settings
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
version_added: 0.1.0
short_description: Finish the settings of a keepalived.conf
description:
  - Computes what a configuration of keepalived needs and its settings do not say outright, and refuses what keepalived would
    misread or silently ignore, such as a check whose weight can never move the address.
positional: installed_version
options:
  _input:
    description: The settings of the role P(baremetal.kubernetes.keepalived#role) without their prefix.
    type: dict
    required: true
  installed_version:
    description: The version of the installed keepalived; empty where it is not known yet.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show the weight of the health check
  ansible.builtin.debug:
    msg: "{{ (settings | baremetal.kubernetes.keepalived_settings).weight }}"
"""

RETURN = r"""
_value:
  description: C(weight), C(advert_interval), C(addresses), C(excluded_addresses), C(peers) and C(hmac).
  type: dict
"""

from typing import Any, Callable, Dict, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.keepalived.settings import finished_settings
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


@refuses(SettingError)
def keepalived_settings(settings: Mapping[str, Any], installed_version: str = "") -> Dict[str, Any]:
    """The finished data of a keepalived.conf."""
    return finished_settings(settings, installed_version or None)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"keepalived_settings": keepalived_settings}
