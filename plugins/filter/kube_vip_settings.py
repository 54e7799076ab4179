# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: kube_vip_settings
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
version_added: 0.1.0
short_description: Turn settings of kube-vip into its manifests
description:
  - Refuses what kube-vip would misread, or end at without a word of use, such as times of a lease that client-go does not take.
options:
  _input:
    description: The settings of the role P(baremetal.kubernetes.kube_vip#role) without their prefix.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the static pod
  ansible.builtin.debug:
    msg: "{{ (settings | baremetal.kubernetes.kube_vip_settings).pod }}"
"""

RETURN = r"""
_value:
  description: C(pod), the static pod, and C(objects), the DaemonSet with its account and rights and the node's label.
  type: dict
"""

from typing import Any, Callable, Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kube_vip.settings import kube_vip_data
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"kube_vip_settings": refuses(SettingError)(kube_vip_data)}
