#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_cleanup
version_added: 0.1.0
short_description: Remove from a node what kubeadm reset leaves there
description:
  - Stops and removes what this collection configured (keepalived, HAProxy, routes to pods), and removes what pod networks and
    kube-proxy left (CNI configuration, links, routes, chains of iptables, tables of nftables, virtual servers of IPVS).
  - Rules, links and files of others stay as they are; so do the container runtime, its images, packages and kernel settings.
  - Run it when kubeadm has reset the node, with M(baremetal.kubernetes.kubeadm_node).
options:
  virtual_addresses:
    description: Addresses that keepalived may have left on an interface.
    type: list
    elements: str
    default: []
  endpoint:
    description: The cluster's C(host:port). Root's C(~/.kube/config) is removed if it leads there. Empty keeps it.
    type: str
    default: ""
  hosts_block:
    description: Name of the marked block in C(/etc/hosts) that is removed. Empty keeps it.
    type: str
    default: hosts
attributes:
  check_mode:
    support: full
    description: Returns the steps that would be taken.
  diff_mode:
    support: full
    description: A line for each thing that goes.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Remove what kubeadm left
  baremetal.kubernetes.node_cleanup:
    virtual_addresses: [192.0.2.100]
    endpoint: 192.0.2.100:8443
"""

RETURN = r"""
steps:
  description: What was done, or in check mode would be. Empty on a clean node.
  type: list
  elements: str
  returned: always
  sample: ["stop service keepalived", "delete link cni0", "remove 31 chains from iptables"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.files import WantedFile, apply_file, diff_of, plan_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node_cleanup.apply import CleanupError, carry_out
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node_cleanup.plan import plan
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node_cleanup.traces import read
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner

HOSTS = "/etc/hosts"


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "virtual_addresses": {"type": "list", "elements": "str", "default": []},
            "endpoint": {"type": "str", "default": ""},
            "hosts_block": {"type": "str", "default": "hosts"},
        },
        supports_check_mode=True,
    )
    runner = HostRunner()
    block = module.params["hosts_block"]
    try:
        steps = plan(read(runner, module.params["virtual_addresses"], module.params["endpoint"]))
        hosts = plan_file(WantedFile(HOSTS, content="", block=block)) if block and runner.exists(HOSTS) else None
        if not module.check_mode:
            carry_out(runner, steps)
            if hosts:
                apply_file(hosts, runner)
    except HostStateError as error:
        module.fail_json(**error.fields())
    except CleanupError as error:
        module.fail_json(msg=str(error), step=error.step, problem=error.problem, remedy=error.remedy)
    texts = [step.text for step in steps] + (["remove our lines from %s" % HOSTS] if hosts else [])
    diff = [{"before": "", "after": "".join(step.text + "\n" for step in steps)}] if steps else []
    module.exit_json(changed=bool(texts), steps=texts, diff=diff + ([diff_of(hosts)] if hosts else []))


if __name__ == "__main__":
    main()
