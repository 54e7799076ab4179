#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_drain
version_added: 0.1.0
short_description: Empty a node, minding disruption budgets, and open it again
description:
  - Closes a node for new pods (cordon) and evicts what is on it by the eviction API, which minds disruption budgets. Pods of the
    node itself, those of daemon sets and static ones, stay.
  - Refuses, before it touches anything, where a pod would lose something for good, and names every such pod.
  - When the time is over, it names each pod that is left with what keeps it. The node stays closed, and the next call goes on.
  - A node that it closes gets an annotation with O(operation) in the same request. V(uncordoned) opens only what has it, so a node
    that somebody else closed stays closed.
options:
  name:
    description: The node.
    type: str
    required: true
  state:
    description: Whether it should be empty and closed, or open again.
    type: str
    choices: [drained, uncordoned]
    default: drained
  operation:
    description: Whose mark the node gets, as in V(upgrade).
    type: str
    required: true
  timeout:
    description: Seconds until all pods must be gone.
    type: int
    default: 300
  grace_period:
    description: Seconds that a pod has to end. Below zero, each pod's own.
    type: int
    default: -1
  delete_empty_dir_data:
    description: Whether pods with an emptyDir may go, whose data are then deleted.
    type: bool
    default: false
  evict_unmanaged:
    description: Whether pods may go that no controller makes again.
    type: bool
    default: false
extends_documentation_fragment:
  - baremetal.kubernetes.kubernetes_api
  - baremetal.kubernetes.kubernetes_api.kubectl
attributes:
  check_mode:
    support: full
    description: Says what would be evicted, and refuses what it would refuse.
  diff_mode:
    support: full
    description: Shows whether the node takes pods.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Empty the node
  baremetal.kubernetes.node_drain:
    name: worker1
    operation: upgrade
    timeout: 600

- name: Let it take pods again, if it was closed by this operation
  baremetal.kubernetes.node_drain:
    name: worker1
    operation: upgrade
    state: uncordoned
"""

RETURN = r"""
cordoned:
  description: Whether this call closed the node.
  type: bool
  returned: with state drained
evicted:
  description: The pods that this call evicted, as namespace/name.
  type: list
  elements: str
  returned: with state drained
seconds:
  description: How long it took.
  type: float
  returned: with state drained
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.drain import Drainer, Limits
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import (
    KUBECTL_ARGUMENTS,
    Kubectl,
    KubernetesError,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["drained", "uncordoned"], "default": "drained"},
            "operation": {"type": "str", "required": True},
            "timeout": {"type": "int", "default": 300},
            "grace_period": {"type": "int", "default": -1},
            "delete_empty_dir_data": {"type": "bool", "default": False},
            "evict_unmanaged": {"type": "bool", "default": False},
            **KUBECTL_ARGUMENTS,
        },
        supports_check_mode=True,
    )
    options = module.params
    limits = Limits(options["timeout"], options["grace_period"], options["delete_empty_dir_data"], options["evict_unmanaged"])
    drainer = Drainer(Kubectl.from_options(HostRunner(), options), limits, options["operation"])
    name = options["name"]
    try:
        if options["state"] == "uncordoned":
            opened = drainer.uncordon(name, module.check_mode)
            module.exit_json(changed=opened, diff=_diff(name, opened, "closed", "open"))
        done = drainer.drain(name, module.check_mode)
    except KubernetesError as error:
        module.fail_json(**error.fields())
    module.exit_json(
        changed=done.cordoned or bool(done.evicted),
        cordoned=done.cordoned,
        evicted=done.evicted,
        seconds=round(done.seconds, 1),
        diff=_diff(name, done.cordoned, "open", "closed"),
    )


def _diff(name: str, changed: bool, before: str, after: str) -> "dict[str, str]":
    line = "%s: %s\n"
    return {"before": line % (name, before if changed else after), "after": line % (name, after)}


if __name__ == "__main__":
    main()
