# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of all roles, checked at once against their argument specifications before any role is entered."""

from __future__ import annotations

import os
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Tuple

import yaml
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.forms import NOTHING, conform
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.settings import KINDS as CLUSTER
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.spelling import meant_setting

#: Role -> prefix of its variables. cluster_* are checked by module_utils/topology, which knows more about them.
ROLES = (
    "container_runtime",
    "control_plane",
    "load_balancer",
    "keepalived",
    "kube_vip",
    "metallb",
    "interconnect",
    "packages",
    "worker",
    "etcd",
    "verify",
    "remove",
    "reset",
    "drill",
    "host",
    "cni",
    "lvs",
    "backup",
    "hardware_watch",
    "node_problem_detector",
    "monitoring",
    "snapshot_controller",
    "openebs_zfs",
    "longhorn",
    "ceph_csi",
    "restore",
    "failover_ip",
    # Before the role whose prefix it has, too.
    "zfs_backup",
    "zfs",
    "offline",
    "registry",
    "harbor",
    "rke2",
    "certificates",
    "security",
    "upgrade",
    "kube_proxy",
    "diagnose",
)
#: People have variables of their own that begin like this.
SHARED_PREFIXES = ("host", "backup", "restore", "monitoring", "certificates", "security")
#: Their lists are given on the command line, where they are texts with commas.
COMMAND_LINE = ("remove", "drill", "offline", "upgrade", "verify")
#: Names that module_utils/topology refuses with words of its own.
KNOWN_ELSEWHERE = ("keepalived_auth_pass",)

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class RoleOption(NamedTuple):
    role: str
    specification: Mapping[str, Any]


def load_yaml(path: str) -> Any:
    """What a YAML file holds; None where there is no such file."""
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as stream:
        return yaml.load(stream, Loader=_Loader)


def load_options(roles_path: str) -> Dict[str, RoleOption]:
    """Variable -> role and specification, over all entry points of all roles."""
    options: Dict[str, RoleOption] = {}
    for role in ROLES:
        specifications = load_yaml(os.path.join(roles_path, role, "meta", "argument_specs.yml")) or {}
        for entry_point in (specifications.get("argument_specs") or {}).values():
            for name, specification in (entry_point.get("options") or {}).items():
                options.setdefault(name, RoleOption(role, specification))
    return options


def role_of(variable: str) -> str:
    """The role whose prefix a variable has, or an empty text."""
    for role in ROLES:
        if variable.startswith(role + "_"):
            return role
    return ""


def check_role_settings(hosts: Mapping[str, Dict[str, Any]], options: Mapping[str, RoleOption]) -> List[Problem]:
    """What is wrong with the values that hosts have for variables of roles, which is taken out of them for the checks to come.

    Equal values of many hosts are looked at once. A role that brings no specification (a part of the collection that is not
    installed) is not checked at all.
    """
    described = {option.role for option in options.values()}
    found: Dict[Tuple[str, str], Tuple[Any, List[str]]] = {}
    for host, variables in hosts.items():
        for name, value in variables.items():
            if name not in KNOWN_ELSEWHERE and role_of(name) in described and not _registered(value):
                found.setdefault((name, repr(value)), (value, []))[1].append(host)
    problems: List[Problem] = []
    unknown: Dict[str, List[str]] = {}
    for (name, _value), (value, names) in found.items():
        if name not in options:
            unknown.setdefault(name, []).extend(names)
            continue
        option = options[name]
        conformed, faults = conform(name, value, option.specification, option.role in COMMAND_LINE)
        page = "`ansible-doc -t role baremetal.kubernetes.%s`" % option.role
        problems += [Problem(one.setting, one.problem, "%s (%s)" % (one.remedy, page), tuple(names)) for one in faults]
        for host in names if faults else []:
            if conformed is NOTHING:
                del hosts[host][name]
            else:
                hosts[host][name] = conformed
    for name, names in unknown.items():
        problems += _unknown(name, names, options)
    return problems


def _registered(value: Any) -> bool:
    """Whether this is what a task came to, earlier in the same run, and no setting."""
    return isinstance(value, Mapping) and {"changed", "failed"} <= set(value)


def _unknown(name: str, hosts: List[str], options: Mapping[str, RoleOption]) -> Iterator[Problem]:
    role = role_of(name)
    # What a setting of the whole cluster is called may stand behind a role's prefix.
    cluster = [] if role in SHARED_PREFIXES else list(CLUSTER)
    meant = meant_setting(name, [known for known, option in options.items() if option.role == role] + cluster, role + "_")
    if meant:
        yield Problem(
            name,
            "role %s has no such setting, did you mean %s?" % (role, meant),
            "write %s, or give a variable of your own another prefix than %s_" % (meant, role),
            tuple(hosts),
            warning=role in SHARED_PREFIXES or meant in cluster,
        )
    elif role not in SHARED_PREFIXES:
        yield Problem(
            name,
            "role %s has no such setting" % role,
            "remove it, or give a variable of your own another prefix",
            tuple(hosts),
            True,
        )
