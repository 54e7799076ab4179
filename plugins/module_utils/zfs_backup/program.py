# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that systemd's timers run: ``python3 zfs-backup.pyz run | trial | list | check``."""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.encryption import decrypt, encrypt, sha256_of
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.storage import Bucket, Called
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.errors import SnapshotError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.program import digest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.journal import say
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner, Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.host import Zfs
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.points import chains
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.restore import Source
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.run import Run
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.settings import (
    SETTINGS,
    STATE,
    Settings,
    read_settings,
)

PATH = "/usr/local/lib/baremetal-kubernetes/zfs-backup.pyz"
CALLED = Called("zfs_backup_storage", "zfs_backup_keep")


def main(words: Optional[Sequence[str]] = None, path: str = SETTINGS, state: str = STATE) -> int:
    """Exit code: 0 for done, 1 for what could not be done, 2 for a call that makes no sense."""
    given = list(sys.argv[1:] if words is None else words)
    verbs = {"run": run, "trial": trial, "list": show, "check": check}
    if len(given) != 1 or given[0] not in verbs:
        say("usage: zfs-backup.pyz run | trial | list | check", sys.stderr)
        return 2
    try:
        return verbs[given[0]](path, state)
    except (SnapshotError, OSError) as error:
        say(str(error), sys.stderr)
        return 1


def run(path: str, state: str) -> int:
    """Send what is new."""
    runner = HostRunner()
    text = runner.read(path)
    settings = read_settings(text, path)
    done = _run(settings, runner, state).send(digest(text or "", runner.read_bytes(sys.argv[0]) or b""))
    if done["error"]:
        say(done["error"], sys.stderr)
        return 1
    say("%d sent, %d removed; %.1f s" % (len(done["sent"]), len(done["removed"]), done["seconds"]))
    return 0


def trial(path: str, state: str) -> int:
    """Restore the dataset whose turn it is, and compare."""
    runner = HostRunner()
    told = _run(read_settings(runner.read(path), path), runner, state).trial()
    if not told:
        say("nothing was sent yet")
        return 0
    if told["error"]:
        say("%s: %s" % (told["dataset"], told["error"]), sys.stderr)
        return 1
    compared = told["compared"]
    equal = "%d %s are equal" % (compared["equal"], compared["what"]) if compared["what"] else "not compared: %s" % compared["why"]
    say("%s came back as %s, from %d points; %s; %.1f s" % (told["dataset"], told["point"], told["chain"], equal, told["seconds"]))
    return 0


def show(path: str, _state: str) -> int:
    """What can be restored."""
    settings = read_settings(HostRunner().read(path), path)
    known = Source(Bucket(settings.storage, called=CALLED), settings.cluster_name, settings.host).read()
    for dataset in sorted(known.points):
        ways = chains(known.of(dataset))
        for point in known.of(dataset):
            moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(point.taken))
            size = sum(known.objects[point.path].values())
            kind = "full" if not point.base else "increment" if point in ways else "increment whose chain has a gap"
            say("%s\t%s\t%.1f MB\t%s" % (dataset, moment, size / 1e6, kind))
    return 0


def check(path: str, state: str) -> int:
    """Prove the settings."""
    runner = HostRunner()
    prove(read_settings(runner.read(path), path), runner, state)
    say("datasets, programs, key and storage are usable")
    return 0


def prove(settings: Settings, runner: Runner, state: str) -> None:
    """Datasets and programs are there, and what is encrypted and stored comes back and opens. Leaves nothing behind.

    :raises BackupError: what is wrong, by its setting.
    """
    for wanted in settings.datasets:
        Zfs(runner).read(wanted)
    for name in ("sanoid", "zstd", *(["age"] if settings.encryption == "age" else [])):
        if runner.which(name) is None:
            raise BackupError(name, "it is not installed on this host", "install it, or name its package in zfs_backup_packages")
    folder = os.path.join(state, "check")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o700)
    try:
        plain, sealed, back = (os.path.join(folder, name) for name in ("plain", "sealed", "back"))
        with open(plain, "w", encoding="utf-8") as stream:
            stream.write("a try of the settings\n")
        beside = encrypt(runner, settings.encryption, plain, sealed, settings.passphrase_file, settings.age_recipients)
        beside["sha256"] = sha256_of(sealed)
        bucket = Bucket(settings.storage, called=CALLED)
        key = bucket.key("zfs", settings.cluster_name, settings.host, "check")
        bucket.put(sealed, key)
        bucket.get(key, sealed)
        bucket.delete(key)
        if settings.key_file:
            decrypt(runner, sealed, back, beside, settings.key_file)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(settings: Settings, runner: Runner, state: str) -> Run:
    return Run(settings, runner, state, Bucket(settings.storage, called=CALLED), say)
