#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: zfs_dataset
version_added: 0.1.0
short_description: Bring ZFS datasets and volumes to their properties, many in one call
description:
  - Makes what is missing, and sets properties where their value means something else. Destroys nothing.
  - What C(community.general.zfs) can't do - it takes one dataset a task, compares values as text (V(128K) is not V(131072) to
    it), and mounts a new dataset above files that are there, which are hidden then.
options:
  datasets:
    description: The datasets. Parents come first, whatever the order here.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name with that of the pool, like V(tank/etcd).
        type: str
        required: true
      properties:
        description: Properties as in C(zfsprops(7)). Others are left as they are.
        type: dict
        default: {}
      volume_size:
        description: Makes a volume of this size, such as V(100G). It can grow, never shrink.
        type: str
        default: ""
      sparse:
        description: A new volume takes only the room that is written.
        type: bool
        default: false
attributes:
  check_mode:
    support: full
    description: Returns the steps that would be taken, and refuses what it would refuse. Where ZFS is not installed yet, it says
      so.
  diff_mode:
    support: full
    description: The steps.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Datasets of a node, each tuned for what it holds
  baremetal.kubernetes.zfs_dataset:
    datasets:
      - name: tank/etcd
        properties: {mountpoint: /var/lib/etcd, recordsize: 8K, atime: false}
      - name: tank/volumes
        properties: {mountpoint: none, compression: zstd}
      - name: tank/longhorn
        volume_size: 200G
        sparse: true
"""

RETURN = r"""
steps:
  description: What was done, or in check mode would be.
  type: list
  elements: str
  returned: always
  sample: ["create dataset tank/etcd", "set atime of tank/volumes: on -> off"]
errors:
  description: What speaks against it, as in RV(baremetal.kubernetes.zfs_pool#module:errors).
  type: list
  elements: dict
  returned: on refusal
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import counted, readable
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.datasets import WantedDataset, bring
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.host import NoZfsError

DATASET_OPTIONS = {
    "name": {"type": "str", "required": True},
    "properties": {"type": "dict", "default": {}},
    "volume_size": {"type": "str", "default": ""},
    "sparse": {"type": "bool", "default": False},
}


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={"datasets": {"type": "list", "elements": "dict", "required": True, "options": DATASET_OPTIONS}},
        supports_check_mode=True,
    )
    wanted = [WantedDataset(**one) for one in module.params["datasets"]]
    try:
        plan = bring(HostRunner(), wanted, module.check_mode)
    except NoZfsError as error:
        if not module.check_mode:
            module.fail_json(**error.fields())
        lines = ["create %s, once there is its pool" % one.name for one in wanted]
        module.exit_json(changed=True, steps=lines, diff={"before": "", "after": "".join("%s\n" % line for line in lines)})
    except ProblemError as error:
        module.fail_json(**error.fields())
    if plan.problems:
        text = "%s found, all listed here; nothing was changed.\n%s" % (
            counted(len(plan.problems), "problem"),
            readable(plan.problems),
        )
        module.fail_json(msg=text, errors=[problem.as_dict() for problem in plan.problems])
    steps = [step.text for step in plan.steps]
    module.exit_json(changed=bool(steps), steps=steps, diff={"before": "", "after": "".join("%s\n" % step for step in steps)})


if __name__ == "__main__":
    main()
