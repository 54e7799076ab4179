# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases of a playbook that are to come: its plays, in their order, with the hosts that the plan has for them. Pure."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Set

#: How the groups begin that a later step of the playbook decides, by what it finds: keys, certificates, versions.
LATER = ("plan_encrypt", "plan_renew", "plan_rotate", "plan_runtime", "plan_upgrade")


class Play(NamedTuple):
    """A play of a playbook. ``pattern`` is None where it can't be known now. ``replanned``: another plan is made before it."""

    name: str
    pattern: Optional[str]
    replanned: bool = False


def phases(plays: Iterable[Play], groups: Mapping[str, Sequence[str]]) -> List[Dict[str, Any]]:
    """Each play that has work, as ``name`` and ``hosts``; these are None where a later step decides them.

    :param groups: every group of the inventory and of the plan.
    """
    found = []
    for play in plays:
        hosts = None if play.pattern is None else matched(play.pattern, groups, play.replanned)
        if hosts is None or hosts:
            found.append({"name": play.name, "hosts": hosts})
    return found


def with_plan(inventory: Mapping[str, Sequence[str]], host_groups: Iterable[Mapping[str, Any]]) -> Dict[str, List[str]]:
    """The inventory's groups and those that preflight puts hosts into."""
    groups = {name: list(hosts) for name, hosts in inventory.items() if not name.startswith("plan_")}
    for entry in host_groups:
        for group in entry["groups"]:
            groups.setdefault(group, []).append(entry["host"])
    return groups


def matched(pattern: str, groups: Mapping[str, Sequence[str]], replanned: bool = False) -> Optional[List[str]]:
    """The hosts of a pattern of groups, as Ansible takes it; None where a later step decides who is in one of them."""
    terms = [term.strip() for term in re.split("[:,]", pattern) if term.strip()]
    names = [term.lstrip("!&") for term in terms]
    if any(name.startswith(LATER) or (replanned and name.startswith("plan_")) for name in names):
        return None
    hosts: Dict[str, None] = {}
    for name in (term for term in terms if term[0] not in "!&"):
        hosts.update(dict.fromkeys(groups.get(name, ())))
    for term in (term for term in terms if term[0] in "!&"):
        members: Set[str] = set(groups.get(term[1:], ()))
        hosts = {host: None for host in hosts if (host in members) == (term[0] == "&")}
    return list(hosts)
