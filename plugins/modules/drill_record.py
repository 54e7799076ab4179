#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: drill_record
version_added: 0.1.0
short_description: Note on the controller what happens in a drill
description:
  - Adds a line with the time to C(events.jsonl) in the directory of the drill. M(baremetal.kubernetes.drill_report) reads it.
options:
  directory:
    description: The directory of this drill. It is made where it is missing.
    type: path
    required: true
  event:
    description: What happened. V(end) also tells M(baremetal.kubernetes.drill_observe) to stop.
    type: str
    required: true
  fault:
    description: The fault that it belongs to.
    type: str
    default: ""
  data:
    description: More to note.
    type: dict
    default: {}
  results:
    description: Results of tasks that ignore unreachable hosts. If one failed or was unreachable, so does this, after its note.
    type: list
    elements: dict
    default: []
  failure:
    description: The result of a failed task, of which the reason is noted.
    type: dict
  powered_off:
    description: By host, the command (a list) that gives it back the power that it is about to lose. Empty when all have it back.
    type: dict
  wait:
    description: Seconds to wait for M(baremetal.kubernetes.drill_observe) to begin, or at V(end) to have read every key back.
    type: int
    default: 0
attributes:
  check_mode:
    support: none
    description: In check mode there is no drill.
  diff_mode:
    support: none
    description: It only notes.
  action:
    support: full
    description: Runs on the controller; no host is connected to.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Note that the fault is in force
  baremetal.kubernetes.drill_record:
    directory: /var/tmp/drill
    event: injected
    fault: vip_holder
"""

RETURN = r"""
msg:
  description: What was noted, or what failed.
  type: str
  returned: always
"""
