# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: node_problem_detector
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
version_added: 0.3.0
short_description: Turn settings of node-problem-detector into its objects
description:
  - Its account, its configuration with the conditions that hardware sets, and its DaemonSet.
options:
  _input:
    description: The settings of the role P(baremetal.kubernetes.node_problem_detector#role) without their prefix.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the objects
  ansible.builtin.debug:
    msg: "{{ settings | baremetal.kubernetes.node_problem_detector }}"
"""

RETURN = r"""
_value:
  description: The objects, in the order in which they are applied.
  type: list
  elements: dict
"""

from typing import Any, Callable, Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.detector import detector_objects
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"node_problem_detector": refuses(SettingError)(detector_objects)}
