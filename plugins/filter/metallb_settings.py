# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: metallb_settings
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
version_added: 0.1.0
short_description: Turn settings of MetalLB into its objects
description:
  - Refuses what MetalLB's webhook would refuse, or what it would take and never serve.
options:
  _input:
    description: The settings of the role P(baremetal.kubernetes.metallb#role) without their prefix.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the objects
  ansible.builtin.debug:
    msg: "{{ (settings | baremetal.kubernetes.metallb_settings).objects }}"
"""

RETURN = r"""
_value:
  description: C(namespaces), C(values) of the Helm chart, C(objects), and C(secrets), which hold passwords.
  type: dict
"""

from typing import Any, Callable, Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.metallb.objects import metallb_data
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"metallb_settings": refuses(SettingError)(metallb_data)}
