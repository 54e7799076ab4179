# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: lvs_settings
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
version_added: 0.1.0
short_description: Finish the settings of a director's virtual servers
description:
  - Computes what keepalived's virtual servers need and the settings do not say outright, and refuses what IPVS or keepalived would
    misread or take without effect, such as a real server of another address family.
options:
  _input:
    description: The settings of the role P(baremetal.kubernetes.lvs#role) without their prefix.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the kernel modules that a director needs
  ansible.builtin.debug:
    msg: "{{ (settings | baremetal.kubernetes.lvs_settings).modules }}"
"""

RETURN = r"""
_value:
  description: C(method), C(virtual_addresses), C(prefix), C(modules), and C(services) with their C(real_servers).
  type: dict
"""

from typing import Any, Callable, Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.lvs.settings import finished_settings
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"lvs_settings": refuses(SettingError)(finished_settings)}
