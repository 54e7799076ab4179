#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: drill_observe
version_added: 0.1.0
short_description: Probe the endpoint and write keys through it while a drill kills parts of the cluster
description:
  - Runs on the controller, beside the play (with C(async) and C(poll=0)), and reaches the endpoint as users do. Each probe and each
    write has a new connection that is verified by the cluster's CA, and one bound over all of it.
  - Stops when the file C(stop) is in O(directory), or when the process O(controller_pid) is gone. Then it reads every acknowledged
    key back and removes its namespace. If the controller is gone, it also gives back power to the hosts that lost it.
  - Needs nothing but Python; no credential is logged or written.
options:
  directory:
    description: Where C(probes.jsonl), C(writes.jsonl) and C(observed.json) go. It exists.
    type: path
    required: true
  run:
    description: The drill's name, part of the namespace's.
    type: str
    required: true
  kubeconfig:
    description: How to reach the API.
    type: path
    required: true
  path:
    description: What is asked for.
    type: str
    default: /readyz
  probe_interval:
    description: Seconds from one probe to the next.
    type: float
    default: 0.05
  probe_timeout:
    description: Seconds within which a probe must have its answer.
    type: float
    default: 1
  write_interval:
    description: Seconds from one write to the next.
    type: float
    default: 0.2
  write_timeout:
    description: Seconds within which a write must be acknowledged.
    type: float
    default: 2
  longest:
    description: Seconds after which the watch ends in any case.
    type: int
    default: 7200
  controller_pid:
    description: The process for which this watch is held.
    type: int
    required: true
  power_file:
    description: File that says, as JSON, by which command (a list) each host that lost its power gets it back.
    type: path
attributes:
  check_mode:
    support: none
    description: There is nothing to watch where nothing is killed.
  diff_mode:
    support: none
    description: It only measures.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Watch the endpoint until the file stop is in the directory
  baremetal.kubernetes.drill_observe:
    directory: /var/tmp/drill
    run: "20260101-120000"
    kubeconfig: kubeconfig-kubernetes.cfg
    controller_pid: "{{ drill_plan.controller_pid }}"
  delegate_to: localhost
  async: 7200
  poll: 0
"""

RETURN = r"""
acknowledged:
  description: How many keys were acknowledged.
  type: int
  returned: success
lost:
  description: The acknowledged keys that are not there, or not with their value.
  type: list
  elements: str
  returned: success
late:
  description: How many keys are there though their write was never acknowledged.
  type: int
  returned: success
namespace_removed:
  description: Whether the namespace is gone.
  type: bool
  returned: success
"""

import json
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.client import ClientError, read_access, resolved
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.observe import Observer, Settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.power import give_back
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


def alive(process: int) -> bool:
    """Whether the process is there."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "run": {"type": "str", "required": True},
            "kubeconfig": {"type": "path", "required": True},
            "path": {"type": "str", "default": "/readyz"},
            "probe_interval": {"type": "float", "default": 0.05},
            "probe_timeout": {"type": "float", "default": 1.0},
            "write_interval": {"type": "float", "default": 0.2},
            "write_timeout": {"type": "float", "default": 2.0},
            "longest": {"type": "int", "default": 7200},
            "controller_pid": {"type": "int", "required": True},
            "power_file": {"type": "path"},
        },
        supports_check_mode=False,
    )
    options = module.params
    directory = options["directory"]
    fields = ("directory", "run", "path", "probe_interval", "probe_timeout", "write_interval", "write_timeout", "longest")
    settings = Settings(*[options[field] for field in fields])

    def write(name: str, text: str) -> None:
        replace_file(os.path.join(directory, name), text)

    def should_stop() -> bool:
        return os.path.exists(os.path.join(directory, "stop")) or not alive(options["controller_pid"])

    try:
        observer = Observer(settings, resolved(read_access(options["kubeconfig"])))
        observer.prepare()
        observer.run(should_stop, lambda: write("observing", ""))
        if options["power_file"] and not alive(options["controller_pid"]):
            give_back(HostRunner(), options["power_file"])
        verdict = dict(observer.conclude()._asdict(), namespace=settings.namespace)
    except ClientError as error:
        write("failed", str(error))
        module.fail_json(**error.fields())
    write("observed.json", json.dumps(verdict, sort_keys=True) + "\n")
    module.exit_json(changed=True, **verdict)


if __name__ == "__main__":
    main()
