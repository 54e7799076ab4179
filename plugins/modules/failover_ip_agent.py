#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: failover_ip_agent
version_added: 0.2.0
short_description: Write the program of the failover IP's agent
description:
  - Makes one file, which Python runs, of the modules of this collection that the agent consists of. It is the code that module
    M(baremetal.kubernetes.failover_ip) runs, and needs nothing but Python's standard library.
  - Role P(baremetal.kubernetes.failover_ip#role) uses it, and brings settings, credentials and the service.
options:
  path:
    description: Where the program is written, mode 0755, owned by the user who runs this.
    type: path
    default: /usr/local/libexec/kubernetes-failover-ip.pyz
attributes:
  check_mode:
    support: full
    description: Says whether the file would change.
  diff_mode:
    support: full
    description: The checksums before and after.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Write the agent's program
  baremetal.kubernetes.failover_ip_agent:
"""

RETURN = r"""
path:
  description: The file.
  type: str
  returned: success
python:
  description: A Python on this host that can run it.
  type: str
  returned: success
  sample: /usr/bin/python3
sha256:
  description: Of the file.
  type: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError

# Imported, too, so that Ansible brings it to the host.
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover import main as agent
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.program import build, install
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={"path": {"type": "path", "default": "/usr/local/libexec/kubernetes-failover-ip.pyz"}},
        supports_check_mode=True,
    )
    try:
        result = install(module.params["path"], build(agent.__name__), module.check_mode)
    except ProblemError as error:
        module.fail_json(**error.fields())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
