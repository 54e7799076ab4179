#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: control_plane_security
version_added: 0.1.0
short_description: Bring one control plane to its security settings, and have its static pods run with them
description:
  - Writes the files that the API server reads, has kubeadm write the manifests whose flags differ, and starts the API server anew
    where it is older than its files. None stops while the others are not ready.
  - What was killed half-way shows by files and processes; the next call goes on from there.
options:
  files:
    description: Path below C(/etc/kubernetes/security) to the whole text. Secrets; they are in no output and no log.
    type: dict
    default: {}
  config:
    description: kubeadm's file for this control plane. Needed with O(arguments).
    type: path
    default: ""
  arguments:
    description: Component, such as V(kube-apiserver), to the flags that it must have. Empty leaves manifests and processes alone.
    type: dict
    default: {}
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
    description: Returns the steps that would be taken.
  diff_mode:
    support: full
    description: Shows the steps, and no file's content.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Have the API server keep an audit log
  baremetal.kubernetes.control_plane_security:
    files: {/etc/kubernetes/security/audit.json: "{{ policy }}"}
    config: /run/baremetal-kubernetes/kubeadm-upgrade.yaml
    arguments: {kube-apiserver: {audit-policy-file: /etc/kubernetes/security/audit.json}}
    api_servers: [{address: 10.0.0.12}, {address: 10.0.0.13}]
"""

RETURN = r"""
steps:
  description: What was done, or in check mode would be.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.components import API_SERVERS, Restarter
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.errors import CertificateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.operation import KubeadmError, locked
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.security.control_plane import apply, plan


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "dict", "default": {}, "no_log": True},
            "config": {"type": "path", "default": ""},
            "arguments": {"type": "dict", "default": {}},
            **API_SERVERS,
            "timeout": {"type": "int", "default": 180},
            "kubeadm_path": {"type": "str", "default": "kubeadm"},
        },
        supports_check_mode=True,
    )
    options, runner = module.params, HostRunner()
    try:
        # What a killed run has left at work here ends first: two would restart the same pods.
        with locked(10 * options["timeout"]):
            steps = plan(runner, options["files"], options["arguments"])
            if not module.check_mode:
                others = [(server["address"], server["port"]) for server in options["api_servers"]]
                restarter = Restarter(runner, others, options["timeout"])
                apply(steps, options["files"], runner, restarter, options["config"], options["kubeadm_path"])
    except KubeadmError as error:
        module.fail_json(msg=str(error), subject=error.operation, problem=error.cause, remedy=error.remedy)
    except CertificateError as error:
        module.fail_json(**error.fields())
    lines = [step.text for step in steps]
    module.exit_json(changed=bool(lines), steps=lines, diff={"before": "", "after": "".join(line + "\n" for line in lines)})


if __name__ == "__main__":
    main()
