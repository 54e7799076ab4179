# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: cilium_settings
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
version_added: 0.1.0
short_description: Turn settings into the values of Cilium's Helm chart
description:
  - Replaces kube-proxy where it is disabled, and takes the pods' addresses from the cluster's own podSubnet.
options:
  _input:
    description: C(proxy_mode), C(endpoint), C(pod_subnet), C(nodes), C(mtu), C(l2_announcements), C(bgp), C(registry)
      and C(values).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the result
  ansible.builtin.debug:
    msg: "{{ settings | baremetal.kubernetes.cilium_settings }}"
"""

RETURN = r"""
_value:
  description: The chart's values.
  type: dict
"""

from typing import Any, Callable, Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.cilium import cilium_objects, cilium_values
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"cilium_settings": refuses(SettingError)(cilium_values), "cilium_objects": refuses(SettingError)(cilium_objects)}
