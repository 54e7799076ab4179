# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the report of a drill from its directory, as JSON and as a page, and fails over its limits."""

from __future__ import annotations

import json
import os
from typing import Any, Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.page import page
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.report import (
    Records,
    build,
    figures,
    parse_lines,
    parse_observed,
    samples,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.controller_action import ControllerAction

ARGUMENTS: Dict[str, Any] = {"directory": {"type": "path", "required": True}}


class ActionModule(ControllerAction):
    """Runs on the controller alone; touches nothing but the drill's own directory."""

    ARGUMENTS = ARGUMENTS
    _supports_check_mode = False

    def work(self, arguments: Dict[str, Any], task_vars: Dict[str, Any]) -> Dict[str, Any]:
        directory = arguments["directory"]
        records = Records(
            parse_lines(_read(directory, "events.jsonl")),
            parse_lines(_read(directory, "probes.jsonl")),
            parse_lines(_read(directory, "writes.jsonl")),
            parse_observed(_read(directory, "observed.json")),
        )
        report = build(records)
        replace_file(os.path.join(directory, "report.json"), json.dumps(report, indent=2, sort_keys=True) + "\n")
        path = os.path.join(directory, "report.html")
        replace_file(path, page(report, samples(records.probes, "probe"), samples(records.writes, "write")))
        lines = figures(report)
        message = "The drill %s; see %s\n%s" % ("passed" if report["passed"] else "failed", path, "\n".join(lines))
        return {"changed": True, "failed": not report["passed"], "report": report, "figures": lines, "path": path, "msg": message}


def _read(directory: str, name: str) -> str:
    try:
        with open(os.path.join(directory, name), encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""
