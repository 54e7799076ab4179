#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: zfs_backup_restore
version_added: 0.3.0
short_description: Restore a ZFS dataset from object storage into a new one
description:
  - Takes the newest point that is not after a moment, checks that nothing of its chain is missing, and receives the full send and
    its increments one after the other, each part checked against its checksum before ZFS gets it. Nothing is mounted.
  - A call that was killed goes on after the last point that was received whole. A second call changes nothing.
  - Never receives into a dataset that is there already.
options:
  cluster_name:
    description: Whose points.
    type: str
    required: true
  host:
    description: The node that sent them.
    type: str
    required: true
  dataset:
    description: The dataset as the node called it.
    type: str
    required: true
  target:
    description: The dataset that is made. Its parent has to be there.
    type: str
    required: true
  at:
    description: The newest point not after this moment, in UTC like V(2026-11-20T18:00:00Z). Empty for the newest one.
    type: str
    default: ""
  replace:
    description: The name of O(target) again allows that a dataset of this name is renamed to C(NAME.before-TIME) first.
    type: str
    default: ""
  storage:
    description: The bucket, as role P(baremetal.kubernetes.backup#role) takes it.
    type: dict
    required: true
  passphrase:
    description: The passphrase of then.
    type: str
    default: ""
  age_identity:
    description: The text of age's identity.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: Reads the storage, looks whether the chain is whole, and says what would be received.
  diff_mode:
    support: full
    description: The points that are received.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: A volume as it was on Friday evening
  baremetal.kubernetes.zfs_backup_restore:
    cluster_name: production
    host: w1
    dataset: tank/volumes/pvc-1
    target: tank/restored-pvc-1
    at: "2026-11-20T18:00:00Z"
    storage: "{{ backup_storage }}"
    passphrase: "{{ backup_passphrase }}"
"""

RETURN = r"""
steps:
  description: What was, or in check mode would be, done.
  type: list
  elements: str
  returned: success
line:
  description: The same for a person.
  type: str
  returned: success
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.settings import Storage, storage_complaints
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.storage import Bucket
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.errors import SnapshotError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.program import CALLED
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.restore import Source, carry_out, plan_restore
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.settings import STATE, dataset_name, moment


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "cluster_name": {"type": "str", "required": True},
            "host": {"type": "str", "required": True},
            "dataset": {"type": "str", "required": True},
            "target": {"type": "str", "required": True},
            "at": {"type": "str", "default": ""},
            "replace": {"type": "str", "default": ""},
            "storage": {"type": "dict", "required": True, "no_log": True},
            "passphrase": {"type": "str", "default": "", "no_log": True},
            "age_identity": {"type": "str", "default": "", "no_log": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    wrong = ["%s: %s. What to do: %s." % complaint for complaint in storage_complaints("storage", given["storage"])]
    wrong += ["%s: it is no name of a dataset" % name for name in ("dataset", "target") if not dataset_name(given[name])]
    until = moment(given["at"])
    if until is None:
        wrong.append("at: %r is no moment. What to do: write it in UTC like 2026-11-20T18:00:00Z." % given["at"])
    if wrong or until is None:
        module.fail_json(msg=" ".join(wrong))
        return
    runner = HostRunner()
    folder = os.path.join(STATE, "restore")
    try:
        source = Source(Bucket(Storage(**given["storage"]), called=CALLED), given["cluster_name"], given["host"])
        plan = plan_restore(runner, source, given["dataset"], given["target"], until, given["replace"])
        if plan.steps and not module.check_mode:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            key = os.path.join(folder, "key")
            # A chain has one key from its first point on.
            name = "age_identity" if plan.manifests[0]["parts"][0]["encryption"] == "age" else "passphrase"
            if not given[name]:
                module.fail_json(msg="%s: it is not set, and these points were encrypted for it" % name)
            replace_file(key, given[name].strip("\n") + "\n", 0o600)
            try:
                carry_out(runner, plan, key, os.path.join(folder, "work"))
            finally:
                os.unlink(key)
    except (SnapshotError, OSError) as error:
        module.fail_json(msg=str(error))
    done = "would be restored" if module.check_mode else "is restored"
    module.exit_json(
        changed=bool(plan.steps),
        steps=plan.steps,
        line="%s %s as %s: %s" % (plan.stamp, done, plan.target, ", ".join(plan.steps) or "nothing was left to do"),
        diff={"before": "", "after": "".join("%s\n" % step for step in plan.steps)},
    )


if __name__ == "__main__":
    main()
