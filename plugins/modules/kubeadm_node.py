#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kubeadm_node
version_added: 0.1.0
short_description: Initialise, join or reset a node with kubeadm, resumably
description:
  - Runs kubeadm on the node and watches the kubelet's journal while kubeadm waits. What can't mend itself ends the wait at once,
    with its cause and a remedy.
  - Remembers in a marker file on the node that an operation was begun. A run that was killed anywhere is completed by the next
    one; a node that holds anything else is refused and never changed.
  - kubeadm outlives a lost connection; the next run waits for it to end.
options:
  state:
    description:
      - V(authority) makes only the cluster's CA (C(kubeadm init phase certs ca)), so that load balancers can know it early.
      - V(initialized) makes the first control plane, V(joined) makes the node a member in its O(role).
      - V(restored) makes a control plane around keys and etcd data that a restore has put there.
      - V(reset) takes the node back. Data of a stacked etcd is moved aside, unless O(keep_etcd_data=false).
    type: str
    choices: [authority, initialized, joined, restored, reset]
    required: true
  role:
    description: What the node is to become.
    type: str
    choices: [control_plane, worker]
    default: control_plane
  config:
    description: The kubeadm file, as M(baremetal.kubernetes.kubeadm_config) writes it. Not needed for O(state=reset).
    type: path
  flags:
    description: Arguments beside the file, RV(baremetal.kubernetes.kubeadm_config#module:flags).
    type: list
    elements: str
    default: []
  node_name:
    description: The name of the Kubernetes node.
    type: str
    required: true
  cluster_name:
    description: The name of the cluster, for the marker and for messages.
    type: str
    required: true
  ignore_preflight_errors:
    description: Names of preflight checks to pass over on O(state=joined) and O(state=initialized), beside those in the file.
    type: list
    elements: str
    default: []
  cri_socket:
    description: The container runtime's socket.
    type: str
    default: unix:///run/containerd/containerd.sock
  api_port:
    description: Port of the node's own API server.
    type: int
    default: 6443
  static_pods:
    description: Files on the node that C(kubeadm init) needs the kubelet to run beside the control plane, such as a kube-vip that
      holds the endpoint's address. They are copied under their names to C(/etc/kubernetes/manifests) on O(state=initialized) and
      O(state=restored).
    type: list
    elements: path
    default: []
  keep_etcd_data:
    description: On O(state=reset), move C(/var/lib/etcd) to C(/var/lib/etcd.removed-TIME) instead of deleting it.
    type: bool
    default: true
  timeout:
    description: Seconds that each kubeadm call may take.
    type: int
    default: 600
  kubeadm_path:
    description: The kubeadm program.
    type: str
    default: kubeadm
attributes:
  check_mode:
    support: full
    description: Returns the steps that would be taken.
  diff_mode:
    support: full
    description: The steps that kubeadm is run for.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Make the first control plane
  baremetal.kubernetes.kubeadm_node:
    state: initialized
    config: /etc/kubernetes/kubeadm-init.yaml
    node_name: cp1
    cluster_name: kubernetes

- name: Join a worker
  baremetal.kubernetes.kubeadm_node:
    state: joined
    role: worker
    config: /etc/kubernetes/kubeadm-join.yaml
    node_name: worker1
    cluster_name: kubernetes
"""

RETURN = r"""
steps:
  description: What was done, or in check mode would be. Empty where the node was as wanted.
  type: list
  elements: str
  returned: always
  sample: ["join"]
ca_certificate:
  description: The cluster's CA certificate as PEM, where the node has it.
  type: str
  returned: O(state=authority) or O(state=initialized)
"""

from typing import List

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.operation import (
    CA_CERTIFICATE,
    KubeadmError,
    Operator,
    Wanted,
    locked,
    plan,
    read_node,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["authority", "initialized", "joined", "restored", "reset"], "required": True},
            "role": {"type": "str", "choices": ["control_plane", "worker"], "default": "control_plane"},
            "config": {"type": "path"},
            "flags": {"type": "list", "elements": "str", "default": []},
            "node_name": {"type": "str", "required": True},
            "cluster_name": {"type": "str", "required": True},
            "ignore_preflight_errors": {"type": "list", "elements": "str", "default": []},
            "cri_socket": {"type": "str", "default": "unix:///run/containerd/containerd.sock"},
            "api_port": {"type": "int", "default": 6443},
            "static_pods": {"type": "list", "elements": "path", "default": []},
            "keep_etcd_data": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 600},
            "kubeadm_path": {"type": "str", "default": "kubeadm"},
        },
        required_if=[("state", state, ["config"]) for state in ("authority", "initialized", "joined", "restored")],
        supports_check_mode=True,
    )
    runner = HostRunner()
    options = dict(module.params)
    options["kubeadm"] = options.pop("kubeadm_path")
    wanted = Wanted(**options)
    try:
        if module.check_mode:
            steps = _steps(wanted, runner)
        else:
            with locked(wanted.timeout) as lock:
                # Read under the lock: a killed run's kubeadm may have ended only now.
                steps = _steps(wanted, runner)
                Operator(wanted, runner, lock).carry_out(steps)
    except KubeadmError as error:
        module.fail_json(msg=str(error), operation=error.operation, cause=error.cause, remedy=error.remedy, evidence=error.evidence)
    result = {"changed": bool(steps), "steps": steps}
    if steps:
        result["diff"] = {"before": "", "after": "".join("kubeadm: %s\n" % step for step in steps)}
    if wanted.state in ("authority", "initialized"):
        # In check mode on a blank node there is none yet; who asks for its text gets a text.
        result["ca_certificate"] = runner.read(CA_CERTIFICATE) or "-----BEGIN CERTIFICATE-----\n(made by kubeadm init)\n"
    module.exit_json(**result)


def _steps(wanted: Wanted, runner: HostRunner) -> List[str]:
    if wanted.state == "authority":
        return [] if runner.exists(CA_CERTIFICATE) else ["authority"]
    return plan(wanted, read_node(runner, wanted.config or ""))


if __name__ == "__main__":
    main()
