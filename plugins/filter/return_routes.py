# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: return_routes
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
version_added: 0.1.0
short_description: Routes, rules and marks by which answers leave where their questions came in
description:
  - Refuses what the kernel would refuse, and gateways that answers could not be sent to.
options:
  _input:
    description: The setting C(metallb_return_routes) of the role P(baremetal.kubernetes.metallb#role).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the commands of ip
  ansible.builtin.debug:
    msg: "{{ (routes | baremetal.kubernetes.return_routes).files['/etc/kubernetes-return-routes/ipv4'] }}"
"""

RETURN = r"""
_value:
  description: C(files), from path to text, and C(sysctls).
  type: dict
"""

from typing import Any, Callable, Dict, Mapping, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.metallb import routes
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


@refuses(SettingError)
def return_routes(settings: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    """The texts of all files and the sysctls."""
    made = routes.return_routes(settings)
    return {"files": routes.files(made), "sysctls": routes.sysctls(made)}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"return_routes": return_routes}
