#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kubeadm_upgrade
version_added: 0.1.0
short_description: Take one node to another version of Kubernetes with kubeadm
description:
  - Each O(state) is one step of an upgrade; playbook C(upgrade) has their order and the gates between them.
  - kubeadm outlives a run that is killed. The next call waits for it, and doing a step twice does no harm.
options:
  state:
    description:
      - V(reconciled) puts the ClusterConfiguration of O(config) into the cluster where the two differ.
      - V(applied) runs C(kubeadm upgrade apply), V(upgraded) C(kubeadm upgrade node).
      - V(kubelet) starts the kubelet anew and waits until the node is Ready with the version.
      - V(addons) has kubeadm bring kube-proxy and CoreDNS to the version where it has not.
      - V(settled) waits until this node's static pods are ready, and ends a container that a kubelet has forgotten and that keeps
        the next one from its port.
      - V(idle) waits for what a run that was killed has left at work here, so that what is read next is the end of it.
    type: str
    choices: [reconciled, applied, upgraded, kubelet, addons, settled, idle]
    required: true
  kubernetes_version:
    description: The version that the node gets. With V(reconciled), the one that the cluster has. Not for V(idle).
    type: str
  node_name:
    description: The node's name in the cluster. Not for V(idle).
    type: str
  config:
    description: kubeadm's file with the wanted ClusterConfiguration, for V(reconciled).
    type: path
  differences:
    description: What M(baremetal.kubernetes.kubeadm_config) returned as C(difference), for V(reconciled).
    type: list
    elements: dict
    default: []
  ignore_preflight_errors:
    description: Checks of C(kubeadm upgrade) that are passed over.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds that each step may take.
    type: int
    default: 900
  kubeadm_path:
    description: The kubeadm program.
    type: str
    default: kubeadm
attributes:
  check_mode:
    support: full
    description: Refuses what it would refuse, and does nothing.
  diff_mode:
    support: full
    description: With V(reconciled), the fields that change.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Upgrade the first control plane
  baremetal.kubernetes.kubeadm_upgrade:
    state: applied
    kubernetes_version: 1.36.3
    node_name: cp1
"""

RETURN = r"""
differences:
  description: Fields in which the cluster differed, each with C(field), C(cluster) and C(wanted).
  type: list
  elements: dict
  returned: with state reconciled
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.compare import Difference
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.operation import KubeadmError, Wanted, locked
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import KubernetesError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.security.settings import ENCRYPTION_FILE
from ansible_collections.baremetal.kubernetes.plugins.module_utils.upgrade.node import Upgrader, described, forbidden, missing_files

ENCRYPTION_FIELD = "apiServer.extraArgs.encryption-provider-config"
STATES = ["reconciled", "applied", "upgraded", "kubelet", "addons", "settled", "idle"]


def reconciled(module: AnsibleModule, upgrader: Upgrader) -> Dict[str, Any]:
    differences = module.params["differences"]
    fixed = forbidden(differences)
    if fixed:
        raise KubeadmError(
            "kubeadm-config",
            "an upgrade does not change what was settled when the cluster was made: %s" % "; ".join(fixed),
            "write the cluster's values into the settings",
        )
    missing = missing_files(upgrader.runner, differences)
    plain = [one for one in differences if one["field"] == ENCRYPTION_FIELD and one["wanted"] is None]
    if plain and '"secret"' in (upgrader.runner.read(ENCRYPTION_FILE) or ""):
        raise KubeadmError(
            "kubeadm-config",
            "without %s the API servers could not read what is stored encrypted" % ENCRYPTION_FILE,
            "run the playbook security first, which decrypts it, or write the cluster's cluster_encryption into the settings",
        )
    if missing:
        raise KubeadmError(
            "kubeadm-config",
            "the API servers would be told to read %s, which this host has not" % ", ".join(missing),
            "run the playbook security first, which brings the files and the keys to all control planes",
        )
    if differences and not module.check_mode:
        upgrader.reconcile()
    texts = described([Difference(one["field"], one["cluster"], one["wanted"]) for one in differences])
    return {"changed": bool(differences), "differences": differences, "diff": texts}


def run(module: AnsibleModule, upgrader: Upgrader) -> Dict[str, Any]:
    state, version = module.params["state"], module.params["kubernetes_version"].lstrip("v")
    if state == "reconciled":
        return reconciled(module, upgrader)
    if state == "settled":
        return {"changed": not module.check_mode and upgrader.settle()}
    if module.check_mode:
        return {"changed": True}
    if state == "addons":
        return {"changed": upgrader.addons(version)}
    {"applied": upgrader.apply, "upgraded": upgrader.node, "kubelet": upgrader.kubelet}[state](version)
    return {"changed": True}


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": STATES, "required": True},
            "kubernetes_version": {"type": "str"},
            "node_name": {"type": "str"},
            "config": {"type": "path"},
            "differences": {"type": "list", "elements": "dict", "default": []},
            "ignore_preflight_errors": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 900},
            "kubeadm_path": {"type": "str", "default": "kubeadm"},
        },
        required_if=[("state", state, ["kubernetes_version", "node_name"]) for state in STATES if state != "idle"]
        + [("state", "reconciled", ["config"])],
        supports_check_mode=True,
    )
    options = module.params
    wanted = Wanted(
        state="joined",
        role="",
        node_name=options["node_name"] or "this node",
        cluster_name="",
        config=options["config"] or "",
        ignore_preflight_errors=options["ignore_preflight_errors"],
        kubeadm=options["kubeadm_path"],
        timeout=options["timeout"],
    )
    try:
        # A killed run's kubeadm may still be at work here.
        with locked(wanted.timeout) as lock:
            result = {"changed": False} if options["state"] == "idle" else run(module, Upgrader(wanted, HostRunner(), lock))
    except KubeadmError as error:
        module.fail_json(msg=str(error), operation=error.operation, cause=error.cause, remedy=error.remedy, evidence=error.evidence)
    except KubernetesError as error:
        module.fail_json(**error.fields())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
