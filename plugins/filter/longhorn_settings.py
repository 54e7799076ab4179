# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: longhorn_settings
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
version_added: 0.3.0
short_description: Turn settings of Longhorn into values and objects
description:
  - Refuses what the driver or Kubernetes would refuse.
options:
  _input:
    description: The settings of the role P(baremetal.kubernetes.longhorn#role) without their prefix.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the classes
  ansible.builtin.debug:
    msg: "{{ (settings | baremetal.kubernetes.longhorn_settings).objects }}"
"""

RETURN = r"""
_value:
  description: C(namespaces), C(values) of the Helm chart, and C(objects).
  type: dict
"""

from typing import Any, Callable, Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.storage.longhorn import longhorn_data
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"longhorn_settings": refuses(SettingError)(longhorn_data)}
