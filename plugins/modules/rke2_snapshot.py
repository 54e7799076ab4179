#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rke2_snapshot
version_added: 0.2.0
short_description: Take a snapshot of RKE2's etcd, or take a server back to one, by RKE2's own tool
description:
  - V(saved) runs C(rke2 etcd-snapshot save) and looks at what it made.
  - V(restored) runs C(rke2 server --cluster-reset) on a server that is stopped, which is then the only member of etcd. RKE2 keeps
    the data of before beside its place. A reset that a killed run left done, and that no start has used, is not done again.
  - V(set_aside) moves the data of another server out of the way, once in each restore, so that it joins the restored one.
options:
  state:
    description: What is wanted.
    type: str
    choices: [saved, restored, set_aside]
    required: true
  name:
    description: With V(saved), what the snapshot's name begins with.
    type: str
    default: on-demand
  snapshot:
    description: With V(restored), a path, or a name in RKE2's folder of snapshots. Empty means the newest one there.
    type: str
    default: ""
  restore:
    description: With V(set_aside), the RV(id) of the restore.
    type: str
    default: ""
  timeout:
    description: Seconds that RKE2 may take.
    type: int
    default: 600
attributes:
  check_mode:
    support: full
    description: Says that it would be done.
  diff_mode:
    support: none
    description: There is no text to compare.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Take a snapshot now
  baremetal.kubernetes.rke2_snapshot:
    state: saved
    name: before-the-change
"""

RETURN = r"""
path:
  description: The snapshot that was taken, with its O(state=saved) size in RV(size).
  type: str
  returned: with O(state=saved)
size:
  description: Its bytes.
  type: int
  returned: with O(state=saved)
id:
  description: The restore, for O(restore) on the other servers.
  type: str
  returned: with O(state=restored)
snapshot:
  description: The path of the snapshot that was restored.
  type: str
  returned: with O(state=restored)
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2 import snapshot
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.errors import Rke2Error
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


def work(options: Dict[str, Any], check: bool) -> Dict[str, Any]:
    """The result of the module."""
    runner = HostRunner()
    if options["state"] == "saved":
        return {"changed": True, **({} if check else snapshot.save(runner, options["name"], options["timeout"])._asdict())}
    if options["state"] == "restored":
        if check:
            return {"changed": True, "id": "", "snapshot": snapshot.chosen(runner, options["snapshot"])}
        return snapshot.reset(runner, options["snapshot"], options["timeout"])
    return {"changed": True if check else snapshot.set_aside(runner, options["restore"])}


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["saved", "restored", "set_aside"], "required": True},
            "name": {"type": "str", "default": "on-demand"},
            "snapshot": {"type": "str", "default": ""},
            "restore": {"type": "str", "default": ""},
            "timeout": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    try:
        result = work(module.params, module.check_mode)
    except Rke2Error as error:
        module.fail_json(**error.fields())
    except OSError as error:
        module.fail_json(msg="%s. What to do: mend what it names, then run again." % error)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
