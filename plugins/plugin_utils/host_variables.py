# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of all hosts, read once per host and templated only where a value holds a template."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Mapping, Set, Tuple

from ansible.errors import AnsibleError
from ansible.template import Templar
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import (
    GROUPS,
    NODE_VARIABLES,
    mapping,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, of_hosts
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.spelling import PREFIX
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.role_settings import role_of

try:
    from ansible.template import trust_as_template as _trust
except ImportError:
    _trust = str


#: What preflight registers for each node, so that one which can't be reached still has a reason.
STATE = "node_state"

#: A value that is another variable and no more, and the words in a template that may be variables.
ALIAS = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}$")
WORD = re.compile(r"[A-Za-z_]\w*")
#: What an error of a template names that nobody has defined.
UNDEFINED = re.compile(r"'([A-Za-z_]\w*)' is undefined")
#: What only a run that has got further knows, or a lookup, which looks beside the role that asks.
LATER = re.compile(r"\b(ansible_\w+|hostvars|topology|item|lookup|query|q)\b")
#: Before ansible-core 2.19 what Python says of an expression comes as it is.
RESOLVING = (AnsibleError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
#: A value whose template can't be resolved.
UNRESOLVED = object()


def trust_as_template(value: str) -> str:
    """The text as a template: from ansible-core 2.19 on, only what is said to be one is."""
    return _trust(value)


def has_template(value: Any) -> bool:
    """Whether there is Jinja anywhere in the value. Most values have none, and templating a thousand hosts takes its time."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value or "{#" in value
    if isinstance(value, Mapping):
        return any(has_template(part) for part in value.values())
    return isinstance(value, (list, tuple)) and any(has_template(part) for part in value)


def _complaint(error: Exception, missing: str, value: Any) -> Tuple[str, str]:
    """Problem and remedy. The value of a role's setting is not shown: it may hold a password beside its template."""
    if missing:
        remedy = "define %s where all hosts of the cluster see it, such as group_vars/all.yml or a vault that is loaded" % missing
    else:
        remedy = "correct %.100s" % (value,) if value is not None else "correct it"
    # Before ansible-core 2.19 an error holds those of all templates on its way, the first one last.
    return "its template can't be resolved: %.300s" % str(error).rpartition("original message: ")[2], remedy


class HostVariables:
    """Reads what the check needs. ``problems`` are the settings whose templates can't be resolved, ``others`` (name -> value and
    hosts) what is set beside settings, and ``given`` the settings that somebody has set.

    hostvars lacks play variables and role defaults. cluster_* that the task itself sees and that its host's own variables
    don't explain come from there, and hold for all hosts.
    """

    def __init__(self, loader: Any, task_vars: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
        self.loader = loader
        self.done: Dict[Any, Any] = {}
        self.hostvars = task_vars["hostvars"]
        self.members: Mapping[str, List[str]] = task_vars.get("groups") or {}
        self.task_names = set(task_vars)
        self.others: Dict[str, Tuple[Any, List[str]]] = {}
        self.given: Set[str] = set()
        self._unresolved: List[Tuple[Tuple[str, str, str], str]] = []
        self.defaults = dict(defaults)
        self.overriding: Dict[str, Any] = {}
        own = self._raw(str(task_vars.get("inventory_hostname", "")))
        for name, value in task_vars.items():
            if not name.startswith(PREFIX) or (name in own and own[name] == value):
                continue
            if name in own:
                self.overriding[name] = value
            else:
                self.defaults[name] = value

    @property
    def problems(self) -> List[Problem]:
        return list(of_hosts(self._unresolved))

    def _raw(self, host: str) -> Mapping[str, Any]:
        if host not in self.hostvars:
            return {}
        return mapping(self.hostvars.raw_get(host))

    def host_groups(self) -> Dict[str, List[str]]:
        """Host -> its groups among ours, control planes first and in their order."""
        found: Dict[str, List[str]] = {}
        for group in GROUPS:
            for host in self.members.get(group) or []:
                found.setdefault(str(host), []).append(group)
        return found

    def context(self, host: str) -> Dict[str, Any]:
        """What the host's tasks would see of variables, before any is templated."""
        return {**self.defaults, **self._raw(host), **self.overriding}

    def read(self, host: str, groups: Iterable[str]) -> Tuple[Dict[str, Any], Dict[str, Any]]:
        """One host for check_topology, and its cluster_* settings."""
        raw = self._raw(host)
        context = self.context(host)
        settings: Dict[str, Any] = {}
        variables: Dict[str, Any] = {}
        later: List[str] = []
        for name, value in context.items():
            ours = name.startswith(PREFIX) or name in NODE_VARIABLES
            if not ours and name in raw and not role_of(name):
                self._other(name, value, host)
            elif ours or name in raw:
                resolved = self._value(host, name, value, context, ours)
                if name in raw:
                    self.given.add(name)
                if resolved is UNRESOLVED:
                    later.append(name)
                else:
                    (settings if name.startswith(PREFIX) else variables)[name] = resolved
        variables.update(settings)
        state = mapping(raw.get(STATE))
        # With `failed_when: false` a failure is not marked as one; facts of an earlier run must not stand in for it.
        failed = bool(state) and not state.get("skipped") and "ansible_facts" not in state
        facts = mapping(raw.get("ansible_facts")).get("kubernetes_node") or mapping(state.get("ansible_facts")).get(
            "kubernetes_node"
        )
        return {
            "groups": list(groups),
            "vars": variables,
            "later": later,
            "facts": facts,
            "unreachable": bool(state.get("unreachable")),
            "failed": bool(state.get("failed")) or failed,
            "msg": str(state.get("msg") or ""),
        }, settings

    def _other(self, name: str, value: Any, host: str) -> None:
        if not name.startswith(("ansible_", "_")):
            self.others.setdefault(name, (value, []))[1].append(host)

    def _value(self, host: str, name: str, value: Any, context: Mapping[str, Any], ours: bool) -> Any:
        if not has_template(value):
            return value
        try:
            return self._templated(value, context)
        except RESOLVING as error:
            unknown = UNDEFINED.search(str(error))
            missing = unknown.group(1) if unknown else ""
            # A role's variable may refer to what is only known later in the run; the role itself will meet it then.
            later = missing in self.task_names or missing.startswith("_") or bool(role_of(missing)) or LATER.search(str(value))
            if ours or not later:
                self._unresolved.append(((name, *_complaint(error, missing, value if ours else None)), host))
            return UNRESOLVED

    def _templated(self, value: Any, context: Mapping[str, Any]) -> Any:
        """The value without its templates. A template costs milliseconds, so one of plain values is done once for all hosts."""
        if not isinstance(value, str):
            return Templar(loader=self.loader, variables=context).template(value)
        alias = ALIAS.match(value)
        if alias and alias.group(1) in context and not has_template(context[alias.group(1)]):
            return context[alias.group(1)]
        used = [(word, context[word]) for word in sorted(set(WORD.findall(value))) if word in context]
        if not all(isinstance(known, (str, int, float)) and not has_template(known) for _word, known in used):
            return Templar(loader=self.loader, variables=context).template(value)
        key = (str(value), tuple((word, str(known)) for word, known in used))
        if key not in self.done:
            self.done[key] = Templar(loader=self.loader, variables=context).template(value)
        return self.done[key]
