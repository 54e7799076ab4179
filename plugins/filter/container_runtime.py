# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What roles may ask about container runtimes. Documentation is in the .yml file of each filter."""

from __future__ import annotations

from typing import Any, Callable, Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.docker import (
    DockerSettingsError,
    daemon_json,
    free_networks,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.other_registries import registries_conf
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.registries import RegistryError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.releases import ReleaseError, release_files
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.runtime import UnknownRuntimeError, runtime_data
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.filters import refuses


class FilterModule:
    """Filters about container runtimes."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {
            "container_runtime": refuses(UnknownRuntimeError)(runtime_data),
            "container_runtime_releases": refuses(ReleaseError)(release_files),
            "crio_registries_conf": refuses(RegistryError)(registries_conf),
            "docker_daemon_json": refuses(DockerSettingsError, RegistryError)(daemon_json),
            "docker_free_networks": refuses(DockerSettingsError)(free_networks),
        }
