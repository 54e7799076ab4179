# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What templates may ask about containerd. Documentation is in the .yml file of each filter."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.registries import (
    RegistryError,
    hosts_files,
    hosts_secrets,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.runtime import RuntimeVersionError, generation_data
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


@refuses(RuntimeVersionError)
def containerd_generation(version: str) -> Dict[str, Any]:
    return generation_data(version)


def containerd_config_schema(version: str) -> int:
    return int(containerd_generation(version)["config_schema"])


@refuses(RegistryError)
def containerd_hosts_files(
    registries: Sequence[Mapping[str, Any]], folder: str = "/etc/containerd/certs.d"
) -> List[Dict[str, str]]:
    return hosts_files(registries, folder)


@refuses(RegistryError)
def containerd_hosts_secrets(registries: Sequence[Mapping[str, Any]], folder: str = "/etc/containerd/certs.d") -> Dict[str, str]:
    return hosts_secrets(registries, folder)


class FilterModule:
    """Filters about containerd."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {
            "containerd_config_schema": containerd_config_schema,
            "containerd_generation": containerd_generation,
            "containerd_hosts_files": containerd_hosts_files,
            "containerd_hosts_secrets": containerd_hosts_secrets,
        }
