# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: bridge_settings
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
version_added: 0.1.0
short_description: Turn the nodes' pod networks into a bridge and routes
description:
  - Computes the CNI configuration of one node, and the routes by which it reaches the pods of the others.
options:
  _input:
    description: C(node_name), C(nodes), C(pod_subnet), C(mtu) and C(masquerade).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the result
  ansible.builtin.debug:
    msg: "{{ settings | baremetal.kubernetes.bridge_settings }}"
"""

RETURN = r"""
_value:
  description: C(conflist), C(routes) and C(rules).
  type: dict
"""

from typing import Any, Callable, Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.bridge import bridge_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"bridge_settings": refuses(SettingError)(bridge_data)}
