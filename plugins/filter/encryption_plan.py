# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: encryption_plan
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
version_added: 0.1.0
short_description: Plan how control planes change their keys of encryption at rest
description:
  - From the files of all control planes to those that are wanted, in the order in which nothing that is stored becomes unreadable.
options:
  _input:
    description: Host to the text of its file, as M(baremetal.kubernetes.encryption_keys) read it. Secrets.
    type: dict
    required: true
  provider:
    description: What is to write; V(none) for plain.
    type: str
    required: true
  resources:
    description: The resources that are encrypted.
    type: list
    elements: str
    required: true
  fresh:
    description: A new key, as the module returned it. A secret.
    type: list
    elements: str
    required: true
  rotate:
    description: Have a new key write, unless such a change is under way.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show what would change, by the names of the keys
  ansible.builtin.debug:
    msg: "{{ (texts | baremetal.kubernetes.encryption_plan('secretbox', ['secrets'], keys.fresh)).summary }}"
"""

RETURN = r"""
_value:
  description: C(work), whether anything is to be done; C(texts) by phase and host, secrets; C(resources), C(summary).
  type: dict
"""

from typing import Any, Callable, Dict, Mapping, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.security.encryption import Key, make_plan
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


def encryption_plan(
    texts: Mapping[str, str], provider: str, resources: Sequence[str], fresh: Sequence[str], rotate: bool = False
) -> Dict[str, Any]:
    return dict(make_plan(texts, provider, resources, Key(*fresh), rotate)._asdict())


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"encryption_plan": refuses(ValueError)(encryption_plan)}
