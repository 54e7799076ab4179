# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hetzner Robot: https://robot.hetzner.com/doc/webservice/en.html#failover. The call that moves an address answers when it has."""

from __future__ import annotations

import base64
import re
import time
from typing import Any
from urllib.parse import parse_qs

from .server import FakeProvider, Reply, Request

USER, PASSWORD = "#ws+lab", "pass:wörd-Robot-7c1f"


def error(status: int, code: str, message: str, **more: Any) -> Reply:
    return Reply(status, {"error": {"status": status, "code": code, "message": message, **more}})


class HetznerRobot(FakeProvider):
    #: Wrong logins so far; from the third on nobody is let in.
    wrong = 0

    def handle_request_of(self, request: Request) -> Reply | None:
        reply = super().handle_request_of(request)
        # Outside the lock: others are told that it is locked while this one waits for its move.
        while reply is not None and reply.status == 200 and request.method != "GET":
            with self.lock:
                self.settle()
                if not self.moves:
                    break
            time.sleep(0.02)
        if reply is not None and reply.status == 200 and request.method != "GET":
            with self.lock:
                return self.failover(request.path.rpartition("/")[2])
        return reply

    def denial(self, request: Request) -> Reply | None:
        expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if request.headers.get("authorization") == expected and self.wrong < 3:
            return None
        self.wrong += 1
        return error(401, "UNAUTHORIZED", "Unauthorized")

    def answer(self, request: Request) -> Reply:
        found = re.fullmatch(r"/failover/([0-9a-f.:]+)", request.path)
        if not found or found[1] not in self.routes:
            return error(404, "NOT_FOUND", "failover not found")
        address = found[1]
        if request.method == "GET":
            return self.failover(address)
        if any(move.address == address for move in self.moves):
            return error(409, "FAILOVER_LOCKED", "Failover switch is blocked")
        wanted: str | None = None
        if request.method == "POST":
            given = parse_qs(request.body.decode("ascii"))
            if request.headers.get("content-type") != "application/x-www-form-urlencoded" or "active_server_ip" not in given:
                return error(400, "INVALID_INPUT", "invalid input", missing=["active_server_ip"], invalid=None)
            wanted = given["active_server_ip"][0]
            if wanted not in self.servers:
                return error(404, "FAILOVER_NEW_SERVER_NOT_FOUND", "The new server was not found")
            if wanted == self.routes[address]:
                return error(409, "FAILOVER_ALREADY_ROUTED", "The failover is already routed to the selected server")
        self.move(address, wanted)
        return self.failover(address)

    def failover(self, address: str) -> Reply:
        return Reply(
            data={
                "failover": {
                    "ip": address,
                    "netmask": "255.255.255.255",
                    "server_ip": self.servers[0],
                    "server_ipv6_net": "2a01:4f8:d0a:2003::",
                    "server_number": 321,
                    "active_server_ip": self.routes[address],
                }
            }
        )
