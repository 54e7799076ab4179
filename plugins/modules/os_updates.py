#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: os_updates
version_added: 0.1.0
short_description: Say what the distribution has newer for a host, or install it
description:
  - Knows apt-get and dnf. Says whether the host has to be started anew, by its own word or because a newer kernel is installed than
    the one that runs.
  - Refuses where Kubernetes' own packages would change, which playbook C(upgrade) does in its order.
  - Fails, with V(installed), where the host uses ZFS and the kernel that the next boot takes has no module for it.
options:
  state:
    description: V(listed) only looks, V(installed) installs all of it. Files that an administrator has changed stay as they are.
    type: str
    choices: [listed, installed]
    default: listed
  refresh:
    description: Ask the repositories first.
    type: bool
    default: true
  timeout:
    description: Seconds that each call of the package manager may take.
    type: int
    default: 1800
attributes:
  check_mode:
    support: full
    description: Looks, and installs nothing.
  diff_mode:
    support: full
    description: Shows the packages.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: See what there is
  baremetal.kubernetes.os_updates:
  register: updates
"""

RETURN = r"""
packages:
  description: Name and version of what is newer, before the call.
  type: list
  elements: str
  returned: always
reboot:
  description: Why the host has to be started anew, after the call; empty where it has not.
  type: str
  returned: always
pending:
  description: Whether there is anything to do on the host, after the call.
  type: bool
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.updates import UpdateError, install, read
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.kernels import kernel_without_module


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["listed", "installed"], "default": "listed"},
            "refresh": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 1800},
        },
        supports_check_mode=True,
    )
    options, runner = module.params, HostRunner()
    try:
        # Even in check mode an old list says what is known.
        found = read(runner, options["timeout"], options["refresh"] and not module.check_mode)
        if found.kubernetes:
            raise UpdateError(
                ", ".join(found.kubernetes),
                "the distribution's upgrade would change what the cluster's version is",
                "hold these packages (apt-mark hold, or exclude= for dnf); playbook upgrade changes them in its order",
            )
        changed = options["state"] == "installed" and bool(found.packages)
        left = found
        if changed and not module.check_mode:
            install(runner, options["timeout"])
            left = read(runner, options["timeout"], refresh=False)
            if left.packages:
                raise UpdateError(
                    ", ".join(left.packages), "not installed", "see what keeps them: apt-get or dnf on this host says it"
                )
        # Before the host is started anew: a kernel that DKMS has built nothing for has no pools.
        without_pools = kernel_without_module(runner) if options["state"] == "installed" and left.reboot else None
        if without_pools is not None and not module.check_mode:
            raise without_pools
    except ProblemError as error:
        module.fail_json(**error.fields())
    listed = "".join(line + "\n" for line in found.packages)
    diff = {"before": "", "after": listed if options["state"] == "installed" else ""}
    module.exit_json(changed=changed, packages=found.packages, reboot=left.reboot, pending=left.pending, diff=diff)


if __name__ == "__main__":
    main()
