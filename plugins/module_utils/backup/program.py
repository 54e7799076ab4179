# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that systemd runs on a host, and how it gets there: a zip file of these very modules, which Python runs.

``python3 /usr/local/lib/baremetal-kubernetes/backup.pyz run``, or ``list`` for what is on this host and in the storage.
"""

from __future__ import annotations

import sys
from typing import Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup import names, report
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.settings import SETTINGS, STATE, read_settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.storage import Bucket
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.take import Run
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.errors import SnapshotError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.program import digest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.journal import say
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner

PATH = "/usr/local/lib/baremetal-kubernetes/backup.pyz"


def main(words: Optional[Sequence[str]] = None) -> int:
    """Exit code: 0 for taken or left to another member, 1 for failed, 2 for a call that makes no sense."""
    given = list(sys.argv[1:] if words is None else words)
    if given not in (["run"], ["list"]):
        say("usage: backup.pyz run | list", sys.stderr)
        return 2
    try:
        return run() if given[0] == "run" else show()
    except SnapshotError as error:
        say(str(error), sys.stderr)
        return 1


def run(path: str = SETTINGS, state: str = STATE) -> int:
    """Take the backup, or leave it to the member that it is for."""
    runner = HostRunner()
    text = runner.read(path)
    settings = read_settings(text, path)
    done = Run(settings, runner, state=state).carry_out()
    try:
        report.keep(done, settings, digest(text or "", runner.read_bytes(sys.argv[0]) or b""), runner, state)
    except OSError as error:
        say("the report could not be written: %s" % error, sys.stderr)
        return 1
    say(report.line(done), sys.stderr if done["outcome"] == "failed" else sys.stdout)
    return 1 if done["outcome"] == "failed" else 0


def show(path: str = SETTINGS) -> int:
    """Print what there is to restore from."""
    settings = read_settings(HostRunner().read(path), path)
    archives = names.in_directory(settings.directory)
    if settings.storage:
        bucket = Bucket(settings.storage)
        archives = names.whole(bucket.list(bucket.key(settings.cluster_name) + "/")) + archives
    for archive in archives:
        say("%s\t%.1f MB" % (archive.path, archive.size / 1e6))
    return 0
