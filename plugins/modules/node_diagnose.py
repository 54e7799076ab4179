#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_diagnose
version_added: 0.1.0
short_description: Read off a host what one looks at when something is wrong
description:
  - Reads, side by side and each bounded in time, the logs of kubelet, runtime and load balancer, of the static pods, etcd's
    members, certificates, addresses, routes, disks, failed units, and, on a control plane, what its own API server says.
  - Changes nothing on the host. Keys, tokens and passwords are taken out before anything leaves it.
options:
  since:
    description: How far back logs are read, as journalctl takes it.
    type: str
    default: 2 hours ago
  lines:
    description: How many lines of each log, the newest ones.
    type: int
    default: 2000
attributes:
  check_mode:
    support: full
    description: Changes nothing.
  diff_mode:
    support: none
    description: It changes nothing.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Read what there is to see
  baremetal.kubernetes.node_diagnose:
    since: 30 minutes ago
  register: diagnose_node
"""

RETURN = r"""
archive:
  description: The files as a tar.gz in base64, without secrets.
  type: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.diagnose.collect import collect, packed
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.collect import collect as collect_facts
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={"since": {"type": "str", "default": "2 hours ago"}, "lines": {"type": "int", "default": 2000}},
        supports_check_mode=True,
    )
    runner = HostRunner()
    texts = collect(runner, collect_facts(runner), module.params["since"], module.params["lines"])
    module.exit_json(changed=False, archive=packed(texts))


if __name__ == "__main__":
    main()
