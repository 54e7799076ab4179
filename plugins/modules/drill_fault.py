#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: drill_fault
version_added: 0.1.0
short_description: Kill a part of a node for the time of a drill, and undo it
description:
  - Runs on the node. Before anything is killed, a script that undoes the fault, a timer that runs it after O(revert_after) seconds
    and a service that runs it at the next boot are in place. A controller that dies thus never leaves a node cut.
  - The kills are SIGKILL. What was killed is kept from being started again until the fault is undone.
options:
  state:
    description:
      - V(look) says what runs here and whether an earlier drill left a fault. Changes nothing.
      - V(injected) does the fault.
      - V(restored) undoes the fault that is in force here, whoever did it, and waits until what was killed runs again.
    type: str
    choices: [look, injected, restored]
    required: true
  name:
    description: The fault's name, for the marker on the node.
    type: str
    default: ""
  action:
    description:
      - V(crash_services) kills O(services).
      - V(crash_static_pod) kills O(pod) and keeps its manifest away.
      - V(isolate) drops every packet from and to other machines but SSH's, and kills O(services).
    type: str
    choices: [crash_services, crash_static_pod, isolate]
  services:
    description: Services of systemd to kill.
    type: list
    elements: str
    default: []
  pod:
    description: The static pod to kill, as its manifest is called.
    type: str
    default: ""
  addresses:
    description: Virtual addresses to take from this node, as the loss of its power would.
    type: list
    elements: str
    default: []
  virtual_address:
    description: The address that O(state=look) looks for.
    type: str
    default: ""
  revert_after:
    description: Seconds after which the node undoes the fault by itself.
    type: int
    default: 120
  ssh_port:
    description: Port that V(isolate) leaves open, beside that of the present connection.
    type: int
    default: 22
  timeout:
    description: Seconds that O(state=restored) waits for what was killed.
    type: int
    default: 180
attributes:
  check_mode:
    support: full
    description: Returns the steps that would be taken.
  diff_mode:
    support: full
    description: A line for each step.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Kill the API server of this node for two minutes at most
  baremetal.kubernetes.drill_fault:
    state: injected
    name: apiserver
    action: crash_static_pod
    pod: kube-apiserver
    revert_after: 120

- name: Undo it
  baremetal.kubernetes.drill_fault:
    state: restored
    pod: kube-apiserver
"""

RETURN = r"""
seen:
  description: What runs here.
  returned: when O(state=look)
  type: dict
  contains:
    held_addresses:
      description: O(virtual_address), if this node holds it on an interface other than the loopback.
      type: list
      elements: str
    services:
      description: Those active services that a drill can kill.
      type: list
      elements: str
    static_pods:
      description: Names of the static pods' manifests.
      type: list
      elements: str
    can_isolate:
      description: Whether there is a program to cut the node off the network.
      type: bool
    etcd_leader:
      description: Whether the etcd member on this node leads.
      type: bool
    left:
      description: The fault that an earlier drill left in force; null where there is none.
      type: dict
steps:
  description: What was done, or in check mode would be.
  returned: when O(state) is not V(look)
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.node import (
    Wanted,
    inject,
    look,
    plan,
    read_marker,
    restore,
    wait_until_back,
    wait_until_gone,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["look", "injected", "restored"], "required": True},
            "name": {"type": "str", "default": ""},
            "action": {"type": "str", "choices": ["crash_services", "crash_static_pod", "isolate"]},
            "services": {"type": "list", "elements": "str", "default": []},
            "pod": {"type": "str", "default": ""},
            "addresses": {"type": "list", "elements": "str", "default": []},
            "virtual_address": {"type": "str", "default": ""},
            "revert_after": {"type": "int", "default": 120},
            "ssh_port": {"type": "int", "default": 22},
            "timeout": {"type": "int", "default": 180},
        },
        required_if=[("state", "injected", ["name", "action"])],
        supports_check_mode=True,
    )
    options = module.params
    runner = HostRunner()
    if options["state"] == "look":
        module.exit_json(changed=False, seen=look(runner, options["virtual_address"]))
    steps = []
    try:
        left = read_marker(runner)
        if options["state"] == "injected":
            if left is not None:
                module.fail_json(
                    msg="the fault %s is in force on this node already. What to do: undo it first (state=restored)."
                    % left.get("name")
                )
            fields = ("name", "action", "services", "pod", "addresses", "revert_after", "ssh_port")
            wanted = Wanted(*[options[field] for field in fields])
            planned = plan(runner, wanted)
            steps = list(planned.steps)
            if not module.check_mode:
                inject(runner, planned)
                wait_until_gone(runner, wanted)
        else:
            known = left or {}
            if left is not None:
                steps = ["undo the fault %s" % left.get("name")]
            if not module.check_mode:
                restore(runner)
                services = options["services"] or known.get("services") or []
                missing = wait_until_back(runner, services, options["pod"] or known.get("pod") or "", options["timeout"])
                if missing:
                    module.fail_json(msg="the fault is undone, but after %d s %s" % (options["timeout"], missing), steps=steps)
    except HostStateError as error:
        module.fail_json(**error.fields())
    diff = [{"before": "", "after": "".join(step + "\n" for step in steps)}] if steps else []
    module.exit_json(changed=bool(steps), steps=steps, diff=diff)


if __name__ == "__main__":
    main()
