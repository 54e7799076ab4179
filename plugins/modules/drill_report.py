#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: drill_report
version_added: 0.1.0
short_description: Report what a drill measured, and fail over its limits
description:
  - Makes C(report.json) and C(report.html), a page that needs nothing else, from the records in the directory of a drill.
  - Fails if a fault went over a limit, if an acknowledged write was lost, or if the drill was stopped.
options:
  directory:
    description: The directory of the drill.
    type: path
    required: true
attributes:
  check_mode:
    support: none
    description: In check mode there is no drill.
  diff_mode:
    support: none
    description: It only reports.
  action:
    support: full
    description: Runs on the controller; no host is connected to.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Report
  baremetal.kubernetes.drill_report:
    directory: /var/tmp/drill
"""

RETURN = r"""
report:
  description: The content of C(report.json).
  type: dict
  returned: always
figures:
  description: A line for each fault.
  type: list
  elements: str
  returned: always
path:
  description: Where the page is.
  type: str
  returned: always
"""
