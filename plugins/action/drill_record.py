# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the marks of a drill on the controller: what happened when, who lost power, and when the watch may end."""

from __future__ import annotations

import json
import os
import time
from typing import Any, Dict, List, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.power import FILE, forget, remember
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.controller_action import ControllerAction

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "directory": {"type": "path", "required": True},
    "event": {"type": "str", "required": True},
    "fault": {"type": "str", "default": ""},
    "data": {"type": "dict", "default": {}},
    "results": {"type": "list", "elements": "dict", "default": []},
    "failure": {"type": "dict"},
    "powered_off": {"type": "dict"},
    "wait": {"type": "int", "default": 0},
}


class ActionModule(ControllerAction):
    """Runs on the controller alone; touches nothing but the drill's own directory."""

    ARGUMENTS = ARGUMENTS
    _supports_check_mode = False

    def work(self, arguments: Dict[str, Any], task_vars: Dict[str, Any]) -> Dict[str, Any]:
        directory = arguments["directory"]
        record = dict(arguments["data"], event=arguments["event"])
        if arguments["fault"]:
            record["fault"] = arguments["fault"]
        if arguments["failure"] is not None:
            record["reason"] = reason_of(arguments["failure"])
        os.makedirs(directory, mode=0o755, exist_ok=True)
        if arguments["powered_off"] is not None:
            power = os.path.join(os.path.dirname(directory), FILE)
            if arguments["powered_off"]:
                remember(power, {str(host): list(command) for host, command in arguments["powered_off"].items()})
            else:
                forget(power)
        if arguments["event"] == "end":
            with open(os.path.join(directory, "stop"), "w", encoding="utf-8"):
                pass
        waiting = _wait(directory, arguments["event"], arguments["wait"]) if arguments["wait"] else ""
        with open(os.path.join(directory, "events.jsonl"), "a", encoding="utf-8") as stream:
            stream.write(json.dumps(dict(record, at=round(time.time(), 4)), sort_keys=True) + "\n")
        bad = [text for text in map(_failed, arguments["results"]) if text]
        result: Dict[str, Any] = {"changed": False}
        if waiting and arguments["event"] == "end":
            # The report comes next, and says what is missing.
            result["warnings"] = [waiting]
        elif waiting:
            bad.append(waiting)
        return dict(result, failed=bool(bad), msg="; ".join(bad) or "%s noted" % arguments["event"])


def _failed(item: Mapping[str, Any]) -> str:
    """What is wrong with one result of a loop; an unreachable host fails nothing by itself where it is ignored."""
    if not item.get("unreachable") and not item.get("failed"):
        return ""
    label = item.get("item")
    host = label.get("host") if isinstance(label, Mapping) else label
    state = "can't be reached" if item.get("unreachable") else "failed"
    return "%s %s: %s" % (host or "the host", state, item.get("msg") or "no reason was given")


def reason_of(failure: Mapping[str, Any]) -> str:
    """Why a task failed, the items of its loop included."""
    inner: List[str] = [text for text in map(_failed, failure.get("results") or []) if text]
    return "; ".join(inner) or str(failure.get("msg") or "no reason was given")


def _wait(directory: str, event: str, seconds: int) -> str:
    """Until the observer watches, or has come to its end; its error where it does not come to that."""
    file = "observed.json" if event == "end" else "observing"
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.path.exists(os.path.join(directory, file)):
            return ""
        failed = os.path.join(directory, "failed")
        if os.path.exists(failed):
            with open(failed, encoding="utf-8") as stream:
                return stream.read()
        time.sleep(0.1)
    return "the observer did not write %s within %d s" % (file, seconds)
