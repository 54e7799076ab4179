# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: flannel_settings
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
version_added: 0.1.0
short_description: Turn settings of Flannel into the data of its manifests
description:
  - Refuses backends that flannel removed, or that are for debugging only, with what to write instead.
options:
  _input:
    description:
      - The settings C(cni_flannel_*) of the role P(baremetal.kubernetes.cni#role) without their prefix,
        with C(pod_subnet) and C(mtu).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the result
  ansible.builtin.debug:
    msg: "{{ settings | baremetal.kubernetes.flannel_settings }}"
"""

RETURN = r"""
_value:
  description: C(net_conf), C(cni_conf), C(arguments), C(image), C(plugin_image) and C(warnings).
  type: dict
"""

from typing import Any, Callable, Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.flannel import flannel_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"flannel_settings": refuses(SettingError)(flannel_data)}
