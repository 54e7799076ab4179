# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides on the controller what a drill kills where, from what was seen on all hosts."""

from __future__ import annotations

import os
import time
from typing import Any, Dict, List, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.faults import FAULTS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.plan import (
    Chosen,
    Host,
    Settings,
    candidates_of,
    choose,
    make_plan,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import mapping
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import counted, readable
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.controller_action import ControllerAction

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "cluster_name": {"type": "str", "required": True},
    "confirm": {"type": "str", "default": ""},
    "faults": {"type": "list", "elements": "str", "default": []},
    "fault": {"type": "str", "default": ""},
    "limits": {"type": "dict", "default": {}},
    "seconds": {"type": "int", "default": 20},
    "revert_after": {"type": "int", "default": 120},
    "virtual_address": {"type": "str", "default": ""},
    "power_off": {"type": "bool", "default": False},
    "power_on": {"type": "bool", "default": False},
    "nodes": {"type": "dict", "required": True},
    "looks": {"type": "list", "elements": "dict", "default": []},
}

#: What drill_fault saw on a host.
SEEN: Dict[str, Any] = {
    "held_addresses?": [str],
    "services?": [str],
    "static_pods?": [str],
    "can_isolate?": bool,
    "etcd_leader?": bool,
    "left?": {"name?": str},
}


class ActionModule(ControllerAction):
    """Runs on the controller alone, once for all hosts; decides, and changes nothing."""

    ARGUMENTS = ARGUMENTS
    FORMS = {"nodes": {str: {"name?": str, "roles?": [str]}}, "looks": [{"seen?": SEEN}]}
    _supports_check_mode = True

    def work(self, arguments: Dict[str, Any], task_vars: Dict[str, Any]) -> Dict[str, Any]:
        hosts, unseen = _hosts(arguments, mapping(task_vars.get("hostvars")))
        if unseen:
            return {"failed": True, "msg": "; ".join(unseen)}
        asked = {name: arguments[name] for name in Settings._fields if name in arguments}
        settings = Settings(check_mode=self._task.check_mode, **asked)
        return _one(arguments["fault"], hosts, settings) if arguments["fault"] else _all(hosts, settings)


def _hosts(arguments: Mapping[str, Any], hostvars: Mapping[str, Any]) -> Any:
    """The hosts with the newest look at each, and why some could not be looked at."""
    looks = {str(look.get("item")): look for look in arguments["looks"]}
    hosts: List[Host] = []
    unseen: List[str] = []
    for name, node in arguments["nodes"].items():
        variables = mapping(hostvars.get(name))
        look = mapping(looks.get(name) or variables.get("drill_look"))
        if not isinstance(look.get("seen"), Mapping):
            unseen.append("%s could not be looked at: %s" % (name, look.get("msg") or "no reason was given"))
            continue
        machine = str(variables.get("physical_host") or name)
        hosts.append(Host(name, str(node.get("name") or name), tuple(node.get("roles") or ()), machine, look["seen"]))
    return hosts, unseen


def _entry(chosen: Chosen) -> Dict[str, Any]:
    return {
        "fault": chosen.fault.name,
        "title": chosen.fault.title,
        "targets": [
            dict(target._asdict(), services=list(target.services), addresses=list(target.addresses)) for target in chosen.targets
        ],
        "what": chosen.line().partition(": ")[2],
        "reason": chosen.reason,
    }


def _one(name: str, hosts: List[Host], settings: Settings) -> Dict[str, Any]:
    """The targets of one fault as the cluster is now, and a control plane to ask that is none of them."""
    fault = next((fault for fault in FAULTS if fault.name == name), None)
    if fault is None:
        known = ", ".join(one.name for one in FAULTS)
        return {"failed": True, "msg": "fault: there is no %r. What to do: write one of %s." % (name, known)}
    chosen = choose(fault, hosts, settings)
    killed = {target.host for target in chosen.targets}
    ask = next((host.name for host in hosts if "control_plane" in host.groups and host.name not in killed), None)
    result = {"changed": False, "failed": not chosen.targets or ask is None, "chosen": _entry(chosen), "ask": ask}
    result["msg"] = chosen.line() if ask else "%s: no control plane would be left to ask" % name
    return result


def _all(hosts: List[Host], settings: Settings) -> Dict[str, Any]:
    problems, chosen = make_plan(hosts, settings)
    summary = [entry.line() for entry in chosen]
    result = {
        "changed": False,
        "failed": bool(problems),
        "errors": [problem.as_dict() for problem in problems],
        "faults": [entry.fault.name for entry in chosen if entry.targets],
        "left_out": [{"fault": entry.fault.name, "reason": entry.reason} for entry in chosen if not entry.targets],
        "candidates": candidates_of(hosts),
        "run": time.strftime("%Y%m%d-%H%M%S", time.gmtime()),
        # The process that forked this worker: what watches the drill ends with it.
        "controller_pid": os.getppid(),
        "summary": summary,
        "msg": "\n".join(summary),
    }
    if problems:
        result["msg"] = "%s found, all listed here; nothing was killed.\n%s" % (
            counted(len(problems), "problem"),
            readable(problems),
        )
    return result
