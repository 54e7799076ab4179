#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rke2_release
version_added: 0.2.0
short_description: Put a release of RKE2 in its place from a folder of its files
description:
  - Does what RKE2's own C(install.sh) does with C(INSTALL_RKE2_ARTIFACT_PATH). It verifies the tarball and the archives of images
    by the release's list of checksums, unpacks the programs and units into C(/usr/local), and puts the archives where RKE2 imports
    them.
  - Every file is there whole or not at all. A tarball whose program is of another version than O(version) is refused.
  - It restarts nothing; a running RKE2 goes on with the program that it has.
options:
  path:
    description: Folder on the host with C(rke2.linux-ARCH.tar.gz), C(sha256sum-ARCH.txt) and the archives.
    type: path
    required: true
  version:
    description: RKE2's name of the release, like V(v1.36.3+rke2r1).
    type: str
    required: true
  images:
    description: Archives of images, such as V(rke2-images); a name without the machine and the packing takes what the release has.
    type: list
    elements: str
    default: []
  programs:
    description: Whether programs and units are put in their places, too.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: Verifies the files and says what would be done.
  diff_mode:
    support: none
    description: The files are programs and images.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Install RKE2 where there is no internet
  baremetal.kubernetes.rke2_release:
    path: /opt/rke2-artifacts
    version: v1.36.3+rke2r1
    images: [rke2-images]
"""

RETURN = r"""
changes:
  description: What was done, or in check mode would be, a line each.
  type: list
  elements: str
  returned: always
"""

import os
import tarfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.errors import Rke2Error
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.release import WantedRelease, install_release
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "version": {"type": "str", "required": True},
            "images": {"type": "list", "elements": "str", "default": []},
            "programs": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    options = module.params
    wanted = WantedRelease(
        path=options["path"],
        version=options["version"],
        machine=os.uname().machine,
        images=options["images"],
        programs=options["programs"],
    )
    try:
        changes = install_release(wanted, HostRunner(), module.check_mode)
    except Rke2Error as error:
        module.fail_json(**error.fields())
    except (OSError, tarfile.TarError) as error:
        module.fail_json(msg="%s: %s. What to do: make room or mend the file, then run again." % (options["path"], error))
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
