# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How bundles name systems. Documentation is in the .yml file of each filter."""

from __future__ import annotations

from typing import Any, Callable, Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.needs import system_name


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"system_name": system_name}
