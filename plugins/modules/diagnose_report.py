#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: diagnose_report
version_added: 0.1.0
short_description: Put what was read off all hosts into one archive with a first page
description:
  - Writes, on the controller, an archive (tar.gz, mode 0600) of what M(baremetal.kubernetes.node_diagnose) returned on each host,
    and a page that says what is wrong where. Hosts that did not answer are named on it.
  - Every call writes new files; nothing on any host changes, so it reports no change.
options:
  directory:
    description: Where on the controller the files go.
    type: path
    required: true
  cluster_name:
    description: The cluster's name, for the page.
    type: str
    default: kubernetes
  virtual_address:
    description: The address that one host should hold. Empty where there is none.
    type: str
    default: ""
notes:
  - Run it once (C(run_once)), after M(baremetal.kubernetes.node_diagnose) was run with C(register=diagnose_node) and
    C(ignore_unreachable=true).
attributes:
  check_mode:
    support: full
    description: Writes the files as well, since to look is all that it does.
  diff_mode:
    support: none
    description: It changes nothing on a host.
  action:
    support: full
    description: Runs on the controller; no host is connected to.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Put it all together
  baremetal.kubernetes.diagnose_report:
    directory: /root/diagnose
  run_once: true
"""

RETURN = r"""
archive:
  description: The archive.
  type: str
  returned: always
page:
  description: The page, which is in the archive, too.
  type: str
  returned: always
findings:
  description: What is wrong, a line each.
  type: list
  elements: str
  returned: always
silent:
  description: The hosts that did not answer.
  type: list
  elements: str
  returned: always
"""
