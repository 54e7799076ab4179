# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: role_template
version_added: 0.1.0
short_description: Render a template of a role of this collection, from any play
description:
  - Does what P(ansible.builtin.template#lookup) does, and finds the template of a role also where no task of that role runs.
  - So the wanted states of several roles can be brought to a host in one call of M(baremetal.kubernetes.host_state).
options:
  _terms:
    description: Role and template, as in V(host/modules.conf.j2).
    type: list
    elements: str
    required: true
  template_vars:
    description: Variables for the template beside those of the task.
    type: dict
    default: {}
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
seealso:
  - plugin: ansible.builtin.template
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Show what the role host would write into modules-load.d
  ansible.builtin.debug:
    msg: "{{ lookup('baremetal.kubernetes.role_template', 'host/modules.conf.j2') }}"
"""

RETURN = r"""
_raw:
  description: The rendered texts.
  type: list
  elements: str
"""

from pathlib import Path
from typing import Any, Dict, List, Optional

from ansible.errors import AnsibleError
from ansible.plugins.loader import lookup_loader
from ansible.plugins.lookup import LookupBase

ROLES = Path(__file__).resolve().parents[2] / "roles"


class Variables(Dict[str, Any]):
    """Variables that are only read: the lookup copies all of them deeply, which costs more than it takes to render a template."""

    def __deepcopy__(self, memo: Any) -> Dict[str, Any]:
        return dict(self)


class LookupModule(LookupBase):
    """The lookup of templates, given whole paths."""

    def run(self, terms: List[str], variables: Optional[Dict[str, Any]] = None, **kwargs: Any) -> List[str]:
        template = lookup_loader.get("ansible.builtin.template", loader=self._loader, templar=self._templar)
        rendered: List[str] = template.run([str(_path(term)) for term in terms], Variables(variables or {}), **kwargs)
        return rendered


def _path(term: str) -> Path:
    role, _slash, name = term.partition("/")
    path = ROLES / role / "templates" / name
    if not name or not path.is_file():
        raise AnsibleError(f"role_template: there is no {term}. What to do: write ROLE/TEMPLATE, as in host/modules.conf.j2.")
    return path
