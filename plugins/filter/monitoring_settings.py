# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: monitoring_settings
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
version_added: 0.3.0
short_description: Turn settings of monitoring into values of its chart, objects and files
description:
  - Alerts on hardware, failover IPs and backups, as objects of the Prometheus operator and as plain files.
options:
  _input:
    description: The settings of the role P(baremetal.kubernetes.monitoring#role) without their prefix.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the rules
  ansible.builtin.debug:
    msg: "{{ (settings | baremetal.kubernetes.monitoring_settings).objects }}"
"""

RETURN = r"""
_value:
  description: C(namespaces), C(values) of the Helm chart, C(objects), C(secrets), and C(files) by name.
  type: dict
"""

from typing import Any, Callable, Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.monitoring.objects import monitoring_data
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"monitoring_settings": refuses(SettingError)(monitoring_data)}
