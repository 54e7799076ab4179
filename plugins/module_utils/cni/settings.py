# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wrong with the settings of a pod network."""

from __future__ import annotations

import ipaddress
from typing import List, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError


def pod_subnets(text: str) -> Tuple[Optional[str], Optional[str]]:
    """The IPv4 and the IPv6 pod subnet of ``10.244.0.0/16,fd00:10::/56``; None for a family that is not there.

    :raises SettingError: no network, or two of one family.
    """
    found: List[Optional[str]] = [None, None]
    for part in text.split(","):
        try:
            network = ipaddress.ip_network(part.strip())
        except ValueError as error:
            raise SettingError("cni_pod_subnet", str(error), "write a network such as 10.244.0.0/16, or two with a comma between")
        place = 0 if network.version == 4 else 1
        if found[place] is not None:
            raise SettingError("cni_pod_subnet", "two networks of IPv%d" % network.version, "keep one of each family")
        found[place] = str(network)
    return found[0], found[1]
