# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plays of a playbook of this collection that come after its preflight, with their ``hosts`` by the variables of a task."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, Iterator, List, Mapping, Optional

from ansible.errors import AnsibleError
from ansible.template import Templar
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.phases import Play
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.host_variables import has_template, trust_as_template
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.role_settings import load_yaml

PLAYBOOKS_PATH = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "playbooks")
PREFLIGHT = "preflight.yml"
#: A name of a playbook here, and no path.
NAME = re.compile(r"\w+")


def plays_after_preflight(loader: Any, playbook: str, task_vars: Mapping[str, Any]) -> Iterator[Play]:
    """The plays behind the playbook's first preflight; none where there is no such playbook."""
    plans = 0
    for entry in _plays(playbook + ".yml", {}) if NAME.fullmatch(playbook) else ():
        if entry.get("import_playbook") == PREFLIGHT:
            plans += 1
        elif plans:
            pattern = _pattern(loader, str(entry["hosts"]), {**task_vars, **entry["import_variables"]})
            yield Play(str(entry.get("name") or entry["hosts"]), pattern, plans > 1)


def playbooks_with_a_plan() -> List[str]:
    """The names of playbooks that begin with a plan, and so of what preflight can look at."""
    names = sorted(name[: -len(".yml")] for name in os.listdir(PLAYBOOKS_PATH) if name.endswith(".yml"))
    return [name for name in names if any(entry.get("import_playbook") == PREFLIGHT for entry in _plays(name + ".yml", {}))]


def _plays(name: str, variables: Mapping[str, Any]) -> Iterator[Dict[str, Any]]:
    """Every play, those of imported playbooks in their places with the variables of the import; preflight stays an import."""
    for entry in load_yaml(os.path.join(PLAYBOOKS_PATH, name)) or []:
        imported = entry.get("ansible.builtin.import_playbook")
        if imported is None:
            yield {**entry, "import_variables": variables}
        elif imported == PREFLIGHT:
            yield {"import_playbook": PREFLIGHT}
        else:
            yield from _plays(imported, {**variables, **(entry.get("vars") or {})})


def _pattern(loader: Any, hosts: str, variables: Mapping[str, Any]) -> Optional[str]:
    if not has_template(hosts):
        return hosts
    try:
        return str(Templar(loader=loader, variables=variables).template(trust_as_template(hosts)))
    except AnsibleError:
        return None
