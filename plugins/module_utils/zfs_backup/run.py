# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run on one host: snapshots by sanoid, each dataset's newest into the bucket, retention there. And what is told of it.

A dataset that fails keeps no other from its send, and nothing is removed of a dataset whose send failed.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import Any, Callable, Dict, List, Mapping, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.report import read as read_report
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.storage import Bucket
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.errors import SnapshotError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.lock import hold
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.monitoring.textfile import Sample, render
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.host import Dataset, Zfs
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.points import MANIFEST, Stored, chains, to_prune
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.restore import Source
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.send import Ledger, Sender
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.settings import Settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.trial import Trial

LAST, TRIALS = "last.json", "trials.json"
METRICS = "kubernetes_zfs_backup.prom"
PREFIX = "kubernetes_zfs_backup_"
#: name -> type and help. Ages are for Prometheus to subtract: a file that nobody writes any more must look old.
HELP = {
    "last_run_timestamp_seconds": ("gauge", "When this host's sends to the bucket began last."),
    "last_run_success": ("gauge", "Whether that run sent all datasets."),
    "last_run_seconds": ("gauge", "How long it took."),
    "last_point_timestamp_seconds": (
        "gauge",
        "When the newest snapshot in the bucket was taken; before the first, when the dataset was made.",
    ),
    "points": ("gauge", "Snapshots that can be restored from the bucket."),
    "broken_points": ("gauge", "Snapshots in the bucket whose chain has a gap."),
    "last_trial_timestamp_seconds": ("gauge", "When a restore of the dataset was last tried."),
    "last_trial_success": ("gauge", "Whether it came back equal."),
}
#: One run or trial at a time; the other waits as long as a large send may take.
PATIENCE = 12 * 3600


class Run:
    """What ``state`` has is this host's memory; a lost one costs a full send."""

    def __init__(self, settings: Settings, runner: Runner, state: str, bucket: Bucket, say: Callable[[str], None]) -> None:
        self.settings = settings
        self.runner = runner
        self.state = state
        self.bucket = bucket
        self.say = say
        self.source = Source(bucket, settings.cluster_name, settings.host)

    def send(self, digest: str) -> Dict[str, Any]:
        """The report, which was written down, too."""
        report: Dict[str, Any] = {"settings": digest, "error": "", "sent": [], "removed": [], "datasets": {}}
        with self._alone():
            report["started"] = int(self.runner.now())
            errors: List[str] = []
            try:
                self._snapshots()
                datasets = self._datasets(errors)
                known = self.source.read()
            except SnapshotError as error:
                errors.append(str(error))
            else:
                failed = self._send(datasets, known, report, errors)
                self._prune(datasets, known, failed, report, errors)
                report["datasets"] = {
                    name: _counts(known, name, datasets) for name in sorted({one.name for one in datasets} | set(known.points))
                }
            report["error"] = " / ".join(errors)
            report["outcome"] = "failed" if errors else "sent"
            report["seconds"] = round(self.runner.now() - report["started"], 1)
            if not report["datasets"]:
                # The storage was away: what it had is still what is known.
                report["datasets"] = (read_report(self.runner, self.state, LAST) or {}).get("datasets", {})
            self._keep(LAST, report)
        return report

    def trial(self) -> Dict[str, Any]:
        """One dataset's trial, by its report; empty where nothing was sent yet."""
        with self._alone():
            trials = read_report(self.runner, self.state, TRIALS) or {}
            known = self.source.read()
            datasets = [one for one in self._datasets([]) if chains(known.of(one.name))]
            trials = {one.name: trials[one.name] for one in datasets if one.name in trials}
            if not datasets:
                return {}
            chosen = min(datasets, key=lambda one: (trials.get(one.name, {}).get("started", 0), one.name))
            told: Dict[str, Any] = {"dataset": chosen.name, "started": int(self.runner.now()), "error": ""}
            try:
                told.update(Trial(self.runner, self.source, self.settings.key_file, self.state).carry_out(chosen))
            except SnapshotError as error:
                told["error"] = str(error)
            trials[chosen.name] = told
            self._keep(TRIALS, trials)
        return told

    def _snapshots(self) -> None:
        """Those that are due. sanoid's own timer takes them as well, and it minds itself that nobody takes them twice."""
        result = self.runner.run(["sanoid", "--take-snapshots"], timeout=3600, env={"TZ": "UTC"})
        if result.rc == NOT_FOUND:
            raise BackupError(
                "sanoid", "it is not installed on this host", "install it, or name its package in zfs_backup_packages"
            )
        if result.rc != 0:
            said = " / ".join(result.stderr.strip().splitlines()[-2:])
            raise BackupError("sanoid", said or "exit code %d" % result.rc, "look at `sanoid --take-snapshots --verbose`")

    def _datasets(self, errors: List[str]) -> List[Dataset]:
        found: List[Dataset] = []
        for wanted in self.settings.datasets:
            try:
                found += Zfs(self.runner).read(wanted)
            except BackupError as error:
                errors.append(str(error))
        return found

    def _send(self, datasets: List[Dataset], known: Stored, report: Dict[str, Any], errors: List[str]) -> List[str]:
        """Those that failed."""
        sender = Sender(self.settings, self.runner, self.bucket, self.state)
        failed: List[str] = []
        shutil.rmtree(os.path.join(self.state, "work"), ignore_errors=True)
        for dataset in datasets:
            try:
                for done in sender.send(dataset, known):
                    report["sent"].append(done)
                    self.say("sent %(point)s: %(size)d bytes, %(uploaded)d of them now" % done)
            except (SnapshotError, OSError) as error:
                failed.append(dataset.name)
                errors.append(str(error))
        return failed

    def _prune(self, datasets: List[Dataset], known: Stored, failed: List[str], report: Dict[str, Any], errors: List[str]) -> None:
        sender = Sender(self.settings, self.runner, self.bucket, self.state)
        here = {one.name for one in datasets}
        try:
            for name in sorted(known.points):
                for point in to_prune(known.of(name), self.settings.keep) if name not in failed else ():
                    # The manifest first: without one the rest counts for nothing.
                    for part in sorted(known.objects[point.path], key=lambda part: part != MANIFEST):
                        self.bucket.delete(sender.key(point.path, part))
                    known.points[name].remove(point)
                    del known.objects[point.path]
                    report["removed"].append(point.path)
            for path in [path for path, names in known.objects.items() if MANIFEST not in names]:
                dataset, _at, point_name = path.partition("/@")
                if dataset in here and Ledger(self.state, dataset).sending.get("point") == point_name:
                    continue
                for part in known.objects[path]:
                    self.bucket.delete(sender.key(path, part))
                report["removed"].append(path)
        except SnapshotError as error:
            errors.append(str(error))

    def _keep(self, name: str, report: Mapping[str, Any]) -> None:
        replace_file(os.path.join(self.state, name), json.dumps(report, indent=1, sort_keys=True) + "\n", 0o600)
        folder = self.settings.metrics_directory
        if folder:
            os.makedirs(folder, exist_ok=True)
            last, trials = (read_report(self.runner, self.state, which) or {} for which in (LAST, TRIALS))
            replace_file(os.path.join(folder, METRICS), metrics(last, trials, self.settings.cluster_name))

    def _alone(self) -> Any:
        os.makedirs(self.state, mode=0o700, exist_ok=True)
        return hold(self.state, PATIENCE, BackupError(self.state, "another run has not ended for hours", "see what it does: `ps`"))


def _counts(known: Stored, name: str, datasets: Sequence[Dataset]) -> Dict[str, int]:
    """``here``: a dataset that was destroyed has no age that anybody would mind, and its points stay."""
    ways = chains(known.of(name))
    made = [one.created for one in datasets if one.name == name]
    newest = max([int(point.taken) for point in ways] or made or [0])
    return {"newest": newest, "points": len(ways), "broken": len(known.of(name)) - len(ways), "here": len(made)}


def metrics(last: Mapping[str, Any], trials: Mapping[str, Mapping[str, Any]], cluster: str) -> str:
    """The text of the metrics' file."""
    samples: Dict[str, List[Sample]] = {name: [] for name in HELP}
    of_all = {"cluster": cluster}
    if last:
        samples["last_run_timestamp_seconds"].append((of_all, last["started"]))
        samples["last_run_success"].append((of_all, last["outcome"] != "failed"))
        samples["last_run_seconds"].append((of_all, last["seconds"]))
    for dataset, counts in sorted((last.get("datasets") or {}).items()):
        labels = {"cluster": cluster, "dataset": dataset}
        if counts["here"]:
            samples["last_point_timestamp_seconds"].append((labels, counts["newest"]))
        samples["points"].append((labels, counts["points"]))
        samples["broken_points"].append((labels, counts["broken"]))
    for dataset, told in sorted(trials.items()):
        labels = {"cluster": cluster, "dataset": dataset}
        samples["last_trial_timestamp_seconds"].append((labels, told["started"]))
        samples["last_trial_success"].append((labels, not told["error"]))
    return render(PREFIX, HELP, samples)
