#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_restore
version_added: 0.2.0
short_description: Restore one host of a cluster from a backup
description:
  - One host's part of playbook C(baremetal.kubernetes.restore), which runs it on all hosts side by side.
  - What was there is renamed and stays. Nothing is stopped before the archive was brought to the host, decrypted and checked.
  - A restore that was killed goes on where it stopped when it is called again with the same O(operation).
options:
  state:
    description:
      - V(listed) lists what there is to restore from, on this host and in the storage.
      - V(staged) brings the archive O(archive) to this host, decrypts and checks it.
      - V(stopped) stops the control plane or etcd on this host.
      - V(restored) stops them, and puts keys and etcd's data from the staged archive in their place.
      - V(started) starts the control plane and waits until its API server is ready and O(endpoint) answers.
      - V(ended) removes what was staged.
    type: str
    choices: [listed, staged, stopped, restored, started, ended]
    required: true
  cluster_name:
    description: The cluster, which an archive has to be of.
    type: str
    required: true
  archive:
    description: Name of the archive. Needed by V(staged) and V(restored).
    type: str
  source:
    description: Path of the archive on this host; empty where it comes from O(storage).
    type: path
  directory:
    description: Where backups are on this host.
    type: path
    default: /var/backups/kubernetes
  storage:
    description: The bucket, as role backup takes it; without an endpoint there is none.
    type: dict
    default: {}
    suboptions:
      endpoint:
        description: Address of the server.
        type: str
      bucket:
        description: Name of the bucket.
        type: str
      prefix:
        description: What keys begin with.
        type: str
      region:
        description: The region that requests are signed for.
        type: str
      access_key:
        description: Who asks.
        type: str
      secret_key:
        description: The access key's secret.
        type: str
      ca_file:
        description: The server's authority on this host.
        type: path
  key:
    description: The passphrase, or age's identity.
    type: str
  operation:
    description: A name for this restore that no other has, the same on all hosts. Needed by V(restored).
    type: str
  control_plane:
    description: Whether the host is a control plane.
    type: bool
    default: true
  new:
    description: Whether it is a blank machine that is built around the restored data afterwards.
    type: bool
    default: false
  member_name:
    description: Name of the host's member of etcd.
    type: str
    default: ""
  initial_cluster:
    description: All members, name to peer URL. Empty where no member belongs on this host.
    type: dict
    default: {}
  data_directory:
    description: etcd's data directory.
    type: path
    default: /var/lib/etcd
  wait:
    description: Whether V(started) waits. Where others are needed for a quorum, these have to be started first.
    type: bool
    default: true
  api_port:
    description: Port of the API server.
    type: int
    default: 6443
  endpoint:
    description: Where everybody else reaches the API, as C(host:port). V(started) waits for it, too, unless it is empty.
    type: str
    default: ""
  timeout:
    description: Seconds until the API server must be ready.
    type: int
    default: 300
attributes:
  check_mode:
    support: full
    description: The archive is staged and checked, too, since nothing else says whether it can be restored.
  diff_mode:
    support: full
    description: A line for each thing that is done.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: See what there is to restore from
  baremetal.kubernetes.cluster_restore:
    state: listed
    cluster_name: kubernetes
"""

RETURN = r"""
archives:
  description: What there is, oldest first, with path, name, kind, host, taken, size and where.
  returned: with state listed
  type: list
  elements: dict
unfinished:
  description: The restore that was begun on this host and did not end, with operation and archive; empty where there is none.
  returned: with state listed
  type: dict
manifest:
  description: What is in the archive.
  returned: with state staged
  type: dict
ca_certificate:
  description: The cluster's authority as PEM, from the archive; empty where it has none.
  returned: with state staged
  type: str
changes:
  description: What was, or in check mode would be, done.
  returned: always
  type: list
  elements: str
went_back:
  description: Whether etcd could not set its revision ahead, so that clients have seen later revisions than there are now.
  returned: with state restored
  type: bool
answered:
  description: Seconds for which O(endpoint) had answered when the host's own API server was ready, too.
  returned: with state started
  type: float
kept_data:
  description: Where etcd's former data is; empty where there was none.
  returned: with state restored
  type: str
"""

import os
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup import restore, stage
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.settings import Storage, storage_complaints
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError, SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.restore import went_back
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.operation import mark
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner

ARGUMENTS: Dict[str, Any] = {
    "state": {"type": "str", "choices": ["listed", "staged", "stopped", "restored", "started", "ended"], "required": True},
    "cluster_name": {"type": "str", "required": True},
    "archive": {"type": "str"},
    "source": {"type": "path"},
    "directory": {"type": "path", "default": "/var/backups/kubernetes"},
    # Not all of it no_log: Ansible would blot out a bucket's name wherever it stands in an answer, as in paths.
    "storage": {
        "type": "dict",
        "default": {},
        "options": {
            "endpoint": {"type": "str"},
            "bucket": {"type": "str"},
            "prefix": {"type": "str"},
            "region": {"type": "str"},
            "access_key": {"type": "str", "no_log": False},
            "secret_key": {"type": "str", "no_log": True},
            "ca_file": {"type": "path"},
        },
    },
    "key": {"type": "str", "no_log": True},
    "operation": {"type": "str"},
    "control_plane": {"type": "bool", "default": True},
    "new": {"type": "bool", "default": False},
    "member_name": {"type": "str", "default": ""},
    "initial_cluster": {"type": "dict", "default": {}},
    "data_directory": {"type": "path", "default": "/var/lib/etcd"},
    "wait": {"type": "bool", "default": True},
    "api_port": {"type": "int", "default": 6443},
    "endpoint": {"type": "str", "default": ""},
    "timeout": {"type": "int", "default": 300},
}
REQUIRED_IF = [("state", "staged", ["archive", "key"]), ("state", "restored", ["archive", "operation"])]


def storage_of(module: AnsibleModule) -> Any:
    given = {name: value for name, value in module.params["storage"].items() if value is not None}
    for setting, problem, remedy in storage_complaints("storage", given):
        module.fail_json(**SettingError(setting, problem, remedy).fields())
    return Storage(**given) if given else None


def listed(module: AnsibleModule) -> Dict[str, Any]:
    found = stage.find(module.params["directory"], storage_of(module), module.params["cluster_name"])
    # Here, since a task of its own for it costs seconds in which nothing serves.
    stage.make_room()
    return {"changed": False, "changes": [], "archives": found, "unfinished": stage.unfinished(HostRunner())}


def staged(module: AnsibleModule) -> Dict[str, Any]:
    given = module.params
    done = stage.stage(
        HostRunner(), given["archive"], given["cluster_name"], storage_of(module), given["source"] or "", given["key"]
    )
    # Nothing of the host's own is changed by it, and it is gone at the end.
    return {
        "changed": False,
        "changes": ["%s: decrypted and whole" % given["archive"]],
        "manifest": done.manifest,
        "ca_certificate": restore.authority(done),
    }


def stopped(module: AnsibleModule) -> Dict[str, Any]:
    changes = ["stop the control plane and etcd"] if module.check_mode else restore.stop(HostRunner())
    return {"changed": bool(changes), "changes": changes}


def restored(module: AnsibleModule) -> Dict[str, Any]:
    given = module.params
    runner = HostRunner()
    part = restore.Part(
        operation=given["operation"],
        archive=given["archive"],
        control_plane=given["control_plane"],
        member_name=given["member_name"],
        initial_cluster={str(name): str(url) for name, url in given["initial_cluster"].items()},
        data_directory=given["data_directory"],
    )
    folder = os.path.join(stage.FOLDER, given["archive"])
    if given["new"] and module.check_mode:
        # It has no programs of etcd yet to look with.
        return {"changed": True, "changes": ["%s: from the backup" % given["data_directory"]], "kept_data": ""}
    if given["new"]:
        # Before the data: a machine with data and without this looks like half an installation of somebody else's.
        mark(runner, "restore", "control_plane", given["cluster_name"])
    done = restore.restore(runner, part, stage.staged(runner, folder), module.check_mode)
    back = bool(part.initial_cluster) and not module.check_mode and went_back(given["data_directory"])
    return {"changed": bool(done.changes), "changes": done.changes, "kept_data": done.kept, "went_back": back}


def started(module: AnsibleModule) -> Dict[str, Any]:
    if module.check_mode:
        return {"changed": True, "changes": ["start the control plane"], "answered": 0.0}
    given = module.params
    done = restore.start(HostRunner(), given["wait"], given["api_port"], given["timeout"], given["endpoint"])
    return {"changed": bool(done.changes), "changes": done.changes, "answered": done.answered}


def ended(module: AnsibleModule) -> Dict[str, Any]:
    there = stage.end()
    return {"changed": False, "changes": ["remove what was unpacked"] if there else []}


STATES = {"listed": listed, "staged": staged, "stopped": stopped, "restored": restored, "started": started, "ended": ended}


@in_words
def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, required_if=REQUIRED_IF, supports_check_mode=True)
    try:
        result = STATES[module.params["state"]](module)
    except ProblemError as error:
        module.fail_json(**error.fields())
    changes: List[str] = result["changes"]
    if result["changed"]:
        result["diff"] = {"before": "", "after": "".join(change + "\n" for change in changes)}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
