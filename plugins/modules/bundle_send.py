#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle_send
version_added: 0.1.0
short_description: Bring a bundle from the controller to a host
description:
  - Sends the files that the host has use for and lacks, over Ansible's own connection, so that the host needs
    no way to anything else.
  - Each file is compared with its checksum before it takes its place. What came is not sent again after an interruption.
options:
  source:
    description: Folder of the bundle on the controller.
    type: path
    required: true
  path:
    description: Folder of the bundle on the host.
    type: path
    required: true
  roles:
    description: What the host is; it gets images for that. A host that is no node has none, and gets packages only.
    type: list
    elements: str
    choices: [control_plane, worker]
    default: [control_plane, worker]
  system:
    description: The host's system, as in V(debian-12), whose packages it gets.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: Says what would be sent; of a bundle that is not made yet, only that it would be.
  diff_mode:
    support: none
    description: Files are programs and images.
  action:
    support: full
    description: Sends from the controller, and has M(baremetal.kubernetes.bundle_receive) take it on the host.
seealso:
  - module: baremetal.kubernetes.bundle_fetch
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Bring the bundle to a worker
  baremetal.kubernetes.bundle_send:
    source: /srv/bundle-1.36.3
    path: /opt/kubernetes-bundle
    roles: [worker]
    system: debian-12
"""

RETURN = r"""
sent:
  description: Files that were, or in check mode would be, sent.
  type: list
  elements: str
  returned: always
  sample: [bin/kubelet]
"""
