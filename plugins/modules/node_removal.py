#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_removal
version_added: 0.1.0
short_description: Take nodes out of a cluster by name, alive or dead
description:
  - Runs on a healthy control plane that stays, and knows the nodes that leave by what the API, etcd and kubeadm's own notes say of
    them. It never talks to these nodes, so they may be dead.
  - Before anything is touched, V(checked) refuses with everything that speaks against it - an unknown name, a dead node that still
    answers, a quorum that would be lost or endangered, data that would be lost.
  - The other states are the steps, in the order of the list. Each does what is left of it to do, so a run that was killed is
    completed by the next one.
  - Members leave etcd one at a time, each only while those that stay have a quorum.
options:
  state:
    description:
      - V(checked) only looks, and waits until a node that lost its power counts as dead.
      - V(drained) evicts the pods of nodes that are alive, minding disruption budgets.
      - V(out_of_etcd) removes their members from stacked etcd, those too that were added and never started.
      - V(absent) deletes their Node objects and leases, their entries in kubeadm's ClusterStatus (Kubernetes up to 1.21), and what
        is left of their pods.
    type: str
    choices: [checked, drained, out_of_etcd, absent]
    required: true
  nodes:
    description: The nodes that leave, as RV(baremetal.kubernetes.topology_check#module:plan.leaving) has them.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the node.
        type: str
        required: true
      host:
        description: Its host in the inventory. Empty where there is none.
        type: str
        default: ""
      condition:
        description: V(alive) if it can be reached; V(dead); V(blank) if its machine is; V(begun) if that joins already.
        type: str
        choices: [alive, dead, blank, begun]
        default: dead
      address:
        description: Its address, by which a member of etcd is known that never started.
        type: str
        default: ""
      control_plane:
        description: Whether the inventory calls it a control plane. What it was, the cluster knows better.
        type: bool
        default: false
      successor:
        description: Whether a machine is there to take its place, without which O(operation=replace) refuses.
        type: bool
        default: false
  operation:
    description: V(remove), or V(replace) if another node takes the place in the same run.
    type: str
    choices: [remove, replace]
    default: remove
  stacked_etcd:
    description: Whether control planes have members of etcd.
    type: bool
    default: true
  lose_local_data:
    description: Names of nodes whose local volumes and, where they are alive, data in an emptyDir may be lost.
    type: list
    elements: str
    default: []
  delete_bare_pods:
    description: Names of nodes whose pods may go that no controller makes again.
    type: list
    elements: str
    default: []
  lose_tolerance:
    description: Names of nodes whose healthy member may be removed even if then no further one may fail.
    type: list
    elements: str
    default: []
  dead_timeout:
    description: Seconds to wait for the cluster to call a node NotReady that can't be reached. A node that is Ready is not dead.
    type: int
    default: 120
  drain_timeout:
    description: Seconds for the eviction of each node's pods.
    type: int
    default: 300
  grace_period:
    description: Seconds that a pod has to end. Below zero, each pod's own.
    type: int
    default: -1
  etcd_timeout:
    description: Seconds to wait until etcd can take a change, and is well after it.
    type: int
    default: 60
  server:
    description: URL of the API server to ask, so that nothing depends on the endpoint while it moves. Empty for the kubeconfig's.
    type: str
    default: ""
extends_documentation_fragment:
  - baremetal.kubernetes.kubernetes_api
  - baremetal.kubernetes.kubernetes_api.kubectl
attributes:
  check_mode:
    support: full
    description: Says what would be done, and refuses what it would refuse.
  diff_mode:
    support: full
    description: A line for each thing that is done.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Check whether a dead node can be taken out
  baremetal.kubernetes.node_removal:
    state: checked
    nodes: [{name: worker2}]

- name: Take it out of the cluster
  baremetal.kubernetes.node_removal:
    state: absent
    nodes: [{name: worker2}]
"""

RETURN = r"""
steps:
  description: What was done; with O(state=checked), what the further states will do. Empty where the nodes are gone.
  type: list
  elements: str
  returned: success
  sample: ["cp1: remove member 8e9e05c52164694d (cp1) from etcd"]
errors:
  description: What speaks against it, as in RV(baremetal.kubernetes.topology_check#module:errors).
  type: list
  elements: dict
  returned: with O(state=checked)
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import (
    KUBECTL_ARGUMENTS,
    Kubectl,
    KubernetesError,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.removal.apply import Patience, Remover
from ansible_collections.baremetal.kubernetes.plugins.module_utils.removal.plan import Leaver, Wanted, problems, steps
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import counted, readable

NODE_OPTIONS = {
    "name": {"type": "str", "required": True},
    "host": {"type": "str", "default": ""},
    "condition": {"type": "str", "choices": ["alive", "dead", "blank", "begun"], "default": "dead"},
    "address": {"type": "str", "default": ""},
    "control_plane": {"type": "bool", "default": False},
    "successor": {"type": "bool", "default": False},
}


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["checked", "drained", "out_of_etcd", "absent"], "required": True},
            "nodes": {"type": "list", "elements": "dict", "required": True, "options": NODE_OPTIONS},
            "operation": {"type": "str", "choices": ["remove", "replace"], "default": "remove"},
            "stacked_etcd": {"type": "bool", "default": True},
            "lose_local_data": {"type": "list", "elements": "str", "default": []},
            "delete_bare_pods": {"type": "list", "elements": "str", "default": []},
            "lose_tolerance": {"type": "list", "elements": "str", "default": []},
            "dead_timeout": {"type": "int", "default": 120},
            "drain_timeout": {"type": "int", "default": 300},
            "grace_period": {"type": "int", "default": -1},
            "etcd_timeout": {"type": "int", "default": 60},
            "server": {"type": "str", "default": ""},
            **KUBECTL_ARGUMENTS,
        },
        supports_check_mode=True,
    )
    options = module.params
    fields = ("name", "host", "condition", "address", "successor")
    wanted = Wanted(
        leavers=[Leaver(**{field: node[field] for field in fields}) for node in options["nodes"]],
        operation=options["operation"],
        lose_local_data=options["lose_local_data"],
        delete_bare_pods=options["delete_bare_pods"],
        lose_tolerance=options["lose_tolerance"],
    )
    patience = Patience(options["dead_timeout"], options["drain_timeout"], options["grace_period"], options["etcd_timeout"])
    kubectl = Kubectl.from_options(HostRunner(), options, server=options["server"] or None)
    remover = Remover(kubectl, wanted, options["stacked_etcd"], patience, module.check_mode)
    try:
        if options["state"] == "checked":
            seen = remover.look_patiently()
            errors = problems(seen, wanted)
            if errors:
                text = "%s found, all listed here; nothing was changed.\n%s" % (counted(len(errors), "problem"), readable(errors))
                module.fail_json(msg=text, errors=[error.as_dict() for error in errors])
            module.exit_json(changed=False, steps=steps(seen, wanted), errors=[])
        act = {"drained": remover.drain, "out_of_etcd": remover.leave_etcd, "absent": remover.forget}
        done = act[options["state"]]()
    except KubernetesError as error:
        module.fail_json(**error.fields())
    module.exit_json(changed=bool(done), steps=done, diff={"before": "", "after": "".join("%s\n" % line for line in done)})


if __name__ == "__main__":
    main()
