# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ceph_csi_settings
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
version_added: 0.3.0
short_description: Turn settings of Ceph's CSI drivers into values and objects
description:
  - Refuses what the driver or Kubernetes would refuse.
options:
  _input:
    description: The settings of the role P(baremetal.kubernetes.ceph_csi#role) without their prefix.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the classes
  ansible.builtin.debug:
    msg: "{{ (settings | baremetal.kubernetes.ceph_csi_settings).objects }}"
"""

RETURN = r"""
_value:
  description: C(kinds), C(namespaces), C(values) of the Helm charts by kind, C(objects), and C(secrets), which hold keys.
  type: dict
"""

from typing import Any, Callable, Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.storage.ceph_csi import ceph_csi_data
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"ceph_csi_settings": refuses(SettingError)(ceph_csi_data)}
