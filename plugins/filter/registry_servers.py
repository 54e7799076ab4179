# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts of registries need. Documentation is in the .yml file of each filter."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.harbor import harbor_settings as settings_of_harbor
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.registry_server import server_state
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


@refuses(SettingError)
def registry_server_state(registries: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    return server_state(registries)


@refuses(SettingError)
def harbor_settings(settings: Mapping[str, Any]) -> Dict[str, Any]:
    return settings_of_harbor(settings)


class FilterModule:
    """Filters about registries."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"harbor_settings": harbor_settings, "registry_server_state": registry_server_state}
