# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: openebs_zfs_settings
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
version_added: 0.3.0
short_description: Turn settings of OpenEBS' ZFS LocalPV into values and objects
description:
  - Refuses what the driver or Kubernetes would refuse.
options:
  _input:
    description: The settings of the role P(baremetal.kubernetes.openebs_zfs#role) without their prefix.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the classes
  ansible.builtin.debug:
    msg: "{{ (settings | baremetal.kubernetes.openebs_zfs_settings).objects }}"
"""

RETURN = r"""
_value:
  description: C(namespaces), C(values) of the Helm chart, and C(objects).
  type: dict
"""

from typing import Any, Callable, Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.storage.openebs_zfs import openebs_zfs_data
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"openebs_zfs_settings": refuses(SettingError)(openebs_zfs_data)}
