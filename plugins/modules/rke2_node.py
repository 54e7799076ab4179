#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rke2_node
version_added: 0.2.0
short_description: Start RKE2 on a host, or restart it where that is due, and wait until it is ready
description:
  - Whether a restart is due is read off the host. One of O(restart_on) is newer than the service's start.
  - A server is ready when its API server answers C(/readyz) and its supervisor C(/ping), an agent when a server has taken it in.
  - A service that fails again and again ends the wait at once, with the lines of its log that say why.
options:
  role:
    description: What the host is.
    type: str
    choices: [server, agent]
    required: true
  restart_on:
    description: Paths that RKE2 reads once, at its start.
    type: list
    elements: path
    default: []
  files_changed:
    description: In check mode, whether one of O(restart_on) would have been written before.
    type: bool
    default: false
  timeout:
    description: Seconds to wait until it is ready. A first start unpacks and imports images.
    type: int
    default: 600
attributes:
  check_mode:
    support: full
    description: Says whether it would be started or restarted, and waits for nothing.
  diff_mode:
    support: none
    description: There is no text to compare.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Have the server run with its configuration of now
  baremetal.kubernetes.rke2_node:
    role: server
    restart_on: [/usr/local/bin/rke2, /etc/rancher/rke2/config.yaml]
"""

RETURN = r"""
changes:
  description: What was done, or in check mode would be, a line each.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.errors import Rke2Error
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.health import not_ready
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.service import WantedNode, bring_up
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "role": {"type": "str", "choices": ["server", "agent"], "required": True},
            "restart_on": {"type": "list", "elements": "path", "default": []},
            "files_changed": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    options = module.params
    wanted = WantedNode(options["role"], options["restart_on"], options["timeout"], options["files_changed"])
    try:
        changes = bring_up(wanted, HostRunner(), module.check_mode, not_ready)
    except (Rke2Error, HostStateError) as error:
        module.fail_json(**error.fields())
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
