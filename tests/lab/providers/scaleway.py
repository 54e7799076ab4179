# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scaleway: https://www.scaleway.com/en/developers/api/elastic-metal-flexible-ip."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

from .server import FakeProvider, Reply, Request

SECRET_KEY, ZONE = "5c1f5a9e-7a38-4d4c-9d6c-9e6a3b7f2d10", "fr-par-2"
PAGE = 2


def error(status: int, kind: str, message: str, **more: Any) -> Reply:
    return Reply(status, {"type": kind, "message": message, **more})


def identifier(address: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, address))


class Scaleway(FakeProvider):
    """``routes`` are addresses and IDs of servers."""

    #: States of addresses that do not follow from their routes, such as error and locked.
    states: dict[str, str] = {}  # noqa: RUF012
    #: The state that the next move ends in.
    ends_in = ""
    #: Addresses that share a virtual MAC with another one.
    grouped: tuple[str, ...] = ()

    def denial(self, request: Request) -> Reply | None:
        if request.headers.get("x-auth-token") == SECRET_KEY:
            return None
        return Reply(401, {"type": "denied_authentication", "message": "authentication is denied", "method": "api_key"})

    def answer(self, request: Request) -> Reply:
        base = f"/flexible-ip/v1alpha1/zones/{ZONE}/fips"
        if not request.path.startswith(base):
            return error(404, "not_found", "resource is not found")
        rest = request.path.removeprefix(base)
        by_id = {identifier(address): address for address in self.routes}
        if request.method == "GET" and not rest:
            page = int(request.query.get("page", "1"))
            known = list(self.routes)
            shown = known[(page - 1) * PAGE : page * PAGE]
            return Reply(data={"total_count": len(known), "flexible_ips": [self.flexible_ip(address) for address in shown]})
        found = re.fullmatch(r"/([0-9a-f-]{36})", rest)
        if request.method == "GET" and found and found[1] in by_id:
            return Reply(data=self.flexible_ip(by_id[found[1]]))
        if request.method == "POST" and rest in ("/attach", "/detach"):
            body = json.loads(request.body)
            addresses = [by_id[known] for known in body["fips_ids"] if known in by_id]
            server = body.get("server_id") if rest == "/attach" else None
            if len(addresses) != len(body["fips_ids"]) or (rest == "/attach" and server not in self.servers):
                return error(404, "not_found", "resource is not found", resource="server")
            return self.order(addresses, server)
        return error(404, "not_found", "resource is not found")

    def order(self, addresses: list[str], server: str | None) -> Reply:
        for address in addresses:
            if any(move.address == address for move in self.moves):
                return error(409, "transient_state", "resource is in a transient state", current_state="updating")
            if self.states.get(address) == "locked":
                return error(423, "locked", "resource is locked")
            if address in self.grouped:
                return error(412, "precondition_failed", "all IPs of a MAC group have to move together")
        for address in addresses:
            move = self.move(address, server)
            if self.ends_in:
                self.moves.remove(move)
                self.states = {**self.states, address: self.ends_in}
        self.ends_in = ""
        return Reply(data={"total_count": len(addresses), "flexible_ips": [self.flexible_ip(known) for known in addresses]})

    def flexible_ip(self, address: str) -> dict[str, Any]:
        server = self.routes[address]
        status = self.states.get(address) or ("attached" if server else "ready")
        for move in self.moves:
            if move.address == address:
                status, server = ("updating", move.server) if move.server else ("detaching", server)
        return {"id": identifier(address), "ip_address": address + "/32", "server_id": server, "status": status, "zone": ZONE}
