#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rke2_token
version_added: 0.2.0
short_description: The token by which nodes join a cluster of RKE2, made once and kept
description:
  - Returns the token that the host has. Where it has none, it keeps O(token), or one that it makes, in C(/etc/rancher/rke2/token)
    with mode 0600, before anybody uses it.
  - Call it with C(no_log), since its result is the secret.
options:
  token:
    description: The token to take where there is none yet. One that differs from the cluster's is refused.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: Returns the token that there is, or one that is kept nowhere.
  diff_mode:
    support: none
    description: It would show the secret.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Settle the token of the cluster
  baremetal.kubernetes.rke2_token:
  register: settled
  no_log: true
"""

RETURN = r"""
token:
  description: The token, without the hash of the CA that servers write before it. Ansible blanks it where O(token) is given.
  type: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.credentials import settle_token
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.errors import Rke2Error
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


@in_words
def main() -> None:
    module = AnsibleModule(argument_spec={"token": {"type": "str", "default": "", "no_log": True}}, supports_check_mode=True)
    try:
        token, changed = settle_token(HostRunner(), module.params["token"], module.check_mode)
    except Rke2Error as error:
        module.fail_json(**error.fields())
    module.exit_json(changed=changed, token=token)


if __name__ == "__main__":
    main()
