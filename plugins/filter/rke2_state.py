# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: rke2_state
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
version_added: 0.2.0
short_description: What a node's files of RKE2 are to be
description:
  - Puts C(config.yaml), C(registries.yaml) and what goes with them together from the settings of role
    P(baremetal.kubernetes.rke2#role).
  - Refuses keys that RKE2 has not, has no more, or that other settings decide.
options:
  _input:
    description: The settings of one node.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show which files would be written
  ansible.builtin.debug:
    msg: "{{ (settings | baremetal.kubernetes.rke2_state).files | map(attribute='path') }}"
"""

RETURN = r"""
_value:
  description: C(files) and C(secrets) as M(baremetal.kubernetes.host_state) takes them, and C(read_at_start), paths.
  type: dict
"""

from typing import Any, Callable, Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.config import finished_state
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"rke2_state": refuses(SettingError)(finished_state)}
