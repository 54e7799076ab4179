#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: etcd_snapshot
version_added: 0.2.0
short_description: Save, prove, list, prune and restore snapshots of etcd
description:
  - Works for etcd 3.4 and later, stacked or external, with C(etcdctl) or C(etcdutl), whichever of them the version needs. They are
    taken from the host, or else from the image of etcd that containerd has there.
  - A snapshot has another name until its checksum was found right and etcd's own program could read it.
  - A snapshot that is cut or damaged is refused before anything is stopped or moved.
options:
  state:
    description:
      - V(saved) takes a snapshot of the member at O(endpoint). Each call takes one.
      - V(status) proves the snapshot at O(path) and says what is in it.
      - V(listed) lists those of O(directory), oldest first.
      - V(pruned) deletes those of O(directory) that O(keep) does not name. Other files are never touched.
      - V(restored) makes O(data_directory) from the snapshot at O(path).
    type: str
    choices: [saved, status, listed, pruned, restored]
    default: saved
  directory:
    description: Where snapshots are, mode 0700. Needed by V(saved), V(listed) and V(pruned).
    type: path
  prefix:
    description: Beginning of the file names; the time in UTC follows. For V(listed) and V(pruned), only such files count.
    type: str
    default: etcd
  path:
    description: A snapshot. Needed by V(status) and V(restored).
    type: path
  endpoint:
    description: The one member to take the snapshot of.
    type: str
    default: https://127.0.0.1:2379
  ca_file:
    description: CA of etcd. The defaults are the files that kubeadm makes on a control plane with a stacked member.
    type: path
    default: /etc/kubernetes/pki/etcd/ca.crt
  certificate_file:
    description: Certificate of an etcd client.
    type: path
    default: /etc/kubernetes/pki/etcd/healthcheck-client.crt
  key_file:
    description: Key of that certificate.
    type: path
    default: /etc/kubernetes/pki/etcd/healthcheck-client.key
  keep:
    description: Which snapshots V(pruned) leaves. At least one of them has to be 1 or more.
    type: dict
    suboptions:
      last:
        description: The newest ones.
        type: int
        default: 0
      hourly:
        description: The newest of each of so many hours that have one.
        type: int
        default: 0
      daily:
        description: The newest of each of so many days (UTC) that have one.
        type: int
        default: 0
      weekly:
        description: The newest of each of so many weeks, from Monday, that have one.
        type: int
        default: 0
  data_directory:
    description: Where the restored member's data goes.
    type: path
    default: /var/lib/etcd
  replace_data_directory:
    description:
      - Whether a data directory that holds something may be replaced. It is kept as C(DIRECTORY.before-TIME), or within it where
        it is a mount point. A member that runs on it is never replaced.
    type: bool
    default: false
  name:
    description: Name of the member. Needed by V(restored).
    type: str
  initial_cluster:
    description: All members that are restored from this snapshot, name to peer URL. Needed by V(restored).
    type: dict
  initial_cluster_token:
    description: Keeps members of the restored cluster from talking to those of the former one. Write a new one for each restore.
    type: str
    default: etcd-cluster
  bump_revision:
    description:
      - How far to set the revision ahead, so that no client sees one twice, with all before it marked as compacted. V(0) leaves it.
      - etcd 3.4 can't do it; restart API servers, controllers and kubelets after a restore there.
    type: int
    default: 1000000000
  owner:
    description: User, and group of the same name, to own the restored data; root if not given.
    type: str
    default: ""
  operation:
    description:
      - A name for the restore that this call is part of. Where O(data_directory) was restored under the same name from the same
        snapshot already, nothing is done, so that a restore which was killed can be started again.
    type: str
    default: ""
  skip_hash_check:
    description: The file is a copy of a stopped member's C(member/snap/db), which has no checksum.
    type: bool
    default: false
  timeout:
    description: Seconds that etcd's program may take.
    type: int
    default: 600
attributes:
  check_mode:
    support: full
    description: The snapshot, the room on the disk and etcd itself are looked at, too.
  diff_mode:
    support: full
    description: A line for each file that appears, moves or goes.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Save a snapshot of this control plane's member
  baremetal.kubernetes.etcd_snapshot:
    directory: /var/backups/etcd

- name: Prove a snapshot
  baremetal.kubernetes.etcd_snapshot:
    state: status
    path: /var/backups/etcd/etcd-20261121T020000Z.db

- name: Keep a day of hours, a week of days and a month of weeks
  baremetal.kubernetes.etcd_snapshot:
    state: pruned
    directory: /var/backups/etcd
    keep: {hourly: 24, daily: 7, weekly: 4}

- name: Restore this member, which was stopped before
  baremetal.kubernetes.etcd_snapshot:
    state: restored
    path: /var/backups/etcd/etcd-20261121T020000Z.db
    name: cp1
    initial_cluster: {cp1: "https://10.0.0.11:2380", cp2: "https://10.0.0.12:2380", cp3: "https://10.0.0.13:2380"}
    initial_cluster_token: restore-20261121
    replace_data_directory: true
"""

RETURN = r"""
path:
  description: The snapshot that was saved, looked at or restored.
  returned: with state saved, status and restored
  type: str
snapshot:
  description: What is known of it.
  returned: with state saved, status and restored
  type: dict
  contains:
    sha256: {description: Of the whole file. Not in check mode of V(saved)., type: str}
    hash: {description: etcd's own hash of it., type: int}
    revision: {description: The newest revision in it., type: int}
    total_keys: {description: "Keys in it, with their former revisions.", type: int}
    total_size: {description: Bytes of the database., type: int}
snapshots:
  description: What is in the directory after this call, oldest first.
  returned: with state listed and pruned
  type: list
  elements: dict
  contains:
    path: {description: The file., type: str}
    time: {description: "When it was taken, as 2026-11-21T02:00:00Z.", type: str}
    age: {description: Seconds since then., type: int}
    size: {description: Bytes., type: int}
    cut: {description: Whether its size shows that it is not whole., type: bool}
pruned:
  description: The files that were deleted.
  returned: with state pruned
  type: list
  elements: str
kept_data:
  description: Where the former data is; empty where there was none.
  returned: with state restored
  type: str
"""

import time
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.errors import SnapshotError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.files import Snapshot, check_whole, listing
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.restore import Wanted, check_wanted, restore
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.retention import Keep, sort_out
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.save import remove, save
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.tools import Certificates, Tools
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner

COUNT = {"type": "int", "default": 0}
ARGUMENTS: Dict[str, Any] = {
    "state": {"type": "str", "choices": ["saved", "status", "listed", "pruned", "restored"], "default": "saved"},
    "directory": {"type": "path"},
    "prefix": {"type": "str", "default": "etcd"},
    "path": {"type": "path"},
    "endpoint": {"type": "str", "default": "https://127.0.0.1:2379"},
    "ca_file": {"type": "path", "default": "/etc/kubernetes/pki/etcd/ca.crt"},
    "certificate_file": {"type": "path", "default": "/etc/kubernetes/pki/etcd/healthcheck-client.crt"},
    "key_file": {"type": "path", "default": "/etc/kubernetes/pki/etcd/healthcheck-client.key", "no_log": False},
    "keep": {"type": "dict", "options": {"last": COUNT, "hourly": COUNT, "daily": COUNT, "weekly": COUNT}},
    "data_directory": {"type": "path", "default": "/var/lib/etcd"},
    "replace_data_directory": {"type": "bool", "default": False},
    "name": {"type": "str"},
    "initial_cluster": {"type": "dict"},
    "initial_cluster_token": {"type": "str", "default": "etcd-cluster", "no_log": False},
    "bump_revision": {"type": "int", "default": 1000000000},
    "owner": {"type": "str", "default": ""},
    "operation": {"type": "str", "default": ""},
    "skip_hash_check": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 600},
}
REQUIRED_IF = [
    ("state", "saved", ["directory"]),
    ("state", "listed", ["directory"]),
    ("state", "pruned", ["directory", "keep"]),
    ("state", "status", ["path"]),
    ("state", "restored", ["path", "name", "initial_cluster"]),
]


def saved(module: AnsibleModule) -> Dict[str, Any]:
    given = module.params
    certificates = Certificates(given["ca_file"], given["certificate_file"], given["key_file"])
    done = save(
        given["directory"], given["prefix"], given["endpoint"], certificates, HostRunner(), module.check_mode, given["timeout"]
    )
    return {"changed": True, "path": done.path, "snapshot": done.facts, "diff": {"before": "", "after": done.path + "\n"}}


def status(module: AnsibleModule) -> Dict[str, Any]:
    path = module.params["path"]
    tools = Tools(HostRunner(), module.params["timeout"])
    facts: Dict[str, Any] = {"sha256": check_whole(path, module.params["skip_hash_check"])}
    facts.update(tools.status(tools.restorer(), path))
    return {"changed": False, "path": path, "snapshot": facts}


def listed(module: AnsibleModule) -> Dict[str, Any]:
    return {"changed": False, "snapshots": described(listing(module.params["directory"], module.params["prefix"]))}


def pruned(module: AnsibleModule) -> Dict[str, Any]:
    stays, goes = sort_out(listing(module.params["directory"], module.params["prefix"]), Keep(**module.params["keep"]))
    if not module.check_mode:
        remove(goes)
    names = [snapshot.path for snapshot in goes]
    diff = {"before": "".join(name + "\n" for name in names), "after": ""}
    return {"changed": bool(goes), "snapshots": described(stays), "pruned": names, "diff": diff}


def restored(module: AnsibleModule) -> Dict[str, Any]:
    given = module.params
    wanted = Wanted(
        path=given["path"],
        data_directory=given["data_directory"],
        name=given["name"],
        initial_cluster={str(name): str(url) for name, url in given["initial_cluster"].items()},
        token=given["initial_cluster_token"],
        replace=given["replace_data_directory"],
        operation=given["operation"],
        bump_revision=given["bump_revision"],
        owner=given["owner"],
        skip_hash_check=given["skip_hash_check"],
    )
    problems = check_wanted(wanted)
    if problems:
        module.fail_json(
            msg="\n".join("%s: %s. What to do: %s." % problem for problem in problems),
            errors=[dict(zip(("setting", "problem", "remedy"), problem)) for problem in problems],
        )
    done = restore(wanted, HostRunner(), module.check_mode, given["timeout"])
    after = "%s from %s\n" % (wanted.data_directory, wanted.path) if done.changed else ""
    if done.kept:
        after += "%s from %s\n" % (done.kept, wanted.data_directory)
    return {
        "changed": done.changed,
        "path": wanted.path,
        "snapshot": done.facts,
        "kept_data": done.kept,
        "diff": {"before": "", "after": after},
    }


def described(snapshots: List[Snapshot]) -> List[Dict[str, Any]]:
    now = time.time()
    return [
        {
            "path": snapshot.path,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(snapshot.taken)),
            "age": int(now - snapshot.taken),
            "size": snapshot.size,
            "cut": snapshot.cut,
        }
        for snapshot in snapshots
    ]


STATES = {"saved": saved, "status": status, "listed": listed, "pruned": pruned, "restored": restored}


@in_words
def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, required_if=REQUIRED_IF, supports_check_mode=True)
    try:
        module.exit_json(**STATES[module.params["state"]](module))
    except SnapshotError as error:
        module.fail_json(**error.fields())


if __name__ == "__main__":
    main()
