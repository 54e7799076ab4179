#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: offline_plan
version_added: 0.1.0
short_description: List all that the hosts of an inventory take from outside
description:
  - Computes, on the controller, the packages, programs, images and charts that the roles will want, out of their own defaults,
    variables and tables. No host is connected to.
options:
  bundle:
    description: Folder of a bundle on the controller, to be compared with the list.
    type: path
    default: ""
  system:
    description: The system, as in V(debian-12), of hosts that M(baremetal.kubernetes.node_facts) did not read.
    type: str
    default: ""
notes:
  - Run it once (C(run_once)). Where hosts can be reached, run M(baremetal.kubernetes.node_facts) on them before, with
    C(register=node_state).
attributes:
  check_mode:
    support: full
    description: Never changes anything.
  diff_mode:
    support: none
    description: Never changes anything.
  action:
    support: full
    description: Runs on the controller; no host is connected to.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: List what the inventory needs
  baremetal.kubernetes.offline_plan:
    system: debian-12
  run_once: true
  register: offline
"""

RETURN = r"""
needs:
  description: C(kubernetes_version), C(binaries), C(cni), C(images) (reference to roles), C(charts) and
    C(packages) (system to names).
  type: dict
  returned: success
summary:
  description: The same for a person, a line each.
  type: list
  elements: str
  returned: success
missing:
  description: What O(bundle) lacks of it, a line each.
  type: list
  elements: str
  returned: success
"""
