# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OVH: https://eu.api.ovh.com/console, /ip, /dedicated/server and /auth/time."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from .server import FakeProvider, Move, Reply, Request

KEY, SECRET, CONSUMER = "7kbG7Bk7S9Nt7ZSV", "EXEgWIz07P0HYwtQDs7cNIqCiQaWSuHF", "MtSwSrPpNjqfVSmJhLbPyr2i45lSwPU1"


def error(status: int, code: str, message: str) -> Reply:
    return Reply(status, {"errorCode": code, "httpCode": str(status), "message": message, "class": "Client::" + code.title()})


class Ovh(FakeProvider):
    """``routes`` are blocks (203.0.113.10/32) and service names."""

    prefix = "/1.0"
    #: Servers to which no address may move.
    refusing: tuple[str, ...] = ()
    #: Seconds that OVH's clock is ahead of ours.
    ahead = 4711
    #: The state and comment in which the next task ends.
    ends_in = ("done", "")

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.tasks: dict[str, dict[str, Any]] = {}

    def now(self) -> int:
        return int(1_790_000_000 + self.clock()) + self.ahead

    def denial(self, request: Request) -> Reply | None:
        if request.path == self.prefix + "/auth/time":
            return Reply(raw=str(self.now()).encode())
        given = request.headers
        if given.get("x-ovh-application") != KEY:
            return error(403, "INVALID_KEY", "This application key is invalid")
        if given.get("x-ovh-consumer") != CONSUMER:
            return error(403, "INVALID_CREDENTIAL", "This credential is not valid")
        stamp = given.get("x-ovh-timestamp", "")
        if not stamp.isdigit() or abs(int(stamp) - self.now()) > 30:
            return error(400, "QUERY_TIME_OUT", "Query out of time")
        # To the byte: the URL with its query as it stood on the wire, and the body as it came.
        url = f"{self.scheme}://{given['host']}{request.target}"
        signed = b"+".join((f"{SECRET}+{CONSUMER}+{request.method}+{url}".encode(), request.body, stamp.encode()))
        if given.get("x-ovh-signature") != "$1$" + hashlib.sha1(signed).hexdigest():  # noqa: S324
            return error(400, "INVALID_SIGNATURE", "Invalid signature")
        return None

    def answer(self, request: Request) -> Reply:
        path = request.path.removeprefix(self.prefix)
        server = re.fullmatch(r"/dedicated/server/([^/]+)/ipCanBeMovedTo", path)
        if server and request.method == "GET":
            if server[1] not in self.servers:
                return error(404, "NOT_FOUND", "This service does not exist")
            if server[1] in self.refusing:
                return error(400, "INVALID_ARGUMENT", "This ip can't be moved to this server: not the same region")
            return Reply()  # empty, which means yes
        # A block in CIDR form: the slash arrives encoded, so that only the wire tells it from the path's own.
        found = re.fullmatch(r"/1.0/ip/([^/]+%2F\d+)(/.*)?", request.target.split("?")[0])
        block = found[1].replace("%2F", "/").replace("%3A", ":") if found else ""
        if not found or block not in self.routes:
            return error(404, "NOT_FOUND", "This service does not exist")
        return self.of_block(request, block, found[2] or "")

    def of_block(self, request: Request, block: str, rest: str) -> Reply:
        if request.method == "GET" and not rest:
            server = self.routes[block]
            routed = {"serviceName": server} if server else None
            return Reply(data={"ip": block, "type": "failover", "routedTo": routed, "canBeTerminated": False})
        if request.method == "POST" and rest in ("/move", "/park"):
            if any(move.address == block for move in self.moves):
                return error(409, "CONFLICT", "Action pending for this IP")
            to = json.loads(request.body)["to"] if rest == "/move" else None
            move = self.move(block, to)
            state, comment = self.ends_in
            self.ends_in = ("done", "")
            self.tasks[move.identifier] = {"move": move, "state": state, "comment": comment}
            if state != "done":
                self.moves.remove(move)
            return Reply(data=self.task(move.identifier))
        if request.method == "GET" and rest == "/task":
            status = request.query.get("status")
            return Reply(data=[int(known) for known in self.tasks if self.task(known)["status"] == status])
        task = re.fullmatch(r"/task/(\d+)", rest)
        if request.method == "GET" and task and task[1] in self.tasks:
            return Reply(data=self.task(task[1]))
        return error(404, "NOT_FOUND", "The requested object does not exist")

    def task(self, identifier: str) -> dict[str, Any]:
        known = self.tasks[identifier]
        move: Move = known["move"]
        begun = move.due - self.delay
        running = "init" if self.clock() < begun + self.delay / 4 else "todo" if self.clock() < begun + self.delay / 2 else "doing"
        return {
            "taskId": int(identifier),
            "function": "genericMoveFloatingIp",
            "status": known["state"] if self.done(move) else running,
            "comment": known["comment"],
            "destination": {"serviceName": move.server} if move.server else None,
        }
