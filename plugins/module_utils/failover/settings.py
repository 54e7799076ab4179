# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's settings, as role failover_ip writes them: one JSON file, and one of its own for the credentials."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Dict, List, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import FormError, check_form, from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.errors import ProviderError


@dataclass
class Settings:
    """Names and defaults are those of role failover_ip without its prefix (a test compares them)."""

    #: Of this node, as others see it in the claim.
    node: str
    provider: str
    #: What the provider calls this server.
    target: str
    addresses: List[str]
    #: The failover addresses and those that have to be here with them.
    held_addresses: List[str] = field(default_factory=list)
    follow: str = "keepalived"
    state_file: str = "/run/keepalived-state"
    lease_namespace: str = "kube-system"
    lease_name: str = "plndr-cp-lock"
    lease_identity: str = ""
    claim_namespace: str = "kube-system"
    claim_name: str = "failover-ip"
    claim_seconds: int = 3
    interval: float = 0.5
    check_interval: float = 0
    timeout: float = 300
    backoff: float = 30
    backoff_max: float = 900
    unfit_after: float = 5
    fitness_file: str = "/run/failover-ip-fitness"
    metrics_file: str = "/run/failover-ip/failover_ip.prom"
    kubeconfig: str = "/etc/kubernetes/admin.conf"
    api_address: str = "127.0.0.1"
    api_port: int = 6443
    dry_run: bool = False
    base_url: str = ""
    ca_file: str = ""


_FORMS = {"str": str, "int": int, "float": float, "bool": bool, "List[str]": [str]}
FORM = {entry.name + "?": _FORMS[str(entry.type)] for entry in fields(Settings)}


def parse(text: str) -> Settings:
    """The settings of a file.

    :raises ProviderError: they can't be used.
    """
    remedy = "run the playbook that wrote it"
    try:
        data: Any = from_json(text)
    except ValueError as error:
        raise ProviderError("settings", "they are no JSON: %s" % error, remedy)
    known = {entry.name: entry for entry in fields(Settings)}
    if not isinstance(data, dict) or set(data) - set(known):
        unknown = ", ".join(sorted(set(data) - set(known))) if isinstance(data, dict) else type(data).__name__
        raise ProviderError("settings", "not known: %s" % unknown, remedy)
    try:
        check_form(data, FORM)
        settings = Settings(**{name: value for name, value in data.items() if value is not None})
    except (TypeError, FormError) as error:
        raise ProviderError("settings", str(error).replace("__init__() ", ""), remedy)
    for problem in problems(settings):
        raise problem
    return settings


def problems(settings: Settings) -> List[ProviderError]:
    """What no agent can work with."""
    found = []
    for name in ("node", "provider", "target"):
        if not getattr(settings, name):
            found.append(ProviderError(name, "it is empty", "write it"))
    if not settings.addresses:
        found.append(ProviderError("addresses", "there is none to move", "write the failover IPs"))
    if settings.follow not in ("keepalived", "lease"):
        found.append(ProviderError("follow", "%r can't be followed" % settings.follow, "write keepalived or lease"))
    if settings.follow == "lease" and not settings.lease_identity:
        found.append(ProviderError("lease_identity", "it is empty", "write the node's name, as the lease has it"))
    if settings.claim_seconds < 1 or settings.interval <= 0 or settings.interval * 2 > settings.claim_seconds:
        problem = "with a step each %g s a claim of %d s is not renewed in time" % (settings.interval, settings.claim_seconds)
        found.append(ProviderError("interval", problem, "make it at most half of claim_seconds"))
    return found


def credentials(text: str) -> Dict[str, str]:
    """The credentials of a file.

    :raises ProviderError: it is no JSON object; the text is not quoted.
    """
    try:
        data: Any = from_json(text)
    except ValueError:
        data = None
    if not isinstance(data, Mapping):
        raise ProviderError("credentials", "the file is no JSON object", "run the playbook that wrote it")
    return {str(name): str(value) for name, value in data.items() if value not in (None, "")}
