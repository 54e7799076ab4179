# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's firewall rules. Documentation is in the .yml file of the filter."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.firewall.rules import FirewallError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.firewall.rules import firewall_state as state_of
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


@refuses(FirewallError)
def firewall_state(ports: Sequence[Mapping[str, Any]], kind: str, trusted: Sequence[str] = ()) -> Dict[str, List[Dict[str, Any]]]:
    return state_of(ports, kind, trusted)


class FilterModule:
    """Filters about firewalls."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"firewall_state": firewall_state}
