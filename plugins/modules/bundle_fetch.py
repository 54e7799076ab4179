#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle_fetch
version_added: 0.1.0
short_description: Make a bundle of all that an inventory needs, where there is internet
description:
  - Downloads programs, pulls images and charts, and makes repositories of packages with all that they depend on. The result is a
    folder that M(baremetal.kubernetes.host_state) and M(baremetal.kubernetes.bundle_send) work with.
  - What is there and right is not fetched again, and a transfer that was cut goes on where it ended.
  - C(bundle.json) in the folder is the lock file. What it lists comes with that checksum (images with that digest) or not at all,
    until O(update) is given. Put it alone into an empty folder, and the same bundle is made once more.
  - Needs skopeo where there are images, C(apt-get) and C(dpkg-deb) or C(dnf) and C(createrepo_c) for packages.
options:
  path:
    description: Folder of the bundle.
    type: path
    required: true
  kubernetes_version:
    description: The version, as in V(1.36.3). A folder holds one.
    type: str
    required: true
  downloads:
    description: Programs.
    type: list
    elements: dict
    default: []
    suboptions:
      folder:
        description: V(bin) or V(cni).
        type: str
        choices: [bin, cni]
        required: true
      url:
        description: Address of the program, or of a tar archive with programs.
        type: str
        required: true
      names:
        description: Those of an archive that are taken. Empty means all.
        type: list
        elements: str
        default: []
      checksum_url:
        description: Address of the file with its SHA-256.
        type: str
        required: true
      sha256:
        description: The checksum, where it is known beforehand.
        type: str
        default: ""
  images:
    description: Reference of an image with its tag, to the roles of the nodes that need it.
    type: dict
    default: {}
  image_mirrors:
    description: Registry, as in V(docker.io), to the address with its scheme that its images are fetched from.
    type: dict
    default: {}
  image_credentials:
    description: Path of a file with credentials for registries, as C(skopeo login --authfile) writes it.
    type: str
    default: ""
  charts:
    description: Charts with name, version, repository and sha256, each a text; sha256 may be empty. Their images are fetched, too.
    type: list
    elements: dict
    default: []
  packages:
    description: Packages of systems.
    type: list
    elements: dict
    default: []
    suboptions:
      system:
        description: The system, as in V(debian-12).
        type: str
        required: true
      names:
        description: Packages, without what they depend on.
        type: list
        elements: str
        required: true
  package_sources:
    description: Text of apt's or dnf's sources. Empty means those of the host.
    type: str
    default: ""
  architecture:
    description: Architecture of the hosts that the bundle is for, as Debian and Kubernetes call it.
    type: str
    default: amd64
  update:
    description: Take what tags and package repositories have now, whatever C(bundle.json) says.
    type: bool
    default: false
  timeout:
    description: Seconds after which a server that says nothing is given up.
    type: int
    default: 60
attributes:
  check_mode:
    support: full
    description: Lists what would be fetched with its size, and asks the internet for that.
  diff_mode:
    support: none
    description: The items are in the result.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Fetch an image and a program
  baremetal.kubernetes.bundle_fetch:
    path: /srv/bundle-1.36.3
    kubernetes_version: 1.36.3
    images:
      registry.k8s.io/pause:3.10.2: [control_plane, worker]
    downloads:
      - folder: bin
        url: https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubectl
        checksum_url: https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubectl.sha256
"""

RETURN = r"""
fetched:
  description: What was, or in check mode would be, fetched, with its bytes where they are known.
  type: list
  elements: str
  returned: always
  sample: ["image registry.k8s.io/pause:3.10.2 (0.3 MB)"]
bytes:
  description: The sum of the bytes that are known.
  type: int
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.fetch import Download, Request, fetch_bundle
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.images import Source
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import BundleError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.needs import system_of
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.system_packages import Wanted
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import FormError, check_form
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner

#: Of what module offline_plan hands over.
FORMS = {
    "images": {str: [str]},
    "image_mirrors": {str: str},
    "charts": [{"name": str, "version": str, "repository?": str, "sha256?": str}],
}


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "kubernetes_version": {"type": "str", "required": True},
            "downloads": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "folder": {"type": "str", "choices": ["bin", "cni"], "required": True},
                    "url": {"type": "str", "required": True},
                    "names": {"type": "list", "elements": "str", "default": []},
                    "checksum_url": {"type": "str", "required": True},
                    "sha256": {"type": "str", "default": ""},
                },
            },
            "images": {"type": "dict", "default": {}},
            "image_mirrors": {"type": "dict", "default": {}},
            "image_credentials": {"type": "str", "default": ""},
            "charts": {"type": "list", "elements": "dict", "default": []},
            "packages": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "system": {"type": "str", "required": True},
                    "names": {"type": "list", "elements": "str", "required": True},
                },
            },
            "package_sources": {"type": "str", "default": ""},
            "architecture": {"type": "str", "default": "amd64"},
            "update": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    options = module.params
    for name, form in FORMS.items():
        try:
            check_form(options[name], form, name)
        except FormError as error:
            module.fail_json(msg="%s. What to do: hand on what module offline_plan returned." % error)
    request = Request(
        options["path"],
        options["kubernetes_version"],
        [Download(**one) for one in options["downloads"]],
        options["images"],
        options["charts"],
        [
            Wanted(
                one["system"],
                system_of(one["system"])["family"],
                sorted(one["names"]),
                options["package_sources"],
                options["architecture"],
            )
            for one in options["packages"]
        ],
        Source(options["architecture"], options["image_mirrors"], options["image_credentials"]),
        options["update"],
        options["timeout"],
    )
    try:
        steps = fetch_bundle(request, HostRunner(), module.check_mode)
    except BundleError as error:
        module.fail_json(**error.fields())
    except OSError as error:
        module.fail_json(msg="%s: %s. What to do: see the folder's rights and the space on its disk." % (options["path"], error))
    fetched = [step.item + (" (%.1f MB)" % (step.size / 1e6) if step.size else "") for step in steps]
    module.exit_json(changed=bool(steps), fetched=fetched, bytes=sum(step.size or 0 for step in steps))


if __name__ == "__main__":
    main()
