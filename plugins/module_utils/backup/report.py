# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run leaves for people and for Prometheus: a line, a JSON file, and metrics for node-exporter's textfile collector."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.settings import Settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

LAST, LAST_TAKEN = "last.json", "last-taken.json"
METRICS = "kubernetes_backup.prom"
#: name and help. Ages are for Prometheus to subtract: a file that nobody writes any more must look old.
GAUGES: Tuple[Tuple[str, str], ...] = (
    ("last_run_timestamp_seconds", "When this host's backup ran last."),
    ("last_run_success", "Whether that run did its part (1), be it to leave the backup to another member, or failed (0)."),
    ("last_run_taken", "Whether that run took the backup itself."),
    ("last_run_seconds", "How long it took."),
    ("last_taken_timestamp_seconds", "When this host last took a backup that a trial restore proved."),
    ("last_taken_size_bytes", "Size of that archive."),
    ("last_taken_revision", "etcd's revision in it."),
    ("last_taken_keys", "Keys in it, counted in the restored trial member."),
    ("last_taken_uploaded", "Whether it arrived in the storage."),
)


def keep(report: Mapping[str, Any], settings: Settings, digest: str, runner: Runner, state: str) -> None:
    """Write the report of a run and the metrics; a run that took none leaves those of the last that did."""
    os.makedirs(state, mode=0o700, exist_ok=True)
    told = dict(report, settings=digest)
    if told["outcome"] == "taken":
        replace_file(os.path.join(state, LAST_TAKEN), json.dumps(told, indent=1, sort_keys=True) + "\n", 0o600)
    replace_file(os.path.join(state, LAST), json.dumps(told, indent=1, sort_keys=True) + "\n", 0o600)
    if settings.metrics_directory:
        os.makedirs(settings.metrics_directory, exist_ok=True)
        text = metrics(told, read(runner, state, LAST_TAKEN), settings.cluster_name)
        replace_file(os.path.join(settings.metrics_directory, METRICS), text)


#: A run's report, as far as it is read again.
FORM = {
    "started": float,
    "outcome": str,
    "error?": str,
    "left_to?": str,
    "path?": str,
    "size?": float,
    "keys?": int,
    "revision?": int,
    "took_over_from?": str,
    "uploaded?": [object],
    "seconds?": float,
}


def read(runner: Runner, state: str, name: str, form: Any = object) -> Optional[Dict[str, Any]]:
    """A report of before; None where there is none of that form."""
    try:
        data = from_json(runner.read(os.path.join(state, name)) or "", form)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def metrics(last: Mapping[str, Any], taken: Optional[Mapping[str, Any]], cluster: str) -> str:
    """The text of the metrics' file. The file's own age is no measure: this text says when what was."""
    values: Dict[str, float] = {
        "last_run_timestamp_seconds": last["started"],
        "last_run_success": int(last["outcome"] != "failed"),
        "last_run_taken": int(last["outcome"] == "taken"),
        "last_run_seconds": last.get("seconds", 0),
    }
    if taken:
        values["last_taken_timestamp_seconds"] = taken["started"]
        values["last_taken_size_bytes"] = taken.get("size", 0)
        values["last_taken_uploaded"] = int(bool(taken.get("uploaded")))
        for name in ("revision", "keys"):
            if name in taken:
                values["last_taken_" + name] = taken[name]
    lines: List[str] = []
    for name, text in GAUGES:
        if name in values:
            full = "kubernetes_backup_" + name
            lines += ["# HELP %s %s" % (full, text), "# TYPE %s gauge" % full]
            lines.append('%s{cluster="%s"} %s' % (full, cluster.replace("\\", "\\\\").replace('"', '\\"'), repr(values[name])))
    return "\n".join(lines) + "\n"


def line(report: Mapping[str, Any]) -> str:
    """The run in one line."""
    if report["outcome"] == "failed":
        return "no backup: %s" % report.get("error", "")
    if report["outcome"] == "left":
        return "left to %s" % report.get("left_to", "")
    words = ["%s, %.1f MB" % (report.get("path", ""), (report.get("size") or 0) / 1e6)]
    if "keys" in report and "revision" in report:
        words.append("restored on trial: %d keys at revision %d" % (report["keys"], report["revision"]))
    if report.get("took_over_from"):
        words.append("instead of %s" % report["took_over_from"])
    if "uploaded" in report:
        words.append("uploaded %d" % len(report["uploaded"]))
    return "; ".join(words + ["%.1f s" % report.get("seconds", 0)])
