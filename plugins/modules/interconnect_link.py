#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: interconnect_link
version_added: 0.1.0
short_description: Bring up a host's end of the private link between servers, or exchange it for another one
description:
  - Used by the role P(baremetal.kubernetes.interconnect#role), which installs the program and the service that this module needs.
  - A member of a cluster keeps its address. Where the link itself changes, all hosts exchange it at the same moment, and one that
    does not reach most of the others afterwards goes back by itself.
options:
  state:
    description:
      - V(key) makes the private key of WireGuard where there is none; it never leaves the host.
      - V(present) writes the files and brings the link up, or has it exchanged at O(moment).
      - V(switched) waits for the end of such an exchange.
    type: str
    choices: [key, present, switched]
    default: present
  link:
    description: Text of the link's file, as the filter P(baremetal.kubernetes.interconnect_settings#filter) makes it.
    type: str
    default: ""
  peers:
    description: Text of the peers' file.
    type: str
    default: ""
  neighbours:
    description: Addresses of the other hosts on the link.
    type: list
    elements: str
    default: []
  in_use:
    description: Whether the host is a member of a cluster.
    type: bool
    default: true
  moment:
    description: When to exchange the link, in seconds since the epoch, the same for all hosts.
    type: int
    default: 0
  timeout:
    description: Seconds to wait for the end of an exchange.
    type: int
    default: 60
attributes:
  check_mode:
    support: full
    description: Returns the steps that would be taken.
  diff_mode:
    support: full
    description: The steps.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Make the key of this host's WireGuard
  baremetal.kubernetes.interconnect_link:
    state: key
"""

RETURN = r"""
public_key:
  description: This host's public key; empty in check mode where there is none yet.
  type: str
  returned: O(state=key)
steps:
  description: What was done, or in check mode would be.
  type: list
  elements: str
  returned: always
  sample: [write, up]
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.interconnect.link import (
    Linker,
    LinkError,
    make_key,
    plan,
    read,
    wait_for_switch,
    wanted_from,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.interconnect.settings import PRIVATE_KEY
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["key", "present", "switched"], "default": "present"},
            "link": {"type": "str", "default": ""},
            "peers": {"type": "str", "default": ""},
            "neighbours": {"type": "list", "elements": "str", "default": []},
            "in_use": {"type": "bool", "default": True},
            "moment": {"type": "int", "default": 0},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    options = module.params
    runner = HostRunner()
    result: Dict[str, Any] = {"changed": False, "steps": []}
    try:
        if options["state"] == "key":
            result["public_key"], result["changed"] = make_key(runner, PRIVATE_KEY, not module.check_mode)
            result["steps"] = ["key"] if result["changed"] else []
        elif options["state"] == "switched":
            result["changed"] = not module.check_mode and wait_for_switch(runner, options["timeout"])
        else:
            wanted = wanted_from(options)
            result["steps"] = plan(wanted, read(runner), options["in_use"])
            result["changed"] = bool(result["steps"])
            if not module.check_mode:
                Linker(runner, wanted, options["moment"]).carry_out(result["steps"])
    except LinkError as error:
        module.fail_json(**error.fields())
    if result["steps"]:
        result["diff"] = {"before": "", "after": "".join("interconnect: %s\n" % step for step in result["steps"])}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
