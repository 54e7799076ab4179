# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hetzner Cloud: https://docs.hetzner.cloud, floating IPs, actions and servers."""

from __future__ import annotations

import json
import re
from typing import Any

from .server import FakeProvider, Move, Reply, Request

TOKEN = "LRK9DAWQ1ZAEFSrCNEEzLCUwhYX1U3g7wMg4dTlkkDC96fyDuyJ39nVbVjCKSDfj"
PAGE = 2


def error(status: int, code: str, message: str, **headers: str) -> Reply:
    return Reply(status, {"error": {"code": code, "message": message, "details": None}}, headers)


class HetznerCloud(FakeProvider):
    """``routes`` are addresses and numbers of servers; server 42 is called node-42."""

    prefix = "/v1"
    #: How the next action ends: its code and text, or nothing.
    ends_in: tuple[str, str] | None = None

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.actions: dict[str, tuple[Move, tuple[str, str] | None]] = {}

    def denial(self, request: Request) -> Reply | None:
        if request.headers.get("authorization") == "Bearer " + TOKEN:
            return None
        return error(401, "unauthorized", "unable to authenticate")

    def answer(self, request: Request) -> Reply:
        path = request.path.removeprefix(self.prefix)
        known = list(self.routes)
        if path == "/floating_ips":
            page = int(request.query.get("page", "1"))
            shown = known[(page - 1) * PAGE : page * PAGE]
            further = page + 1 if page * PAGE < len(known) else None
            listed = [self.floating_ip(address) for address in shown]
            return Reply(data={"floating_ips": listed, "meta": {"pagination": {"page": page, "next_page": further}}})
        if path == "/servers":
            names = {f"node-{server}": int(server) for server in self.servers}
            name = request.query.get("name", "")
            return Reply(data={"servers": [{"id": names[name], "name": name}] if name in names else []})
        action = re.fullmatch(r"/actions/(\d+)", path)
        if action and action[1] in self.actions:
            return Reply(data={"action": self.action(action[1])})
        running = re.fullmatch(r"/floating_ips/(\d+)/actions", path)
        if running and request.method == "GET" and request.query.get("status") == "running":
            ours = [number for number, (move, _bad) in self.actions.items() if move.address == known[int(running[1]) - 1]]
            return Reply(data={"actions": [action for action in map(self.action, ours) if action["status"] == "running"]})
        found = re.fullmatch(r"/floating_ips/(\d+)(?:/actions/(assign|unassign))?", path)
        if not found or not 0 <= int(found[1]) - 1 < len(known):
            return error(404, "not_found", "Floating IP not found")
        address = known[int(found[1]) - 1]
        if request.method == "GET" and not found[2]:
            return Reply(data={"floating_ip": self.floating_ip(address)})
        if request.method == "POST" and found[2]:
            return self.order(address, found[2], json.loads(request.body))
        return error(404, "not_found", "Not found")

    def order(self, address: str, what: str, body: dict[str, Any]) -> Reply:
        if any(move.address == address for move in self.moves):
            return error(423, "locked", "Floating IP is locked")
        server = str(body["server"]) if what == "assign" else None
        if server is not None and server not in self.servers:
            return error(404, "not_found", "Server not found")
        move = self.move(address, server)
        self.actions[move.identifier] = (move, self.ends_in)
        if self.ends_in:
            self.moves.remove(move)
            self.ends_in = None
        self.settle()
        return Reply(201, {"action": self.action(move.identifier)})

    def action(self, identifier: str) -> dict[str, Any]:
        move, bad = self.actions[identifier]
        ended = self.done(move)
        return {
            "id": int(identifier),
            "command": "assign_floating_ip" if move.server else "unassign_floating_ip",
            "resources": [{"id": int(move.server or 0), "type": "server"}],
            "status": ("error" if bad else "success") if ended else "running",
            "error": {"code": bad[0], "message": bad[1]} if bad and ended else None,
        }

    def floating_ip(self, address: str) -> dict[str, Any]:
        server = self.routes[address]
        kind = "ipv6" if ":" in address else "ipv4"
        return {
            "id": list(self.routes).index(address) + 1,
            "ip": address,
            "type": kind,
            "server": int(server) if server else None,
        }
