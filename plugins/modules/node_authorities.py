#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_authorities
version_added: 0.1.0
short_description: Give the cluster new CAs and a new key of its service accounts, host by host
description:
  - Each O(state) is one step of a rotation of Kubernetes' CA, the front proxy's, that of stacked etcd, and of the key that signs
    tokens of service accounts. Playbook C(certificates) has their order.
  - How far a host is, it reads off the host's own files and processes; a host that is further on is never taken back.
options:
  state:
    description:
      - V(made) has kubeadm make the new set on one control plane and returns it.
      - V(held) keeps the set that is there and the new one on a control plane.
      - V(trusted), V(signed) and V(alone) take the host to a phase; both sets are trusted, the new one signs, the old one is gone.
        What runs on the host is started anew where it has to be, behind the gate that the cluster can do without it.
      - V(ended) removes what was kept for it, the old keys too.
    type: str
    choices: [made, held, trusted, signed, alone, ended]
    required: true
  part:
    description: Whether a phase is about this host, or about the objects of the cluster, which one control plane does for all.
    type: str
    choices: [host, cluster]
    default: host
  material:
    description: The new set, as V(made) returned it. For V(held).
    type: dict
    default: {}
  old_certificate:
    description: Kubernetes' CA that is replaced, as PEM. For the three phases.
    type: str
    default: ""
  new_certificate:
    description: Kubernetes' new CA, as PEM. For the three phases.
    type: str
    default: ""
  node_name:
    description: The host's name in the cluster, by which its static pods are asked for. For control planes.
    type: str
    default: ""
  endpoint:
    description: Where a kubelet asks for a new client certificate, as C(host:port). For V(signed).
    type: str
    default: ""
  bootstrap_token:
    description:
      - A token of module M(baremetal.kubernetes.kubeadm_token), with which a kubelet asks. For V(signed), once every control plane
        is there; without it the kubelet keeps its certificate.
    type: str
    default: ""
  namespaces:
    description: Whose pods are started anew, for O(part=cluster). Empty means all.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds that each gate, each restart and each next pod of a rollout may take.
    type: int
    default: 300
  kubeadm_path:
    description: The kubeadm program.
    type: str
    default: kubeadm
extends_documentation_fragment:
  - baremetal.kubernetes.api_servers
attributes:
  check_mode:
    support: full
    description: Says what the phase would do; V(made), V(held) and V(ended) only say that they would.
  diff_mode:
    support: full
    description: Shows the steps, never a key.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Have this host trust the old and the new CA
  baremetal.kubernetes.node_authorities:
    state: trusted
    old_certificate: "{{ authorities.old_certificate }}"
    new_certificate: "{{ authorities.new_certificate }}"
"""

RETURN = r"""
material:
  description: The new set with its keys. Register it under no_log.
  type: dict
  returned: O(state=made)
old_certificate:
  description: Kubernetes' CA that is replaced, as PEM.
  type: str
  returned: O(state=made)
new_certificate:
  description: Kubernetes' new CA, as PEM.
  type: str
  returned: O(state=made)
steps:
  description: What was done, or in check mode would be.
  type: list
  elements: str
  returned: always
left_alone:
  description: Pods that nothing starts anew, and workloads whose new pods are not ready, so that whoever made them has to look.
  type: list
  elements: str
  returned: with O(part=cluster)
"""

import os
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates import authorities
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.authorities import CLUSTER_CA, Pair, Pem
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.components import API_SERVERS, Restarter
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.errors import CertificateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.renew import bootstrap_kubeconfig
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.rotation import SIGNED
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.trust import Shared
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.operation import ADMIN, KubeadmError, locked
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, KubernetesError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.x509 import X509Error


def made(module: AnsibleModule, runner: HostRunner) -> Dict[str, Any]:
    if module.check_mode:
        return {"steps": ["make new CAs"], "material": {}, "old_certificate": "", "new_certificate": ""}
    steps = [] if runner.exists(authorities.NEW) else ["make new CAs"]
    if steps:
        found = Kubectl(runner, ADMIN).objects("configmaps", "--namespace=kube-system")
        texts = [one["data"]["ClusterConfiguration"] for one in found if one["metadata"]["name"] == "kubeadm-config"]
        authorities.make(runner, texts[0] if texts else "", module.params["kubeadm_path"])
    new = authorities.read_set(runner, authorities.NEW)
    old = authorities.read_set(runner, authorities.OLD) or authorities.read_set(runner, authorities.PKI)
    return {
        "steps": steps,
        "material": {name: list(pair) for name, pair in new.items()},
        "old_certificate": old[CLUSTER_CA].public,
        "new_certificate": new[CLUSTER_CA].public,
    }


def held(module: AnsibleModule, runner: HostRunner) -> Dict[str, Any]:
    material = {name: Pair(*pair) for name, pair in module.params["material"].items()}
    changed = module.check_mode or authorities.hold(runner, material)
    return {"steps": ["keep the old and the new CAs"] if changed else []}


def ended(module: AnsibleModule, runner: HostRunner) -> Dict[str, Any]:
    there = runner.exists(authorities.ROTATION) if module.check_mode else authorities.end(runner)
    return {"steps": ["remove what was kept, the old keys too"] if there else []}


def phase(module: AnsibleModule, runner: HostRunner) -> Dict[str, Any]:
    given = module.params
    pem = Pem(given["old_certificate"], given["new_certificate"])
    if given["part"] == "cluster":
        shared = Shared(runner, Kubectl(runner, ADMIN), pem, given["namespaces"], given["timeout"])
        return {"steps": shared.take_to(given["state"], module.check_mode), "left_alone": shared.left_alone()}
    others = [(server["address"], server["port"]) for server in given["api_servers"]]
    token = given["bootstrap_token"]
    bootstrap = bootstrap_kubeconfig(given["endpoint"], pem.bundle(SIGNED), token) if token else ""
    restarter = Restarter(runner, others, given["timeout"])
    host = authorities.Host(runner, pem, restarter, given["node_name"], given["kubeadm_path"], bootstrap)
    return {"steps": host.take_to(given["state"], module.check_mode)}


STATES = {"made": made, "held": held, "trusted": phase, "signed": phase, "alone": phase, "ended": ended}


@in_words
def main() -> None:
    phases: List[Any] = [("state", name, ["old_certificate", "new_certificate"]) for name in authorities.PHASES]
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": list(STATES), "required": True},
            "part": {"type": "str", "choices": ["host", "cluster"], "default": "host"},
            "material": {"type": "dict", "default": {}, "no_log": True},
            "old_certificate": {"type": "str", "default": ""},
            "new_certificate": {"type": "str", "default": ""},
            "node_name": {"type": "str", "default": ""},
            **API_SERVERS,
            "endpoint": {"type": "str", "default": ""},
            "bootstrap_token": {"type": "str", "default": "", "no_log": True},
            "namespaces": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 300},
            "kubeadm_path": {"type": "str", "default": "kubeadm"},
        },
        required_if=phases + [("state", "held", ["material"])],
        supports_check_mode=True,
    )
    os.umask(0o077)
    try:
        # What a killed run has left at work here ends first: two would restart the same pods.
        with locked(10 * module.params["timeout"]):
            result = STATES[module.params["state"]](module, HostRunner())
    except KubeadmError as error:
        module.fail_json(msg=str(error), subject=error.operation, problem=error.cause, remedy=error.remedy)
    except (CertificateError, KubernetesError) as error:
        module.fail_json(**error.fields())
    except X509Error as error:
        module.fail_json(msg=str(error))
    steps = result["steps"]
    module.exit_json(changed=bool(steps), diff={"before": "", "after": "".join(line + "\n" for line in steps)}, **result)


if __name__ == "__main__":
    main()
