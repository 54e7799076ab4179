# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots by RKE2's own tool: one taken now, and a server taken back to one."""

from __future__ import annotations

import json
import os
import time
import uuid
from typing import Any, Dict, List, NamedTuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import object_or_empty
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.errors import Rke2Error
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.layout import DATABASE, PROGRAM, SNAPSHOTS, STATE
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.service import telling
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

#: RKE2 makes it when a reset is done, and removes it when it starts normally (documentation, backup_restore).
RESET_DONE = DATABASE + "/reset-flag"
RECORD = STATE + "/rke2-restore.json"


class Snapshot(NamedTuple):
    path: str
    size: int


def snapshots(runner: Runner) -> List[str]:
    """Paths of the snapshots on this server, the newest first."""
    paths = [SNAPSHOTS + "/" + name for name in runner.list_dir(SNAPSHOTS) if not name.startswith(".")]
    return sorted(paths, key=os.path.getmtime, reverse=True)


def save(runner: Runner, name: str, timeout: float) -> Snapshot:
    """Take one now. :raises Rke2Error: RKE2 refuses, or says that it did and there is none."""
    result = runner.run([PROGRAM, "etcd-snapshot", "save", "--name", name], timeout=timeout)
    if result.rc != 0:
        raise Rke2Error(
            "rke2 etcd-snapshot save", telling(result.stderr + result.stdout), "mend what it names; the last snapshot stands"
        )
    # RKE2 puts the node's name and the time behind the name.
    made = [path for path in snapshots(runner) if os.path.basename(path).startswith(name)]
    size = os.path.getsize(made[0]) if made else 0
    if not size:
        raise Rke2Error(SNAPSHOTS, "RKE2 says that it took a snapshot %s, and there is none" % name, "look at its disk and log")
    return Snapshot(made[0], size)


def chosen(runner: Runner, wanted: str) -> str:
    """The path of the snapshot to restore: a path, a name in RKE2's folder, or the newest one for an empty text."""
    found = snapshots(runner) if not wanted else [path for path in (wanted, SNAPSHOTS + "/" + wanted) if runner.exists(path)]
    if not found:
        raise Rke2Error(
            "restore_from",
            "there is no snapshot %s on this server" % (wanted or "in " + SNAPSHOTS),
            "copy it there, or name the server that has it in rke2_restore_host",
        )
    return found[0]


def reset(runner: Runner, wanted: str, timeout: float) -> Dict[str, Any]:
    """Take this server, whose service is stopped, back to a snapshot, as the only member of etcd.

    A reset that a killed run left done, and that no start has used yet, is not done again.

    :returns: id (of this restore), snapshot, changed.
    """
    record = _record(runner)
    done = str(record.get("snapshot") or "")
    if runner.exists(RESET_DONE) and done and wanted in ("", done, os.path.basename(done)):
        return dict(record, changed=False)
    path = chosen(runner, wanted)
    record = {"id": uuid.uuid4().hex, "snapshot": path}
    # Before the reset: who finds the flag knows what was restored.
    _write(record)
    if runner.exists(RESET_DONE):
        os.unlink(RESET_DONE)
    # The token is in the file that config.yaml names, so it is on no command line.
    argv = [PROGRAM, "server", "--cluster-reset", "--cluster-reset-restore-path=" + path]
    result = runner.run(argv, timeout=timeout)
    if result.rc != 0:
        raise Rke2Error(
            "rke2 server --cluster-reset",
            telling(result.stderr + result.stdout),
            "mend what it names and run the playbook again; the data of before is beside its place",
        )
    return dict(record, changed=True)


def set_aside(runner: Runner, restore: str) -> bool:
    """Move another server's data out of the way, once in each restore, so that it joins anew; whether there was something to do."""
    if _record(runner).get("id") == restore:
        return False
    if runner.exists(DATABASE):
        aside = "%s-before-restore-%d" % (DATABASE, time.time_ns())
        os.rename(DATABASE, aside)
        if os.path.exists(aside + "/snapshots"):
            os.makedirs(DATABASE, mode=0o700)
            os.rename(aside + "/snapshots", SNAPSHOTS)
    _write({"id": restore})
    return True


def _record(runner: Runner) -> Dict[str, Any]:
    return object_or_empty(runner.read(RECORD))


def _write(record: Dict[str, Any]) -> None:
    os.makedirs(os.path.dirname(RECORD), mode=0o755, exist_ok=True)
    replace_file(RECORD, json.dumps(record) + "\n", 0o600)
