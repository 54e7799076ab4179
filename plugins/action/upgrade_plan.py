# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts together what was read off the nodes and off the API, and asks module_utils/upgrade for the plan."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import image_tag
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import mapping
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import counted, readable
from ansible_collections.baremetal.kubernetes.plugins.module_utils.upgrade.plan import (
    OPERATION,
    Cluster,
    Node,
    Wanted,
    make_plan,
    work,
)
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.controller_action import ControllerAction, facts_of

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "kubernetes_version": {"type": "str", "required": True},
    "cluster": {"type": "dict", "required": True},
    "nodes": {"type": "dict", "required": True},
    "api_host": {"type": "str", "required": True},
    "until": {"type": "str", "default": ""},
    "allow_removed_apis": {"type": "bool", "default": False},
    "etcd_tag": {"type": "str", "default": ""},
    "batch": {"type": "str", "default": "1"},
}


class ActionModule(ControllerAction):
    """Runs on the controller alone, once for all hosts; decides, and changes nothing."""

    ARGUMENTS = ARGUMENTS
    FORMS = {
        "cluster": {
            "nodes": {str: object},
            "config_version": str,
            "proxy_version": str,
            "removed_apis": [{"api": str, "resource": str, "removed_release": str}],
        },
        "nodes": {str: {"name": str, "roles": [str]}},
    }
    _supports_check_mode = True

    def work(self, arguments: Dict[str, Any], task_vars: Dict[str, Any]) -> Dict[str, Any]:
        result: Dict[str, Any] = {}
        hostvars = task_vars["hostvars"]
        read = arguments["cluster"]
        nodes = [
            _node(host, node, facts_of(hostvars, host), mapping(mapping(read["nodes"]).get(node["name"])))
            for host, node in arguments["nodes"].items()
            if {"control_plane", "workers"} & set(node["roles"])
        ]
        members = [facts_of(hostvars, host) for host, node in arguments["nodes"].items() if "etcd" in node["roles"]]
        external = [str(mapping(one.get("packages")).get("etcd") or "") for one in members]
        cluster = Cluster(
            nodes=nodes,
            config_version=read["config_version"],
            proxy_version=read["proxy_version"],
            removed_apis=read["removed_apis"],
            api_host=arguments["api_host"],
            external_etcd=[version for version in external if version],
        )
        wanted = Wanted(
            version=arguments["kubernetes_version"],
            until=arguments["until"],
            allow_removed_apis=arguments["allow_removed_apis"],
            etcd_tag=arguments["etcd_tag"],
            batch=arguments["batch"],
        )
        plan = make_plan(wanted, cluster)
        result.update(
            changed=False,
            failed=bool(plan.problems),
            errors=[problem.as_dict() for problem in plan.problems],
            warnings=["%s: %s. What to do: %s" % (one.setting, one.problem, one.remedy) for one in plan.warnings],
            msg="\n".join(plan.summary),
        )
        if plan.problems:
            result["msg"] = "%s found, all listed here; no host was changed.\n%s" % (
                counted(len(plan.problems), "problem"),
                readable(plan.problems),
            )
        else:
            result["plan"] = {
                "running": plan.running,
                "apply": plan.apply,
                "control_planes": plan.control_planes,
                "workers": plan.workers,
                "addons": plan.addons,
                "reopen": [node.name for node in nodes if node.cordoned_by == OPERATION],
                "work": work(plan, arguments["api_host"]),
                "summary": plan.summary,
            }
        return result


def _runtime(facts: Mapping[str, Any]) -> str:
    """The runtime's name, and dockershim for a Docker without cri-dockerd beside it."""
    name = str(mapping(facts.get("runtime")).get("name") or "")
    return "dockershim" if name == "docker" and not mapping(facts.get("packages")).get("cri-dockerd") else name


def _node(host: str, node: Mapping[str, Any], facts: Mapping[str, Any], seen: Mapping[str, Any]) -> Node:
    pods: List[Mapping[str, Any]] = [mapping(pod) for pod in facts.get("static_pods") or []]
    kubelet = mapping(facts.get("kubelet"))
    return Node(
        host=host,
        name=str(node["name"]),
        control_plane="control_plane" in node["roles"],
        kubelet=str(seen.get("kubelet") or ""),
        static_pods={str(pod.get("name")): image_tag(str(pod.get("image") or "")) for pod in pods},
        cordoned_by=str(seen.get("cordoned_by") or ""),
        ready=seen.get("ready") is True,
        runtime=_runtime(facts),
        kubelet_arguments=list(kubelet.get("extra_arguments") or []),
        etcd_arguments=list(mapping(facts.get("etcd")).get("arguments") or []),
    )
