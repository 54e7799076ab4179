# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that nobody knows yet. Pure."""

from __future__ import annotations

from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import parse_address
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Topology, entries


def nowhere(topology: Topology) -> bool:
    """Whether the endpoint is a name that was looked up and leads nowhere."""
    host = topology.endpoint_host
    return bool(host) and parse_address(host) is None and host in topology.resolved and not entries(topology.resolved.get(host))
