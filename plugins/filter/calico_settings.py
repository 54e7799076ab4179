# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: calico_settings
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
version_added: 0.1.0
short_description: Turn settings of Calico into values of its operator's chart and BGP objects
description:
  - Refuses what Calico would refuse, and what would carry no packets.
options:
  _input:
    description: The settings C(cni_calico_*) of the role P(baremetal.kubernetes.cni#role) without their prefix,
      and what they depend on.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the Installation
  ansible.builtin.debug:
    msg: "{{ (settings | baremetal.kubernetes.calico_settings).values.installation }}"
"""

RETURN = r"""
_value:
  description: C(values) of the chart, and C(objects) for after it.
  type: dict
"""

from typing import Any, Callable, Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.calico import calico_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"calico_settings": refuses(SettingError)(calico_data)}
