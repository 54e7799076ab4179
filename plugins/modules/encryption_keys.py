#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: encryption_keys
version_added: 0.1.0
short_description: Read, make and put to use the keys with which API servers encrypt what they store
description:
  - Works with C(/etc/kubernetes/security/encryption.json) of a control plane. Its content is a secret; register the result with
    C(no_log).
options:
  state:
    description:
      - V(read) returns the file and a new key, which is not written anywhere.
      - V(present) makes a file with a new key where there is none, for the first control plane before it is initialised.
      - V(rewritten) writes every object of O(resources) again, so that the newest key encrypts it.
    type: str
    choices: [read, present, rewritten]
    default: read
  provider:
    description: What the new key is for.
    type: str
    choices: [none, secretbox, aescbc]
    default: none
  resources:
    description: The resources that are encrypted.
    type: list
    elements: str
    default: [secrets]
extends_documentation_fragment:
  - baremetal.kubernetes.kubernetes_api
  - baremetal.kubernetes.kubernetes_api.kubectl
attributes:
  check_mode:
    support: full
    description: V(read) is the same; the others return whether something would be written.
  diff_mode:
    support: none
    description: There is nothing but secrets to show.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Read the keys of this control plane
  baremetal.kubernetes.encryption_keys:
    provider: secretbox
  register: keys
  no_log: true
"""

RETURN = r"""
text:
  description: The file, empty where there is none. A secret.
  type: str
  returned: O(state=read)
fresh:
  description: A new key as a list of provider, name and secret. A secret.
  type: list
  elements: str
  returned: O(state=read)
rewritten:
  description: How many objects of each resource were written.
  type: dict
  returned: O(state=rewritten)
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import (
    KUBECTL_ARGUMENTS,
    Kubectl,
    KubernetesError,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.security.encryption import PLAIN, new_key, render
from ansible_collections.baremetal.kubernetes.plugins.module_utils.security.rewrite import rewrite
from ansible_collections.baremetal.kubernetes.plugins.module_utils.security.settings import ENCRYPTION_FILE, FOLDER


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["read", "present", "rewritten"], "default": "read"},
            "provider": {"type": "str", "choices": ["none", "secretbox", "aescbc"], "default": "none"},
            "resources": {"type": "list", "elements": "str", "default": ["secrets"]},
            **KUBECTL_ARGUMENTS,
        },
        supports_check_mode=True,
    )
    options, runner = module.params, HostRunner()
    if options["state"] == "read":
        module.exit_json(
            changed=False, text=runner.read(ENCRYPTION_FILE) or "", fresh=list(new_key(options["provider"], runner.now()))
        )
    if options["state"] == "present":
        missing = options["provider"] != "none" and not runner.exists(ENCRYPTION_FILE)
        if missing and not module.check_mode:
            os.makedirs(FOLDER, mode=0o700, exist_ok=True)
            keys = (new_key(options["provider"], runner.now()), PLAIN)
            replace_file(ENCRYPTION_FILE, render(dict.fromkeys(options["resources"], keys)), 0o600)
        module.exit_json(changed=missing)
    if module.check_mode:
        module.exit_json(changed=True, rewritten={})
    kubectl = Kubectl.from_options(runner, options)
    try:
        done = {resource: rewrite(kubectl, resource) for resource in options["resources"]}
    except KubernetesError as error:
        module.fail_json(**error.fields())
    module.exit_json(changed=True, rewritten=done)


if __name__ == "__main__":
    main()
