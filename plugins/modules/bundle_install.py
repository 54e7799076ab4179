#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle_install
version_added: 0.1.0
short_description: Install Kubernetes' programs and images from a folder on the node
description:
  - Puts programs and CNI plugins of a bundle in their places and imports its images into containerd, each only where the node
    lacks it.
  - Every file that is going to be used is first compared with its checksum in C(bundle.json). If one differs or is missing,
    nothing is changed.
  - Checksums are remembered in C(/var/lib/baremetal-kubernetes/bundle.json) by size, time and inode, so that a call on a node that
    has everything takes a fraction of a second.
options:
  path:
    description: Folder on the node that holds C(bundle.json), C(bin), C(cni) and C(images).
    type: path
    required: true
  kubernetes_version:
    description: The version that the bundle must hold, as in V(1.36.3).
    type: str
    required: true
  parts:
    description: What to install.
    type: list
    elements: str
    choices: [binaries, cni, images]
    default: [binaries, cni, images]
  programs:
    description: Those of the binaries that are installed. Empty means all.
    type: list
    elements: str
    default: []
  roles:
    description: What the node is. Only archives that name one of these, or none at all, are imported.
    type: list
    elements: str
    choices: [control_plane, worker]
    default: [control_plane, worker]
  binaries_path:
    description: Folder for the programs.
    type: path
    default: /usr/local/bin
  cni_path:
    description: Folder for the CNI plugins.
    type: path
    default: /opt/cni/bin
  namespace:
    description: containerd's namespace for the images. The kubelet sees V(k8s.io) only.
    type: str
    default: k8s.io
attributes:
  check_mode:
    support: full
    description: Checksums are compared, too. Where containerd does not run yet, all images count as missing.
  diff_mode:
    support: full
    description: A line for each program and image.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Install Kubernetes without internet
  baremetal.kubernetes.bundle_install:
    path: /opt/kubernetes-bundle
    kubernetes_version: 1.36.3
    roles: [worker]

- name: Import images only, the programs come from packages
  baremetal.kubernetes.bundle_install:
    path: /opt/kubernetes-bundle
    kubernetes_version: 1.36.3
    parts: [images]
"""

RETURN = r"""
changes:
  description: What was done, or in check mode would be, a line each.
  type: list
  elements: str
  returned: always
  sample: ["/usr/local/bin/kubelet: new", "image registry.k8s.io/pause:3.10.2: import"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.install import Wanted, install_bundle
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import BundleError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner

PARTS = ["binaries", "cni", "images"]
ROLES = ["control_plane", "worker"]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "kubernetes_version": {"type": "str", "required": True},
            "parts": {"type": "list", "elements": "str", "choices": PARTS, "default": PARTS},
            "programs": {"type": "list", "elements": "str", "default": []},
            "roles": {"type": "list", "elements": "str", "choices": ROLES, "default": ROLES},
            "binaries_path": {"type": "path", "default": "/usr/local/bin"},
            "cni_path": {"type": "path", "default": "/opt/cni/bin"},
            "namespace": {"type": "str", "default": "k8s.io"},
        },
        supports_check_mode=True,
    )
    try:
        changes = install_bundle(Wanted(**module.params), HostRunner(), module.check_mode).changes
    except BundleError as error:
        module.fail_json(msg=str(error), subject=error.subject, problem=error.problem, remedy=error.remedy)
    after = "".join(line + "\n" for line in changes)
    module.exit_json(changed=bool(changes), changes=changes, diff={"before": "", "after": after})


if __name__ == "__main__":
    main()
