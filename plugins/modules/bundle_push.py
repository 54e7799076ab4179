#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle_push
version_added: 0.1.0
short_description: Bring the images of a bundle into a registry
description:
  - Pushes each image under its path, without the name of its own registry, which is where nodes that have the registry
    as a mirror look.
  - An image that is there already is not pushed again. Needs skopeo.
options:
  path:
    description: Folder of the bundle.
    type: path
    required: true
  registry:
    description: The registry, with its scheme, as in V(https://192.0.2.5:5443).
    type: str
    required: true
  credentials:
    description: Path of a file with credentials for the registry, as C(skopeo login --authfile) writes it.
    type: str
    default: ""
  certificates:
    description: Folder with the certificate of the authority that signs for the registry, a file that ends in C(.crt).
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: Says what would be pushed.
  diff_mode:
    support: none
    description: The images are in the result.
seealso:
  - module: baremetal.kubernetes.bundle_fetch
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Fill a registry
  baremetal.kubernetes.bundle_push:
    path: /srv/bundle-1.36.3
    registry: http://192.0.2.5:5000
"""

RETURN = r"""
pushed:
  description: The images that were, or in check mode would be, pushed.
  type: list
  elements: str
  returned: always
  sample: ["registry.k8s.io/pause:3.10.2"]
"""

import os
from typing import Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.images import Target, place_in, push
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import FILE_NAME, BundleError, parse_manifest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "registry": {"type": "str", "required": True},
            "credentials": {"type": "str", "default": ""},
            "certificates": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    options = module.params
    runner = HostRunner()
    target = Target(options["registry"], options["credentials"], options["certificates"])
    where = os.path.join(options["path"], FILE_NAME)
    pushed = []
    taken: Dict[str, str] = {}
    try:
        if not target.address.startswith(("http://", "https://")):
            raise BundleError("registry %s" % target.address, "it has no scheme", "write http:// or https:// in front")
        for archive in parse_manifest(runner.read(where), where).images:
            for reference in archive.references:
                other = taken.setdefault(place_in(target, reference), reference)
                if other != reference:
                    raise BundleError(
                        reference, "%s would have the same place in the registry" % other, "give one of both a registry of its own"
                    )
                if push(reference, os.path.join(options["path"], archive.path), target, runner, module.check_mode):
                    pushed.append(reference)
    except BundleError as error:
        module.fail_json(pushed=pushed, **error.fields())
    module.exit_json(changed=bool(pushed), pushed=pushed)


if __name__ == "__main__":
    main()
