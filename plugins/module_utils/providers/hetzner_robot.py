# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hetzner Robot: failover addresses of dedicated servers (https://robot.hetzner.com/doc/webservice/en.html#failover)."""

from __future__ import annotations

import base64
import ipaddress
from typing import Mapping, Optional, Tuple
from urllib.parse import quote, urlencode

from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.base import (
    ASK_STATUS_PAGE,
    Done,
    Limits,
    Provider,
    Route,
    Task,
    object_of,
    retry_after,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.errors import (
    BusyError,
    CredentialsError,
    ProviderError,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.http import Answer, Http

BASE_URL = "https://robot-ws.your-server.de"
#: The call that moves an address answers when it has moved, which takes a minute as a rule.
MOVE_SECONDS = 180.0


class HetznerRobot(Provider):
    name = "Hetzner Robot"
    # 100 GET and 50 POST requests an hour, for the whole account.
    limits = Limits(poll=5.0, check=180.0, request=20.0)
    form = {"failover?": {"active_server_ip?": str}}
    error_form = {
        "error?": {
            "code?": str,
            "message?": str,
            "missing?": [object],
            "invalid?": [object],
            "max_request?": object,
            "interval?": object,
        }
    }
    target_is = "the main IP address of a server (for an IPv6 subnet, its main IPv6 network)"

    def __init__(self, http: Http, address: str, credentials: Mapping[str, str]) -> None:
        super().__init__(http, address.split("/")[0])
        login = "%s:%s" % (credentials["user"], credentials["password"])
        self.headers = {"Authorization": "Basic " + base64.b64encode(login.encode("utf-8")).decode("ascii")}
        http.secrets.append(self.headers["Authorization"][6:])

    def read(self) -> Route:
        found = object_of(self.call("GET", self._path(), self.headers), "failover", self.name)
        target = found.get("active_server_ip")
        return Route(self.resolve(target) if target else None)

    def resolve(self, target: str) -> str:
        try:
            return str(ipaddress.ip_address(target))
        except ValueError:
            raise ProviderError("target", "%r is no IP address" % target, "write %s" % self.target_is)

    def start(self, target: Optional[str]) -> Optional[Task]:
        if target is None:
            self.call("DELETE", self._path(), self.headers, timeout=MOVE_SECONDS)
            return None
        headers = {**self.headers, "Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode({"active_server_ip": target}).encode("ascii")
        answer = self.http.request("POST", self._path(), headers, body, MOVE_SECONDS)
        if not 200 <= answer.status < 300 and self.error_of(answer)[0] != "FAILOVER_ALREADY_ROUTED":
            code, message = self.error_of(answer)
            raise self.refusal(answer, code, self.http.clean(message or "HTTP status %d" % answer.status), self._path())
        return None

    def poll(self, task: Task) -> Optional[Done]:
        return Done("routed")

    def _path(self) -> str:
        return "/failover/%s" % quote(self.address, safe=":")

    def error_of(self, answer: Answer) -> Tuple[str, str]:
        error = answer.data(self.error_form).get("error")
        if not isinstance(error, dict):
            return "", ""
        message = str(error.get("message") or "")
        for wrong in ("missing", "invalid"):
            if error.get(wrong):
                message += "; %s: %s" % (wrong, ", ".join(str(name) for name in error[wrong]))
        if error.get("max_request"):
            message += "; %s requests in %s s are allowed" % (error["max_request"], error.get("interval"))
        return str(error.get("code") or ""), message

    def refusal(self, answer: Answer, code: str, message: str, path: str) -> ProviderError:
        said = "Hetzner Robot says %s (%s)" % (message.rstrip("."), code or answer.status)
        if code == "RATE_LIMIT_EXCEEDED":
            return BusyError(self.name, "too many requests: " + said, "wait, and have fewer programs ask", retry_after(answer))
        if code == "FAILOVER_LOCKED":
            return BusyError("ip", "it is locked: " + said, "wait for the change that is under way")
        if code in ("FAILOVER_FAILED", "FAILOVER_NOT_COMPLETE"):
            return BusyError("ip", "the change did not succeed: " + said, ASK_STATUS_PAGE)
        if code == "FAILOVER_NEW_SERVER_NOT_FOUND":
            return ProviderError("target", said, "write %s of this account" % self.target_is)
        if code == "NOT_FOUND" or answer.status == 404:
            return ProviderError("ip", said, "write a failover IP of this account, a subnet without its prefix length")
        if code == "INVALID_INPUT":
            return ProviderError("target", said, "write %s" % self.target_is)
        if answer.status == 401:
            return CredentialsError("credentials", said, self.how_to_log_in())
        return super().refusal(answer, code, message, path)

    def how_to_log_in(self) -> str:
        return "write user and password of Robot's web service (three wrong logins lock this host out for ten minutes)"
