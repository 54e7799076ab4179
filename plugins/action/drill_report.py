# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the report of a drill from its directory, as JSON and as a page, and fails over its limits."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Optional

from ansible.plugins.action import ActionBase
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.page import page
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.report import Records, build, figures, parse_lines, samples

ARGUMENTS: Dict[str, Any] = {"directory": {"type": "path", "required": True}}


class ActionModule(ActionBase):
    """Runs on the controller alone; touches nothing but the drill's own directory."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = False
    _supports_async = False

    def run(self, tmp: Any = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        result: Dict[str, Any] = super().run(tmp, task_vars)
        _validated, arguments = self.validate_argument_spec(ARGUMENTS)
        directory = arguments["directory"]
        observed = _read(directory, "observed.json")
        records = Records(
            parse_lines(_read(directory, "events.jsonl")),
            parse_lines(_read(directory, "probes.jsonl")),
            parse_lines(_read(directory, "writes.jsonl")),
            json.loads(observed) if observed else None,
        )
        report = build(records)
        _write(directory, "report.json", json.dumps(report, indent=2, sort_keys=True) + "\n")
        html = page(report, samples(records.probes, "probe"), samples(records.writes, "write"))
        _write(directory, "report.html", html)
        lines = figures(report)
        result.update(
            changed=True, failed=not report["passed"], report=report, figures=lines, path=os.path.join(directory, "report.html")
        )
        verdict = "The drill passed" if report["passed"] else "The drill failed"
        result["msg"] = "%s; see %s\n%s" % (verdict, result["path"], "\n".join(lines))
        return result


def _read(directory: str, name: str) -> str:
    try:
        with open(os.path.join(directory, name), encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""


def _write(directory: str, name: str, text: str) -> None:
    path = os.path.join(directory, name)
    with open(path + ".new", "w", encoding="utf-8") as stream:
        stream.write(text)
    os.replace(path + ".new", path)
