# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers what node_facts read of every host's certificates, and says what is due."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.errors import CertificateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.report import (
    KUBEADM,
    KUBELET,
    SERVING,
    Entry,
    entries,
    hosts_with,
    lines,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.rotation import Host, plan_rotation
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.certificates import COPIES, describe
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import GROUPS, mapping
from ansible_collections.baremetal.kubernetes.plugins.module_utils.x509 import X509Error, parse_kubeconfig
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.controller_action import ControllerAction, facts_of

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "renew_before_days": {"type": "int", "default": 30},
    "kubeconfig": {"type": "path", "default": ""},
    "api_host": {"type": "str", "default": ""},
    "rotate_ca": {"type": "str", "default": ""},
    "rotate_until": {"type": "str", "default": "", "choices": ["", "trusted", "signed"]},
}
CONTROLLER = "this controller"


class ActionModule(ControllerAction):
    """Runs on the controller alone, once for all hosts; reads and decides, and changes nothing."""

    ARGUMENTS = ARGUMENTS
    _supports_check_mode = True

    def work(self, arguments: Dict[str, Any], task_vars: Dict[str, Any]) -> Dict[str, Any]:
        result: Dict[str, Any] = {}
        days = arguments["renew_before_days"]
        hosts = _certificates(task_vars)
        hosts[CONTROLLER] = _kubeconfig(arguments["kubeconfig"])
        found = entries(hosts, days, [host for host, facts in _facts(task_vars).items() if _external_etcd(facts)])
        try:
            rotation = plan_rotation(
                _authorities(task_vars), arguments["rotate_ca"], arguments["rotate_until"], arguments["api_host"]
            )
        except CertificateError as error:
            return {"failed": True, **error.fields()}
        # Nothing of it can be looked at beforehand: the new CAs are what everything else in it is about.
        rotate = {} if self._task.check_mode else rotation.groups
        result.update(
            changed=False,
            certificates=[entry.as_dict() for entry in found],
            due=hosts_with(found, KUBEADM, KUBELET, SERVING),
            work=_work(found, task_vars, arguments["api_host"])
            + [{"group": group, "host": host} for group, names in rotate.items() for host in names],
            report=lines(found, days) + rotation.lines,
            msg="\n".join(lines(found, days) + rotation.lines),
        )
        return result


def _work(found: List[Entry], task_vars: Mapping[str, Any], api_host: str) -> List[Dict[str, str]]:
    """The groups that the plays are for, a host each."""
    facts = _facts(task_vars)
    # All of them: what a killed run renewed may not be in use yet, which only the node itself can see.
    control_planes = [host for host, one in facts.items() if mapping(one.get("kubeadm")).get("state") == "control_plane"]
    asked = [api_host] if api_host else control_planes[:1]
    groups = {
        "plan_renew_control_planes": control_planes,
        "plan_renew_kubelets": [host for host in hosts_with(found, KUBELET, SERVING) if host in facts],
        "plan_renew_token": asked if hosts_with(found, KUBELET) else [],
        "plan_renew_look_again": [host for host in hosts_with(found, KUBEADM, KUBELET, SERVING) if host in facts],
        "plan_renew_kubeconfig": asked if CONTROLLER in hosts_with(found, KUBEADM) else [],
    }
    return [{"group": group, "host": host} for group, hosts in groups.items() for host in hosts]


def _authorities(task_vars: Mapping[str, Any]) -> List[Host]:
    hosts = []
    for name, facts in _facts(task_vars).items():
        cluster, kubeadm = mapping(facts.get("cluster")), mapping(facts.get("kubeadm"))
        rotation = mapping(cluster.get("rotation"))
        hosts.append(
            Host(
                name=name,
                authorities=[str(one) for one in cluster.get("ids") or []],
                replaced=str(rotation.get("replaced") or ""),
                has_new=rotation.get("has_new") is True,
                control_plane=kubeadm.get("state") == "control_plane",
                copies=any(mapping(one).get("path") in COPIES for one in facts.get("certificates") or []),
            )
        )
    return hosts


def _external_etcd(facts: Mapping[str, Any]) -> bool:
    """Whether this is a control plane without a member of etcd."""
    pods = [mapping(pod).get("name") for pod in facts.get("static_pods") or []]
    return "kube-apiserver" in pods and "etcd" not in pods


def _facts(task_vars: Mapping[str, Any]) -> Dict[str, Mapping[str, Any]]:
    """Host -> what node_facts read there in this run."""
    hostvars, groups = task_vars["hostvars"], mapping(task_vars.get("groups"))
    names = dict.fromkeys(str(host) for group in GROUPS for host in groups.get(group) or [])
    return {name: facts_of(hostvars, name) for name in names}


def _certificates(task_vars: Mapping[str, Any]) -> Dict[str, List[Mapping[str, Any]]]:
    """Host -> its certificates."""
    return {host: [mapping(one) for one in facts.get("certificates") or []] for host, facts in _facts(task_vars).items()}


def _kubeconfig(path: str) -> List[Mapping[str, Any]]:
    """The client certificate of the kubeconfig on this controller; none where there is no such file."""
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
        return [describe(path, one, time.time()) for one in parse_kubeconfig(text, path)]
    except (OSError, X509Error):
        return []
