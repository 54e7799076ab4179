#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kubeadm_token
version_added: 0.1.0
short_description: Make or revoke what a node needs to join a kubeadm cluster
description:
  - Runs on a working control plane. Makes a short-lived bootstrap token and, for control planes that are to join, uploads the
    control-plane certificates under a new key.
  - No secret appears on a command line. Use C(no_log) on the task, since the result holds them.
  - Every call with O(state=present) makes a new token; call it only when somebody joins.
options:
  state:
    description:
      - V(present) makes credentials. V(absent) revokes every token that this module made, those of runs that were killed, too.
    type: str
    choices: [present, absent]
    default: present
  ttl:
    description: How long the token lives, as a Go duration such as V(30m). The uploaded certificates always live two hours.
    type: str
    default: 30m
  upload_certificates:
    description: Upload the control-plane certificates too.
    type: bool
    default: false
  kubeadm_path:
    description: The kubeadm program.
    type: str
    default: kubeadm
attributes:
  check_mode:
    support: full
    description: Makes nothing and returns well-formed placeholders.
  diff_mode:
    support: none
    description: There is nothing but secrets to show.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Make credentials for control planes that join
  baremetal.kubernetes.kubeadm_token:
    upload_certificates: true
  register: join
  no_log: true

- name: Revoke them once everybody is in
  baremetal.kubernetes.kubeadm_token:
    state: absent
"""

RETURN = r"""
token:
  description: The bootstrap token. A secret.
  type: str
  returned: O(state=present)
certificate_key:
  description: The key of the uploaded certificates, 64 hexadecimal digits. A secret.
  type: str
  returned: O(state=present) and O(upload_certificates=true)
ca_certificate_hash:
  description: The pin of the cluster's CA, V(sha256:) and the hash of its public key.
  type: str
  returned: O(state=present)
security_files:
  description: What else every control plane has below C(/etc/kubernetes/security), by path, with O(upload_certificates). Secrets.
  type: dict
  returned: O(state=present)
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.credentials import create, revoke
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.operation import CA_CERTIFICATE, KubeadmError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.security.settings import FOLDER
from ansible_collections.baremetal.kubernetes.plugins.module_utils.x509 import X509Error, parse_pem


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "ttl": {"type": "str", "default": "30m"},
            "upload_certificates": {"type": "bool", "default": False},
            "kubeadm_path": {"type": "str", "default": "kubeadm"},
        },
        supports_check_mode=True,
    )
    runner, kubeadm = HostRunner(), module.params["kubeadm_path"]
    try:
        if module.params["state"] == "absent":
            module.exit_json(changed=module.check_mode or bool(revoke(runner, kubeadm)))
        if module.check_mode:
            token, key = "aaaaaa.aaaaaaaaaaaaaaaa", "0" * 64
            module.exit_json(changed=True, token=token, certificate_key=key, ca_certificate_hash="sha256:" + key, security_files={})
        pin = parse_pem(runner.read(CA_CERTIFICATE) or "", CA_CERTIFICATE)[0].discovery_hash
        made = create(runner, kubeadm, module.params["ttl"], module.params["upload_certificates"])
    except KubeadmError as error:
        module.fail_json(msg=str(error), cause=error.cause, remedy=error.remedy, evidence=error.evidence)
    except X509Error as error:
        module.fail_json(msg="%s: no CA certificate can be read (%s). Run this on a control plane." % (CA_CERTIFICATE, error))
    files = {}
    if module.params["upload_certificates"]:
        # kubeadm uploads certificates alone.
        files = {path: runner.read(path) or "" for path in ("%s/%s" % (FOLDER, name) for name in runner.list_dir(FOLDER))}
    module.exit_json(
        changed=True, token=made.token, certificate_key=made.certificate_key, ca_certificate_hash=pin, security_files=files
    )


if __name__ == "__main__":
    main()
