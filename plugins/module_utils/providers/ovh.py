# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OVHcloud: Additional (failover) addresses of dedicated servers.

Spoken here with the standard library and not with the package `ovh`: the agent on a node has nothing else, and one code for both is
tested once. The package would also raise InvalidResponse on the empty answer by which ipCanBeMovedTo says yes, and takes no other
address than OVH's own. A test sends the same requests through the package and compares the bytes.
"""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any, Callable, Dict, Mapping, Optional, Tuple
from urllib.parse import quote

from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.base import (
    Done,
    Limits,
    Provider,
    Route,
    Task,
    field,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.errors import (
    BusyError,
    CredentialsError,
    ProviderError,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.http import Answer, Http
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

#: https://github.com/ovh/python-ovh, ovh/client.py
ENDPOINTS = {
    "ovh-eu": "https://eu.api.ovh.com/1.0",
    "ovh-us": "https://api.us.ovhcloud.com/1.0",
    "ovh-ca": "https://ca.api.ovh.com/1.0",
    "kimsufi-eu": "https://eu.api.kimsufi.com/1.0",
    "kimsufi-ca": "https://ca.api.kimsufi.com/1.0",
    "soyoustart-eu": "https://eu.api.soyoustart.com/1.0",
    "soyoustart-ca": "https://ca.api.soyoustart.com/1.0",
}

#: States of an IpTask (https://eu.api.ovh.com/console, ip.TaskStatusEnum) that end it badly: what happened, and what to do.
FAILED = {
    "cancelled": ("OVH cancelled the task", "look into the control panel for the reason, and run it again"),
    "customerError": (
        "OVH sees the mistake on our side",
        "see the comment; is the server yours, alive and in the address's region?",
    ),
    "ovhError": ("OVH failed on its side", "run it again, and open a ticket with the task's number if it stays so"),
}
RUNNING = ("init", "todo", "doing")

#: errorCode of a refused login -> what to write.
LOGIN = {
    "INVALID_KEY": "write the application_key that OVH gave for this endpoint",
    "INVALID_CREDENTIAL": "make a new consumer_key and confirm it on the page that OVH names; it may have expired",
    "NOT_CREDENTIAL": "write a consumer_key",
    "INVALID_SIGNATURE": "write the application_secret that belongs to the application_key",
    "NOT_GRANTED_CALL": "make a consumer_key with GET and POST on /ip/* and GET on /dedicated/server/*",
    "FORBIDDEN": "use the account that owns the address",
}


class Ovh(Provider):
    name = "OVH"
    limits = Limits(poll=1.0, check=30.0, request=20.0)
    form = {"routedTo?": {"serviceName?": str}, "status?": str, "comment?": str}
    error_form = {"errorCode?": str, "class?": str, "message?": str}
    target_is = "the service name of a dedicated server, like ns3012345.ip-203-0-113.eu"

    def __init__(self, http: Http, address: str, credentials: Mapping[str, str], clock: Callable[[], float] = time.time) -> None:
        super().__init__(http, address)
        self.block = address if "/" in address else "%s/%d" % (address, 128 if ":" in address else 32)
        self.credentials = credentials
        self.clock = clock
        self.delta: Optional[int] = None

    def read(self) -> Route:
        return Route(field(self._signed("GET", self._path()), "routedTo", "serviceName") or None)

    def pending(self) -> Optional[Task]:
        for status in RUNNING:
            tasks = self._signed_list("GET", self._path("/task?function=genericMoveFloatingIp&status=%s" % status))
            if tasks:
                return Task(str(tasks[0]), _destination(self._signed("GET", self._path("/task/%s" % tasks[0]))))
        return None

    def start(self, target: Optional[str]) -> Optional[Task]:
        if target is None:
            task = self._signed("POST", self._path("/park"))
            return Task(str(task.get("taskId")), None)
        try:
            self._signed_list(
                "GET", "/dedicated/server/%s/ipCanBeMovedTo?ip=%s" % (quote(target, safe=""), quote(self.block, safe=""))
            )
        except (BusyError, CredentialsError):
            raise
        except ProviderError as error:
            raise ProviderError(
                "target",
                "OVH would not move %s to %s: %s" % (self.block, target, error.problem),
                "write %s of this account, in a region that the address may move to" % self.target_is,
            )
        task = self._signed("POST", self._path("/move"), {"to": target})
        return Task(str(task.get("taskId")), target)

    def poll(self, task: Task) -> Optional[Done]:
        found = self._signed("GET", self._path("/task/%s" % task.identifier))
        status = str(found.get("status") or "")
        if status == "done":
            return Done("done")
        if status in RUNNING:
            return None
        problem, remedy = FAILED.get(
            status, ("it ended in the state %r, which is not known" % status, "look into the control panel")
        )
        comment = self.http.clean(str(found.get("comment") or ""))
        raise ProviderError("task %s (%s)" % (task.identifier, status), problem + (": %s" % comment if comment else ""), remedy)

    def _path(self, rest: str = "") -> str:
        return "/ip/%s%s" % (quote(self.block, safe=""), rest)

    def _signed(self, method: str, path: str, body: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        return self._send(method, path, body).data()

    def _signed_list(self, method: str, path: str) -> Any:
        """For what answers with a list, or with nothing at all."""
        body = self._send(method, path, None).body
        try:
            return from_json(body, [object]) if body.strip() else None
        except ValueError:
            return None

    def _send(self, method: str, path: str, body: Optional[Dict[str, Any]]) -> Answer:
        # Exactly these bytes are signed and sent.
        content = json.dumps(body, separators=(",", ":")) if body is not None else ""
        try:
            return self._call(method, path, content)
        except CredentialsError as error:
            if "QUERY_TIME_OUT" not in error.problem or self.delta is None:
                raise
        # Our clock was set meanwhile.
        self.delta = None
        return self._call(method, path, content)

    def _call(self, method: str, path: str, content: str) -> Answer:
        if self.delta is None:
            text = self.call("GET", "/auth/time", {}).body.decode("ascii", "replace").strip()
            if not is_digits(text):
                raise ProviderError("base_url", "it tells no time at /auth/time", "write the address of an OVH API, with its /1.0")
            self.delta = int(text) - int(self.clock())
        moment = str(int(self.clock()) + self.delta)
        signed = "+".join(
            (
                self.credentials["application_secret"],
                self.credentials["consumer_key"],
                method,
                self.http.base_url + path,
                content,
                moment,
            )
        )
        headers = {
            "X-Ovh-Application": self.credentials["application_key"],
            "X-Ovh-Consumer": self.credentials["consumer_key"],
            "X-Ovh-Timestamp": moment,
            # SHA-1 is OVH's choice.
            "X-Ovh-Signature": "$1$" + hashlib.sha1(signed.encode("utf-8")).hexdigest(),
        }
        if content:
            headers["Content-Type"] = "application/json"
        return self.call(method, path, headers, content.encode("utf-8") if content else None)

    def error_of(self, answer: Answer) -> Tuple[str, str]:
        data = answer.data(self.error_form)
        return str(data.get("errorCode") or data.get("class") or ""), str(data.get("message") or "")

    def refusal(self, answer: Answer, code: str, message: str, path: str) -> ProviderError:
        said = "OVH says %s (%s)" % (message.rstrip("."), code or answer.status)
        if code in LOGIN:
            return CredentialsError("credentials", said, LOGIN[code])
        if code == "QUERY_TIME_OUT":
            return CredentialsError("clock", said, "set this host's clock right")
        if answer.status == 404:
            if path.startswith("/dedicated/server/"):
                return ProviderError("target", said, "write %s of this account" % self.target_is)
            return ProviderError("ip", said, "write an Additional IP of this account, a block with its prefix length")
        if answer.status == 409:
            return BusyError("ip", "it is locked: " + said, "wait for what OVH does with it, or look into the control panel")
        if answer.status == 460:
            return ProviderError("ip", "the service has expired: " + said, "renew it")
        return super().refusal(answer, code, message, path)

    def how_to_log_in(self) -> str:
        return "write application_key, application_secret and consumer_key of this endpoint"


def _destination(task: Mapping[str, Any]) -> Optional[str]:
    """Where a task moves the address to: a name, or an object with one."""
    found = task.get("destination")
    if isinstance(found, dict):
        found = found.get("serviceName")
    return str(found) if found else None
