#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_certificates
version_added: 0.1.0
short_description: Renew the certificates of one node, and have what uses them run with them
description:
  - On a control plane, renews what kubeadm has issued once one of it is due, all together, and starts the static pods anew, one
    after another from etcd up. Each is seen to run with the new certificate before the next one stops, and none stops while the
    cluster could not do without it.
  - Of a kubelet, mends a client certificate whose rotation is stuck, by a bootstrap token, and the serving certificate that the
    kubelet has signed itself.
  - What was killed half-way shows by processes that are older than their certificates; the next call goes on from there.
  - Certificate authorities are never renewed.
options:
  part:
    description: Whose certificates.
    type: str
    choices: [control_plane, kubelet]
    required: true
  renew_before_days:
    description: A certificate with fewer whole days left is renewed. A kubelet's own rotation comes before it.
    type: int
    default: 30
  endpoint:
    description: Where a kubelet asks for a new client certificate, as C(host:port).
    type: str
    default: ""
  bootstrap_token:
    description:
      - A token of module M(baremetal.kubernetes.kubeadm_token), with which a kubelet asks. Needed for a client certificate.
    type: str
    default: ""
  timeout:
    description: Seconds that each gate and each restart may take.
    type: int
    default: 180
  kubeadm_path:
    description: The kubeadm program.
    type: str
    default: kubeadm
extends_documentation_fragment:
  - baremetal.kubernetes.api_servers
attributes:
  check_mode:
    support: full
    description: Says what would be renewed and restarted.
  diff_mode:
    support: full
    description: Shows the steps.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Renew this control plane's certificates
  baremetal.kubernetes.node_certificates:
    part: control_plane
    renew_before_days: 30
    api_servers: [{address: 10.0.0.12}, {address: 10.0.0.13}]
"""

RETURN = r"""
steps:
  description: What was done, or in check mode would be.
  type: list
  elements: str
  returned: always
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.components import API_SERVERS, Restarter
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.errors import CertificateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.renew import (
    KubeletMender,
    apply_control_plane,
    bootstrap_kubeconfig,
    plan_control_plane,
    plan_kubelet,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.operation import KubeadmError, locked
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.certificates import CA
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "part": {"type": "str", "choices": ["control_plane", "kubelet"], "required": True},
            "renew_before_days": {"type": "int", "default": 30},
            **API_SERVERS,
            "endpoint": {"type": "str", "default": ""},
            "bootstrap_token": {"type": "str", "default": "", "no_log": True},
            "timeout": {"type": "int", "default": 180},
            "kubeadm_path": {"type": "str", "default": "kubeadm"},
        },
        supports_check_mode=True,
    )
    options, runner = module.params, HostRunner()
    days, timeout = options["renew_before_days"], options["timeout"]
    try:
        # What a killed run has left at work here ends first: two would restart the same pods.
        with locked(10 * timeout):
            if options["part"] == "control_plane":
                steps = plan_control_plane(runner, days)
                if not module.check_mode:
                    others = [(server["address"], server["port"]) for server in options["api_servers"]]
                    apply_control_plane(steps, runner, days, Restarter(runner, others, timeout), options["kubeadm_path"])
            else:
                steps = plan_kubelet(runner, days)
                if steps and not module.check_mode:
                    kubeconfig = bootstrap_kubeconfig(options["endpoint"], runner.read(CA) or "", options["bootstrap_token"])
                    KubeletMender(runner, days, kubeconfig, timeout, time.sleep).mend()
    except KubeadmError as error:
        module.fail_json(msg=str(error), subject=error.operation, problem=error.cause, remedy=error.remedy)
    except CertificateError as error:
        module.fail_json(**error.fields())
    lines = [step.text for step in steps]
    module.exit_json(changed=bool(lines), steps=lines, diff={"before": "", "after": "".join(line + "\n" for line in lines)})


if __name__ == "__main__":
    main()
