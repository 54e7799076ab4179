# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scaleway: flexible IPs of Elastic Metal servers (https://www.scaleway.com/en/developers/api/elastic-metal-flexible-ip)."""

from __future__ import annotations

import ipaddress
import json
from typing import Any, Dict, Mapping, Optional, Tuple
from urllib.parse import quote

from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.base import (
    Done,
    Limits,
    Provider,
    Route,
    Task,
    covers,
    retry_after,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.errors import (
    BusyError,
    CredentialsError,
    ProviderError,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.http import Answer, Http

BASE_URL = "https://api.scaleway.com"
PAGES = 100
#: States of a flexible IP that is on its way.
MOVING = ("updating", "detaching")


class Scaleway(Provider):
    name = "Scaleway"
    limits = Limits(poll=1.0, check=30.0, request=20.0)
    form = {"flexible_ips?": [{"id": str, "ip_address": str}], "total_count?": int, "status?": str, "server_id?": str}
    error_form = {
        "type?": str,
        "message?": str,
        "details?": [object],
    }
    target_is = "the ID of an Elastic Metal server of the same zone"

    def __init__(self, http: Http, address: str, credentials: Mapping[str, str]) -> None:
        super().__init__(http, address)
        self.headers = {"X-Auth-Token": credentials["secret_key"]}
        self.base = "/flexible-ip/v1alpha1/zones/%s/fips" % quote(credentials["zone"], safe="")
        self.zone = credentials["zone"]
        self.identifier = ""

    def read(self) -> Route:
        found = self._get()
        status = str(found.get("status") or "")
        if status == "error":
            raise ProviderError("ip (error)", "Scaleway's last change of it failed", "look into the console, and open a ticket")
        return Route(found.get("server_id") or None, settled=status not in MOVING)

    def pending(self) -> Optional[Task]:
        found = self._get()
        status = str(found.get("status") or "")
        return (
            Task(self._identifier(), (found.get("server_id") or None) if status == "updating" else None)
            if status in MOVING
            else None
        )

    def start(self, target: Optional[str]) -> Optional[Task]:
        identifier = self._identifier()
        body: Dict[str, Any] = {"fips_ids": [identifier]}
        if target is not None:
            body["server_id"] = target
        path = self.base + ("/detach" if target is None else "/attach")
        self.call("POST", path, {**self.headers, "Content-Type": "application/json"}, json.dumps(body).encode("ascii"))
        return Task(identifier, target)

    def poll(self, task: Task) -> Optional[Done]:
        found = self._get()
        status = str(found.get("status") or "")
        server = found.get("server_id") or None
        if status in MOVING:
            return None
        if status == "locked":
            raise BusyError("ip (locked)", "Scaleway has locked it", "look into the console for the reason")
        if status not in ("ready", "attached"):
            raise ProviderError(
                "ip (%s)" % status, "Scaleway could not change its route", "look into the console, and open a ticket"
            )
        if server != task.target:
            raise BusyError("ip (%s)" % status, "it went to %s meanwhile" % (server or "nobody"), "who else moves it?")
        return Done(status)

    def _get(self) -> Dict[str, Any]:
        return self.call("GET", "%s/%s" % (self.base, self._identifier()), self.headers).data()

    def _identifier(self) -> str:
        """The ID of the flexible IP, which the API wants in place of the address."""
        if self.identifier:
            return self.identifier
        wanted = ipaddress.ip_interface(self.address).ip
        seen = 0
        for page in range(1, PAGES + 1):
            data = self.call("GET", "%s?page=%d&page_size=50" % (self.base, page), self.headers).data()
            entries = data.get("flexible_ips") or []
            for entry in entries:
                if covers(entry["ip_address"], wanted):
                    self.identifier = str(entry["id"])
                    return self.identifier
            seen += len(entries)
            if not entries or seen >= int(data.get("total_count") or 0):
                break
        raise ProviderError(
            "ip", "zone %s has no flexible IP %s" % (self.zone, self.address), "write one of this zone, or the zone that has it"
        )

    def error_of(self, answer: Answer) -> Tuple[str, str]:
        data = answer.data(self.error_form)
        message = str(data.get("message") or "")
        for detail in data.get("details") or []:
            if isinstance(detail, dict):
                message += "; %s: %s" % (detail.get("argument_name"), detail.get("help_message") or detail.get("reason"))
        return str(data.get("type") or ""), message

    def refusal(self, answer: Answer, code: str, message: str, path: str) -> ProviderError:
        said = "Scaleway says %s (%s)" % (message.rstrip("."), code or answer.status)
        if code == "transient_state":
            return BusyError("ip", "it is locked: " + said, "wait for the change that is under way", retry_after(answer))
        if code in ("locked", "resource_locked"):
            return BusyError("ip", "it is locked: " + said, "look into the console for the reason")
        if code == "denied_authentication" or answer.status == 401:
            return CredentialsError("credentials", said, self.how_to_log_in())
        if code == "permissions_denied":
            return CredentialsError("credentials", said, "give the API key's user or application the right to change flexible IPs")
        if code == "too_many_requests":
            return BusyError(self.name, "too many requests: " + said, "wait, and have fewer programs ask", retry_after(answer))
        if code == "not_found" or answer.status == 404:
            self.identifier = ""
            return ProviderError("ip or target", said, "write a flexible IP and %s" % self.target_is)
        if code == "precondition_failed":
            return ProviderError("ip", said, "IPs that share a virtual MAC move together only: give it a MAC of its own, or none")
        if code in ("invalid_arguments", "quotas_exceeded", "resource_expired"):
            return ProviderError("target", said, "write %s" % self.target_is)
        return super().refusal(answer, code, message, path)

    def how_to_log_in(self) -> str:
        return "write the secret_key of an API key that is valid (not its access key)"
