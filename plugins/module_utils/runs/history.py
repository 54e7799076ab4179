# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of reports: a page for each of the last runs, and a line of JSON for each of many more."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.lock import hold
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import FormError, from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runs.record import SUCCEEDED, Run, told_apart

#: Hidden, because Ansible reads whatever else is in an inventory's directory as a part of the inventory.
NAME = ".reports"
HISTORY = "history.jsonl"
#: Lines of history: months of runs, and quickly read.
LINES = 1000
PAGE = re.compile(r"\d{8}T\d{6}Z-[\w.-]+\.html")
ENTRY = {
    "playbook": str,
    "inventory": [str],
    "begin": float,
    "seconds": float,
    "check": bool,
    "partial": bool,
    "outcome": str,
    "phases": [{"name": str, "seconds": float, "hosts": int}],
}


def entry_of(run: Run) -> Dict[str, Any]:
    """The run's line of history."""
    return {
        "playbook": run.playbook,
        "inventory": list(run.inventory),
        "begin": round(run.begin, 3),
        "seconds": round(run.seconds, 3),
        "check": run.check,
        "partial": run.partial,
        "outcome": run.outcome,
        "phases": [{"name": phase.name, "seconds": round(phase.seconds, 3), "hosts": len(phase.hosts)} for phase in run.worked],
    }


class Past:
    """Successful runs of one playbook with one inventory, the newest first. Neither check mode nor a part of a run counts."""

    def __init__(self, text: str, playbook: str, inventory: Sequence[str]) -> None:
        self.runs: List[Mapping[str, Any]] = [
            entry
            for entry in reversed(parse(text))
            if (entry["playbook"], entry["inventory"], entry["outcome"]) == (playbook, list(inventory), SUCCEEDED)
            and not entry["check"]
            and not entry["partial"]
        ]

    @property
    def seconds(self) -> Optional[float]:
        """How long the last one took; None where there is none."""
        return float(self.runs[0]["seconds"]) if self.runs else None

    def times(self, names: Sequence[str]) -> List[Optional[float]]:
        """How long each phase of these names took in the last run that had it, in seconds; None where none had."""
        known: Dict[Tuple[str, int], float] = {}
        for entry in self.runs:
            phases = entry["phases"]
            for key, phase in zip(told_apart([phase["name"] for phase in phases]), phases):
                known.setdefault(key, float(phase["seconds"]))
        return [known.get(key) for key in told_apart(list(names))]


def parse(text: str) -> List[Dict[str, Any]]:
    """The entries of a history. What is damaged is passed over."""
    found = []
    for line in text.splitlines():
        with contextlib.suppress(FormError):
            found.append(from_json(line, ENTRY))
    return found


def read(directory: str) -> str:
    """The text of the history; empty where there is none that can be read."""
    try:
        with open(os.path.join(directory, HISTORY), encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def page_path(directory: str, run: Run) -> str:
    """Where the run's page goes: beside those of earlier runs, and never in the place of one."""
    stem = "%s-%s%s" % (
        time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(run.begin)),
        re.sub(r"[^\w.-]", "_", run.playbook, flags=re.ASCII) or "run",
        "-check" if run.check else "",
    )
    path, number = os.path.join(directory, stem + ".html"), 1
    while os.path.exists(path):
        number += 1
        path = os.path.join(directory, "%s-%d.html" % (stem, number))
    return path


def keep(directory: str, run: Run, path: str, page: str, pages: int) -> None:
    """Write the run's page and its line of history, and let go of what is older.

    A kill leaves the history as it was, or with the line.

    :param pages: how many pages stay.
    :raises OSError: the directory can't be written to.
    """
    os.makedirs(directory, mode=0o700, exist_ok=True)
    busy = TimeoutError("%s is in use by another run" % directory)
    with hold(directory, 10, busy):
        ignore = os.path.join(directory, ".gitignore")
        if not os.path.exists(ignore):
            # Reports are of one computer; an inventory is often in git.
            replace_file(ignore, "*\n", 0o600)
        _write(path, page)
        entries = [*parse(read(directory))[-LINES + 1 :], entry_of(run)]
        _write(os.path.join(directory, HISTORY), "".join(json.dumps(entry, sort_keys=True) + "\n" for entry in entries))
        for name in sorted(name for name in os.listdir(directory) if PAGE.fullmatch(name))[:-pages]:
            os.remove(os.path.join(directory, name))


def _write(path: str, text: str) -> None:
    # Names from a command line may have halves of characters, which UTF-8 can't hold.
    replace_file(path, text.encode("utf-8", "replace"), 0o600)
