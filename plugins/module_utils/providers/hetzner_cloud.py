# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hetzner Cloud: floating IPs of cloud servers (https://docs.hetzner.cloud). Dedicated servers: hetzner_robot."""

from __future__ import annotations

import ipaddress
import json
import time
from typing import Any, Callable, Dict, Mapping, Optional, Tuple
from urllib.parse import quote

from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.base import (
    ASK_STATUS_PAGE,
    Done,
    Limits,
    Provider,
    Route,
    Task,
    covers,
    field,
    object_of,
    retry_after,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.errors import (
    BusyError,
    CredentialsError,
    ProviderError,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.http import Answer, Http
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

BASE_URL = "https://api.hetzner.cloud/v1"
LOCKS = ("locked", "conflict")
OUT_OF_ORDER = (
    "service_error",
    "server_error",
    "unavailable",
    "maintenance",
    "resource_unavailable",
    "robot_unavailable",
    "timeout",
)
PAGES = 100


class HetznerCloud(Provider):
    name = "Hetzner Cloud"
    # 3600 requests an hour, for the whole project.
    limits = Limits(poll=1.0, check=30.0, request=20.0)
    form = {
        "floating_ip?": {"server?": int},
        "floating_ips?": [{"id": int, "ip": str}],
        "actions?": [{"id": int, "command?": str, "resources?": [{"id?": object, "type?": str}]}],
        "action?": {"id": int, "status?": str, "error?": {"code?": str, "message?": str}},
        "servers?": [{"id": int, "name": str}],
        "meta?": {"pagination?": {"next_page?": int}},
    }
    error_form = {"error?": {"code?": str, "message?": str}}
    target_is = "the number or the name of a cloud server"

    def __init__(self, http: Http, address: str, credentials: Mapping[str, str], clock: Callable[[], float] = time.time) -> None:
        super().__init__(http, address)
        self.headers = {"Authorization": "Bearer " + credentials["token"]}
        self.clock = clock
        self.identifier = 0

    def read(self) -> Route:
        found = object_of(self.call("GET", "/floating_ips/%d" % self._identifier(), self.headers), "floating_ip", self.name)
        server = found.get("server")
        return Route(None if server is None else str(server))

    def pending(self) -> Optional[Task]:
        path = "/floating_ips/%d/actions?status=running" % self._identifier()
        for action in self.call("GET", path, self.headers).data().get("actions") or []:
            servers = [thing.get("id") for thing in action.get("resources") or [] if thing.get("type") == "server"]
            assigns = action.get("command") == "assign_floating_ip" and servers
            return Task(str(action.get("id")), str(servers[0]) if assigns else None)
        return None

    def resolve(self, target: str) -> str:
        if is_digits(target):
            return target
        answer = self.call("GET", "/servers?name=%s" % quote(target, safe=""), self.headers)
        for server in answer.data().get("servers") or []:
            if server.get("name") == target:
                return str(server["id"])
        raise ProviderError("target", "the project has no server %r" % target, "write %s of the token's project" % self.target_is)

    def start(self, target: Optional[str]) -> Optional[Task]:
        path = "/floating_ips/%d/actions/%s" % (self._identifier(), "unassign" if target is None else "assign")
        body = {} if target is None else {"server": int(target)}
        answer = self.call("POST", path, {**self.headers, "Content-Type": "application/json"}, json.dumps(body).encode("ascii"))
        action = object_of(answer, "action", self.name)
        task = Task(str(action.get("id")), target)
        return None if self._ended(action) else task

    def poll(self, task: Task) -> Optional[Done]:
        return self._ended(object_of(self.call("GET", "/actions/%s" % task.identifier, self.headers), "action", self.name))

    def _ended(self, action: Dict[str, Any]) -> Optional[Done]:
        status = action.get("status")
        if status == "success":
            return Done("success")
        if status == "running":
            return None
        text = self.http.clean("%s (%s)" % (field(action, "error", "message"), field(action, "error", "code")))
        if status == "error":
            raise ProviderError("action %s (error)" % action.get("id"), "Hetzner Cloud failed to do it: %s" % text, ASK_STATUS_PAGE)
        raise ProviderError("action %s" % action.get("id"), "its state %r is not known" % status, ASK_STATUS_PAGE)

    def _identifier(self) -> int:
        """The number of the floating IP, which the API wants in place of the address."""
        if self.identifier:
            return self.identifier
        wanted = ipaddress.ip_interface(self.address).ip
        for page in range(1, PAGES + 1):
            data = self.call("GET", "/floating_ips?per_page=50&page=%d" % page, self.headers).data()
            for entry in data.get("floating_ips") or []:
                if covers(entry["ip"], wanted):
                    self.identifier = int(entry["id"])
                    return self.identifier
            if not field(data, "meta", "pagination", "next_page"):
                break
        raise ProviderError("ip", "the project has no floating IP %s" % self.address, "write one of the token's project")

    def error_of(self, answer: Answer) -> Tuple[str, str]:
        data = answer.data(self.error_form)
        return str(field(data, "error", "code") or ""), str(field(data, "error", "message") or "")

    def refusal(self, answer: Answer, code: str, message: str, path: str) -> ProviderError:
        said = "Hetzner Cloud says %s (%s)" % (message.rstrip("."), code or answer.status)
        if code == "rate_limit_exceeded" or answer.status == 429:
            return BusyError(self.name, "too many requests: " + said, "wait, and have fewer programs ask", self._reset(answer))
        if code in LOCKS:
            return BusyError("ip", "it is locked: " + said, "wait for the change that is under way")
        if code in OUT_OF_ORDER:
            return BusyError(self.name, "it is out of order: " + said, ASK_STATUS_PAGE, retry_after(answer))
        if code == "token_readonly":
            return CredentialsError("credentials", said, "make a token with the right to write")
        if code == "protected":
            return ProviderError("ip", said, "take the protection off it")
        if code == "not_found" or answer.status == 404:
            # The number may be another one by now.
            self.identifier = 0
            return ProviderError("ip or target", said, "write a floating IP and a server of the token's project")
        if code in ("invalid_input", "json_error", "uniqueness_error", "unsupported_error"):
            return ProviderError("target", said, "write %s, in the address's network zone" % self.target_is)
        return super().refusal(answer, code, message, path)

    def _reset(self, answer: Answer) -> Optional[float]:
        """Seconds until the API takes a request again: one comes back each second, so never the whole hour."""
        text = answer.headers.get("ratelimit-reset", "")
        if answer.headers.get("retry-after") or not is_digits(text):
            return retry_after(answer)
        return max(1.0, min(float(text) - self.clock(), 60.0))

    def how_to_log_in(self) -> str:
        return "write a token of the project that has the floating IP"
