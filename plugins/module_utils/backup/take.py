# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the backup on one host: who takes it, snapshot, trial, archive, encryption, upload, retention, report.

Nothing is deleted before its successor is proven and in its place, and what could not be uploaded waits for the next run.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from typing import Any, Callable, Dict, List, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup import names, trial
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.archive import write_archive
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.content import collect
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.encryption import ENDS, encrypt, sha256_of
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.member import Member, candidates, read_member
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.report import LAST_TAKEN
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.report import read as read_report
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.settings import STATE, Settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.storage import Bucket, StorageError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.errors import SnapshotError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.save import save
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.lock import hold
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import sync
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

ADMIN = "/etc/kubernetes/admin.conf"
#: Seconds between two looks whether the host before this one in the row has done it.
LOOK_EVERY = 5
WORK = ".working"


class Run:
    """``report`` is what is known so far; a run that fails leaves it as far as it came."""

    def __init__(self, settings: Settings, runner: Runner, pause: Callable[[float], None] = time.sleep, state: str = STATE) -> None:
        self.settings = settings
        self.runner = runner
        self.pause = pause
        self.state = state
        self.started = runner.now()
        self.bucket: Optional[Bucket] = Bucket(settings.storage) if settings.storage else None
        self.report: Dict[str, Any] = {"host": settings.host, "started": int(self.started), "outcome": "failed", "error": ""}

    def carry_out(self) -> Dict[str, Any]:
        """The report, which was written down, too. ``outcome`` is taken, left or failed."""
        try:
            os.makedirs(self.state, mode=0o700, exist_ok=True)
            with hold(self.state, 0, BackupError("backup", "another run takes one on this host", "wait for it to end")):
                self._carry_out()
        except SnapshotError as error:
            self.report["error"] = str(error)
        except OSError as error:
            self.report["error"] = str(
                BackupError(error.filename or "backup", error.strerror or str(error), "look at that file system")
            )
        self.report["seconds"] = round(self.runner.now() - self.started, 1)
        return self.report

    def _carry_out(self) -> None:
        member = read_member(self.runner)
        if member is not None and not self.settings.every_member:
            other = self._left_to(member)
            if other:
                self.report.update(outcome="left", left_to=other)
                return
        path = self._take(member)
        if self.bucket is not None:
            self._upload(self.bucket)
        self._prune(path)
        self.report["outcome"] = "taken"

    def _left_to(self, own: Member) -> str:
        """The member that takes this run's backup instead of this one, or empty."""
        try:
            row = candidates(own)
        except EtcdError as error:
            raise BackupError(own.endpoint, "this host's member does not answer: %s" % error.cause, error.remedy)
        order = [candidate.name for candidate in row]
        if not order or order[0] == own.name:
            return ""
        if own.name not in order:
            return order[0]
        if self.bucket is None:
            # Nobody can see what the first has done; its own metrics and its failed unit say so.
            return order[0]
        end = time.monotonic() + self.settings.takeover_seconds * order.index(own.name)
        while True:
            with contextlib.suppress(StorageError):
                newer = [
                    archive for archive in self._stored(self.bucket) if archive.kind == names.ETCD and self._of_this_run(archive)
                ]
                if newer:
                    return newer[-1].host
            if time.monotonic() >= end:
                self.report["took_over_from"] = order[0]
                return ""
            self.pause(LOOK_EVERY)

    def _of_this_run(self, archive: names.Archive) -> bool:
        # Timers fire within a second, clocks are as far apart as the time service lets them.
        return archive.taken >= self.started - 60

    def _take(self, member: Optional[Member]) -> str:
        settings = self.settings
        os.makedirs(settings.directory, mode=0o700, exist_ok=True)
        work = os.path.join(settings.directory, WORK)
        # Of a run that was killed.
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(work, mode=0o700)
        try:
            about: Dict[str, Any] = {
                "cluster": settings.cluster_name,
                "host": settings.host,
                "taken": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.started)),
            }
            items = collect(self.runner, settings.paths)
            snapshot = self._snapshot(member, work, about) if member is not None else ""
            packed = work + "/archive.tar.gz"
            manifest = write_archive(packed, about, items, self._texts(), snapshot)
            if snapshot:
                os.unlink(snapshot)
            kind = names.ETCD if member is not None else names.FILES
            path = os.path.join(
                settings.directory, names.archive_name(self.started, kind, settings.host, ENDS[settings.encryption])
            )
            sealed = work + "/" + os.path.basename(path)
            beside = encrypt(self.runner, settings.encryption, packed, sealed, settings.passphrase_file, settings.age_recipients)
            os.chmod(sealed, 0o600)
            beside.update(about, sha256=sha256_of(sealed), size=os.path.getsize(sealed), files=len(manifest["files"]))
            with open(sealed + names.BESIDE, "w", encoding="utf-8") as stream:
                json.dump(beside, stream, indent=1, sort_keys=True)
            for name in (sealed, sealed + names.BESIDE):
                sync(name)
            os.rename(sealed, path)
            # Last: with this the archive is whole.
            os.rename(sealed + names.BESIDE, path + names.BESIDE)
            sync(settings.directory)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        self.report.update(path=path, size=beside["size"], files=beside["files"])
        return path

    def _snapshot(self, member: Member, work: str, about: Dict[str, Any]) -> str:
        saved = save(work + "/etcd", "etcd", member.endpoint, member.certificates, self.runner, False, self.settings.timeout)
        about["snapshot"] = saved.facts
        about["trial"] = trial.prove(self.runner, member, saved.path, saved.facts, work + "/trial", self.pause)
        proven = about["trial"]
        self._check_identity(proven["identity"])
        self.report.update({name: proven[name] for name in ("identity", "revision", "keys")}, trial_seconds=proven["seconds"])
        return saved.path

    def _check_identity(self, identity: str) -> None:
        """A member that lost its data may begin an empty cluster by itself, whose backup must not become the newest one.

        :raises BackupError: it is not the cluster of the backups before.
        """
        known = str((read_report(self.runner, self.state, LAST_TAKEN) or {}).get("identity") or "")
        if not known and self.bucket is not None:
            # A storage that is away keeps nobody from taking a backup; the upload will say so.
            with contextlib.suppress(StorageError):
                known = self._identity_in(self.bucket)
        if known and identity and known != identity:
            raise BackupError(
                "etcd",
                "it holds another cluster than the backups before: kube-system is %s here and %s there" % (identity, known),
                "if etcd lost its data, restore it; if this cluster was built anew on purpose, give backup_storage another prefix"
                " and remove %s on each host" % os.path.join(self.state, LAST_TAKEN),
            )

    def _identity_in(self, bucket: Bucket) -> str:
        """That of the newest backup there; empty where there is none, or it does not say."""
        before = [archive for archive in self._stored(bucket) if archive.kind == names.ETCD]
        if not before:
            return ""
        beside = names.read_beside(bucket.read(before[-1].path + names.BESIDE), before[-1].path)
        return str((beside.get("trial") or {}).get("identity") or "")

    def _texts(self) -> Dict[str, str]:
        """kubeadm's configuration as the cluster has it; it is in the snapshot as well, but nobody reads it there."""
        argv = ["kubectl", "--kubeconfig", ADMIN, "--request-timeout=10s", "--namespace", "kube-system"]
        result = self.runner.run(argv + ["get", "configmap", "kubeadm-config", "--output=yaml"], timeout=20)
        return {"kubeadm-config.yaml": result.stdout} if result.rc == 0 else {}

    def _stored(self, bucket: Bucket) -> List[names.Archive]:
        return names.whole(bucket.list(bucket.key(self.settings.cluster_name) + "/"))

    def _upload(self, bucket: Bucket) -> None:
        """This archive, and those before it that never arrived; the newest first, since it is worth most."""
        there = {archive.name for archive in self._stored(bucket)}
        waiting = [archive for archive in names.in_directory(self.settings.directory) if archive.name not in there]
        uploaded: List[str] = []
        # Pruned there, kept here: only what the storage would keep is missed.
        gone = {archive.path for archive in names.to_prune(waiting, self.settings.storage_keep)} if waiting else set()
        for archive in reversed(waiting):
            if archive.path in gone:
                continue
            key = bucket.key(self.settings.cluster_name, archive.name)
            bucket.put(archive.path, key)
            bucket.put(archive.path + names.BESIDE, key + names.BESIDE)
            uploaded.append(archive.name)
        self.report["uploaded"] = uploaded

    def _prune(self, newest: str) -> None:
        removed: List[str] = []
        for archive in names.to_prune(names.in_directory(self.settings.directory), self.settings.keep):
            # What is written beside it first: without that it counts for nothing.
            for path in (archive.path + names.BESIDE, archive.path):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
            removed.append(archive.name)
        if self.bucket is not None:
            for archive in names.to_prune(self._stored(self.bucket), self.settings.storage_keep):
                for key in (archive.path + names.BESIDE, archive.path):
                    self.bucket.delete(key)
                removed.append("%s/%s" % (self.bucket.name, archive.name))
        self.report["removed"] = removed
