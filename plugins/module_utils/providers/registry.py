# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a provider's name and settings to the object that speaks to it."""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers import hetzner_cloud, hetzner_robot, ovh, scaleway
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.base import Provider
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.credentials import NEEDS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.errors import ProviderError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.http import Http

PROVIDERS: Dict[str, Any] = {
    "ovh": ovh.Ovh,
    "hetzner_robot": hetzner_robot.HetznerRobot,
    "hetzner_cloud": hetzner_cloud.HetznerCloud,
    "scaleway": scaleway.Scaleway,
}
BASE_URLS = {
    "hetzner_robot": hetzner_robot.BASE_URL,
    "hetzner_cloud": hetzner_cloud.BASE_URL,
    "scaleway": scaleway.BASE_URL,
}


def make(name: str, address: str, credentials: Mapping[str, str], base_url: str = "", ca_file: str = "") -> Provider:
    """The provider, with credentials that ``credentials.gather`` found. Nothing is sent yet.

    :raises ProviderError: a setting is wrong.
    """
    if name not in PROVIDERS:
        raise ProviderError("provider", "%r is not known" % name, "write one of %s" % ", ".join(sorted(PROVIDERS)))
    try:
        ipaddress.ip_interface(address)
    except ValueError:
        raise ProviderError("ip", "%r is no IP address" % address, "write one like 203.0.113.10, or a block like 203.0.113.8/30")
    secrets = [credentials[want.name] for want in NEEDS[name] if want.secret]
    for want in NEEDS[name]:
        value = credentials[want.name]
        if not value.isprintable() or (want.secret and name != "hetzner_robot" and not value.isascii()):
            raise ProviderError(
                want.name, "it has characters that no request can carry", "write it in one line, as the provider shows it"
            )
    if name == "ovh":
        endpoint = credentials["endpoint"]
        if not base_url and endpoint not in ovh.ENDPOINTS:
            raise ProviderError(
                "endpoint", "OVH has no endpoint %r" % endpoint, "write one of %s" % ", ".join(sorted(ovh.ENDPOINTS))
            )
        base_url = base_url or ovh.ENDPOINTS[endpoint]
    http = Http(base_url or BASE_URLS[name], ca_file, secrets)
    provider: Provider = PROVIDERS[name](http, address, credentials)
    return provider
