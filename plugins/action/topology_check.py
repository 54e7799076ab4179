# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers what is known of all hosts and asks module_utils/topology what is wrong with it and what to do."""

from __future__ import annotations

import os
import socket
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ansible.errors import AnsibleError
from ansible.template import Templar
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import BundleError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import VersionError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import parse_address, split_endpoint
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.check import Outcome, check_topology
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.checks.backups import DESCRIPTION, FILES
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.phases import phases, with_plan
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import counted, listed, readable
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.restoring import PLAYBOOKS as RESTORING
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.settings import KINDS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.spelling import stray_settings
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.bundle_needs import describe_bundle, read_needs
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.controller_action import ControllerAction
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.host_variables import HostVariables, trust_as_template
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.playbook_plays import (
    PLAYBOOKS_PATH,
    playbooks_with_a_plan,
    plays_after_preflight,
)
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.role_settings import (
    check_role_settings,
    load_options,
    load_yaml,
)

ARGUMENTS: Dict[str, Any] = {
    "playbook": {"type": "str", "default": ""},
    # As it was typed: what is wrong with it is said beside all else.
    "leaving": {"type": "raw"},
    "two_members": {"type": "bool", "default": False},
}
ROLES_PATH = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "roles")


class ActionModule(ControllerAction):
    """Runs on the controller alone, once for all hosts; reads and decides, and changes nothing."""

    ARGUMENTS = ARGUMENTS
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        left_out = deselected((task_vars or {}).get("ansible_run_tags") or ["all"], self._task.tags)
        if left_out:
            return {"changed": False, "warnings": [left_out], "errors": [], "cautions": [], "msg": left_out}
        return super().run(tmp, task_vars)

    def work(self, arguments: Dict[str, Any], task_vars: Dict[str, Any]) -> Dict[str, Any]:
        defaults = load_yaml(os.path.join(ROLES_PATH, "cluster", "defaults", "main.yml")) or {}
        reader = HostVariables(self._loader, task_vars, defaults)
        hosts: Dict[str, Dict[str, Any]] = {}
        settings: Dict[str, Any] = {}
        for host, groups in reader.host_groups().items():
            hosts[host], of_host = reader.read(host, groups)
            # The first control plane's: where hosts differ, the check says so.
            settings = {**of_host, **settings}
        options = load_options(ROLES_PATH)
        given = {host: list(entry["vars"]) for host, entry in hosts.items()}
        problems = reader.problems + check_role_settings({host: entry["vars"] for host, entry in hosts.items()}, options)
        for host, entry in hosts.items():
            # What is wrong in form is there all the same.
            entry["later"] += [name for name in given[host] if name not in entry["vars"]]
        problems += stray_settings(reader.others, {*options, *KINDS}, reader.given)
        offline = self._offline(reader, hosts)
        outcome = check_topology(
            {
                "settings": settings or {**reader.defaults, **reader.overriding},
                "hosts": hosts,
                "playbook": arguments["playbook"],
                "leaving": arguments["leaving"],
                "playbooks": _playbooks(arguments["playbook"]),
                "groups": reader.members,
                "two_members": arguments["two_members"],
                "resolved": _resolve(settings),
                "files": _files(settings, hosts),
                "offline": offline,
            },
            problems,
        )
        plays = plays_after_preflight(self._loader, arguments["playbook"], task_vars)
        outcome.plan["kubeconfig"] = self._kubeconfig(reader, next(iter(hosts), ""), outcome.plan["kubeconfig"])
        outcome.plan["phases"] = phases(plays, with_plan(reader.members, outcome.plan["host_groups"]))
        return _report(outcome)

    def _kubeconfig(self, reader: HostVariables, host: str, path: str) -> str:
        """The path on this controller; empty where an inventory without a directory leaves none."""
        if path != reader.defaults.get("cluster_kubeconfig"):
            return path
        try:
            return str(Templar(loader=self._loader, variables=reader.context(host)).template(trust_as_template(path)))
        except AnsibleError:
            return ""

    def _offline(self, reader: HostVariables, hosts: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        """The bundle on this controller, and what the hosts need of one; empty where none is named."""
        named = [str(entry["vars"]["offline_bundle"]) for entry in hosts.values() if entry["vars"].get("offline_bundle")]
        # Those that could not be read are told of anyway.
        read = {host: entry for host, entry in hosts.items() if entry["facts"]}
        if not named or not read:
            return {}
        described = describe_bundle(named[0])
        try:
            needs = read_needs(self._loader, reader, read, ROLES_PATH)
        except (BundleError, VersionError) as error:
            return {**described, "problem": str(error)}
        return {**described, "needs": needs}


def deselected(wanted: Sequence[str], own: Sequence[str]) -> str:
    """Words for a run whose --tags leave out what comes after this task, which itself is always run; else an empty text.

    :param own: the tags that this task has, one of them ``always``; others come with a playbook that imports ours.
    """
    others = set(own) - {"always"}
    if {"all", "untagged", *others} & set(wanted) or ("tagged" in wanted and others):
        return ""
    return (
        "--tags %s: the playbooks of this collection have no tags, so this run does nothing. What to do: leave --tags out; "
        "what is done already is passed over anyway" % ",".join(map(str, wanted))
    )


def _playbooks(playbook: str) -> List[str]:
    """Those that there are, read only where the one that is named is none of them."""
    there = os.path.isfile(os.path.join(PLAYBOOKS_PATH, playbook + ".yml")) or playbook in RESTORING
    return [] if not playbook or there else playbooks_with_a_plan()


def _resolve(settings: Mapping[str, Any]) -> Dict[str, List[str]]:
    """The addresses of cluster_endpoint's name, looked up only where no VIP would be put into the nodes' hosts files."""
    endpoint = settings.get("cluster_endpoint")
    if not isinstance(endpoint, str) or not endpoint.strip() or settings.get("cluster_vip"):
        return {}
    name, _port = split_endpoint(endpoint)
    if not name or parse_address(name) is not None:
        return {}
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return {name: []}
    return {name: sorted({str(entry[4][0]) for entry in found})}


def _files(settings: Mapping[str, Any], hosts: Mapping[str, Mapping[str, Any]]) -> Dict[str, str]:
    """Path -> text, of the files of an existing etcd and of a backup; empty where one can't be read on this controller."""
    named = ("cluster_etcd_ca_file", "cluster_etcd_certificate_file", "cluster_etcd_key_file")
    paths = [settings[name] for name in named if isinstance(settings.get(name), str) and settings[name]]
    given = [entry["vars"].get(name) for entry in hosts.values() for name in FILES]
    archives = [path for path in given if isinstance(path, str) and "/" in path]
    return {path: _read(path) for path in (*paths, *archives, *(archive + DESCRIPTION for archive in archives))}


def _read(path: str) -> str:
    try:
        with open(os.path.expanduser(path), encoding="utf-8", errors="replace") as stream:
            return stream.read(65536)
    except OSError:
        return ""


def _report(outcome: Outcome) -> Dict[str, Any]:
    """The module's result. ``warnings`` are texts, because ansible-core prints them; ``cautions`` are the same as data."""
    problems = outcome.problems
    report: Dict[str, Any] = {
        "changed": False,
        "failed": bool(problems),
        "errors": [problem.as_dict() for problem in problems],
        "cautions": [warning.as_dict() for warning in outcome.warnings],
        "warnings": [
            "%s%s: %s%s What to do: %s"
            % (
                warning.setting,
                " (%s)" % listed(warning.hosts) if warning.hosts else "",
                warning.problem,
                "" if warning.problem.endswith("?") else ".",
                warning.remedy,
            )
            for warning in outcome.warnings
        ],
        "plan": outcome.plan,
        "msg": "\n".join(outcome.plan["summary"]),
    }
    if problems:
        # Nothing may be done with it, and Ansible would print it after the list of problems.
        del report["plan"]
        report["msg"] = "%s found, all listed here; no host was changed.\n%s" % (
            counted(len(problems), "problem"),
            readable(problems),
        )
    return report
