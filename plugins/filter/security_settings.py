# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: security_settings
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
version_added: 0.1.0
short_description: Turn a cluster's security settings into arguments, fields, files and volumes
description:
  - Refuses what Kubernetes would refuse, and what would not be safe.
options:
  _input:
    description: The settings of the role P(baremetal.kubernetes.cluster#role) without their prefix.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the API server's arguments
  ansible.builtin.debug:
    msg: "{{ (settings | baremetal.kubernetes.security_settings).api_server }}"
"""

RETURN = r"""
_value:
  description: C(api_server), C(controller_manager) and C(scheduler) with arguments, C(kubelet) with fields, C(volumes), C(files).
  type: dict
"""

from typing import Any, Callable, Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.security.settings import security_data
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"security_settings": refuses(SettingError)(security_data)}
