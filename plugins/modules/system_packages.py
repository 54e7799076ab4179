#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: system_packages
version_added: 0.1.0
short_description: Install packages, and say in plain words why that failed
description:
  - Has M(ansible.builtin.apt) or M(ansible.builtin.dnf) install packages, by the family that M(baremetal.kubernetes.node_facts)
    reads; it is called where nobody has before. Of other systems it is whatever M(ansible.builtin.package) takes.
  - Waits for another package manager that is at work, such as unattended upgrades or cloud-init after the first boot.
  - Where it fails, the message has the cause (who holds the lock, that names are not resolved, that a disk is full), the line that
    shows it, and what to do.
options:
  names:
    description: The packages, in whatever form the package manager takes.
    type: list
    elements: str
    required: true
  apt:
    description: Further arguments of M(ansible.builtin.apt), where that is what installs.
    type: dict
    default: {}
  dnf:
    description: Further arguments of M(ansible.builtin.dnf), where that is what installs.
    type: dict
    default: {}
  lock_timeout:
    description: Seconds to wait for another package manager to end, where M(ansible.builtin.apt) or M(ansible.builtin.dnf) is what
      installs.
    type: int
    default: 300
attributes:
  check_mode:
    support: full
    description: As the module that installs has it.
  diff_mode:
    support: partial
    description: As the module that installs has it.
  action:
    support: full
    description: Chooses on the controller, installs on the host.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Read the host
  baremetal.kubernetes.node_facts:

- name: Install the programs that Kubernetes calls
  baremetal.kubernetes.system_packages:
    names: [conntrack, socat]
    apt:
      install_recommends: false
      update_cache: true
"""

RETURN = r"""
msg:
  description: Where it failed, the cause, the lines that show it, and what to do.
  type: str
  returned: failure
"""
