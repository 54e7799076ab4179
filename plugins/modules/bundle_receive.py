#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle_receive
version_added: 0.1.0
short_description: Say which files of a bundle a host lacks, and take those that were sent
description:
  - The half of M(baremetal.kubernetes.bundle_send) that works on the host; no task of yours calls it.
options:
  path:
    description: Folder of the bundle on the host.
    type: path
    required: true
  files:
    description: Path in the bundle to SHA-256, of the files that the host shall have.
    type: dict
    required: true
  manifest:
    description: The text of C(bundle.json), written when no file is missing any more.
    type: str
    required: true
  incoming:
    description: Path in the bundle to a temporary file that was sent.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: Says what is missing.
  diff_mode:
    support: none
    description: Files are programs and images.
seealso:
  - module: baremetal.kubernetes.bundle_send
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: See whether a program of the bundle is there
  baremetal.kubernetes.bundle_receive:
    path: /opt/kubernetes-bundle
    files:
      bin/kubectl: 4d4a6c8e0c0d9a4a6c8e0c0d9a4a6c8e0c0d9a4a6c8e0c0d9a4a6c8e0c0d9a4a
    manifest: ""
  check_mode: true
"""

RETURN = r"""
missing:
  description: Files that are missing or differ.
  type: list
  elements: str
  returned: always
  sample: [images/pause.tar]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import BundleError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.receive import receive
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import FormError, check_form


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "files": {"type": "dict", "required": True},
            "manifest": {"type": "str", "required": True},
            "incoming": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    options = module.params
    try:
        check_form([options["files"], options["incoming"]], [{str: str}])
    except FormError as error:
        module.fail_json(msg="files or incoming: %s. What to do: let playbook offline send the bundle." % error)
    try:
        received = receive(options["path"], options["files"], options["manifest"], options["incoming"], module.check_mode)
    except BundleError as error:
        module.fail_json(**error.fields())
    except OSError as error:
        module.fail_json(msg="%s: %s. What to do: see the space on its disk." % (options["path"], error))
    module.exit_json(changed=received.changed, missing=received.missing)


if __name__ == "__main__":
    main()
