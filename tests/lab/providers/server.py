# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all of them are: a web server with addresses, servers, a clock, and faults that a test orders."""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit


class Request(NamedTuple):
    """A request as it came, and in parts. ``path`` is decoded, ``target`` is what stood on the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}


class Reply(NamedTuple):
    status: int = 200
    data: Any = None
    headers: dict[str, str] = {}  # noqa: RUF012
    #: Sent as it is, in the place of data.
    raw: bytes | None = None


class Fault(NamedTuple):
    """What the next requests get that fit: a reply, or with ``silent`` no answer. ``after``: the order is carried out first."""

    method: str
    pattern: str
    reply: Reply = Reply()
    silent: bool = False
    after: bool = False


class Move(NamedTuple):
    """A change of a route that is under way."""

    identifier: str
    address: str
    server: str | None
    due: float


class FakeProvider(ThreadingHTTPServer):
    """One provider. ``clock`` and ``delay`` say when a move is done, ``on_route`` is told of it."""

    daemon_threads = True
    allow_reuse_address = True
    prefix: ClassVar[str] = ""

    def __init__(
        self,
        routes: dict[str, str | None],
        servers: list[str],
        delay: float = 0.0,
        address: tuple[str, int] = ("127.0.0.1", 0),
        clock: Callable[[], float] = time.monotonic,
        on_route: Callable[[str, str | None], None] = lambda _address, _server: None,
        certificate: str = "",
    ) -> None:
        super().__init__(address, Handler)
        self.routes = dict(routes)
        self.servers = list(servers)
        self.delay = delay
        self.clock = clock
        self.on_route = on_route
        self.moves: list[Move] = []
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.lock = threading.RLock()
        self.number = 100
        #: While it is true nobody gets an answer.
        self.down = False
        self.scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
            self.scheme = "https"

    def begin(self) -> None:
        """Serve from a thread."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def end(self) -> None:
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.server_address[0]!s}:{self.server_address[1]}{self.prefix}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that give up are part of every test here."""

    # --- For the tests -------------------------------------------------------------------------------------------------------

    def fail(self, pattern: str, reply: Reply = Reply(), times: int = 1, method: str = "", **how: bool) -> None:  # noqa: B008
        """The next ``times`` requests whose method and path fit get this."""
        self.faults += [Fault(method, pattern, reply, **how)] * times

    def asked(self, method: str) -> list[str]:
        """The paths of all requests of a method."""
        return [request.path for request in self.requests if request.method == method]

    # --- For the providers ---------------------------------------------------------------------------------------------------

    def answer(self, request: Request) -> Reply:
        """What the provider says to a request that is let in."""
        raise NotImplementedError

    def denial(self, request: Request) -> Reply | None:
        """None for a request whose credentials are right."""
        raise NotImplementedError

    def next_number(self) -> str:
        self.number += 1
        return str(self.number)

    def move(self, address: str, server: str | None) -> Move:
        """Begin a change; it is done after ``delay`` seconds."""
        move = Move(self.next_number(), address, server, self.clock() + self.delay)
        self.moves.append(move)
        return move

    def done(self, move: Move) -> bool:
        return self.clock() >= move.due

    def settle(self) -> None:
        """Carry out what is due."""
        with self.lock:
            for move in list(self.moves):
                if self.done(move):
                    self.moves.remove(move)
                    self.routes[move.address] = move.server
                    self.on_route(move.address, move.server)

    def handle_request_of(self, request: Request) -> Reply | None:
        """None is no answer."""
        with self.lock:
            self.requests.append(request)
            self.settle()
            if self.down:
                return None
            for fault in self.faults:
                if fault.method in ("", request.method) and re.search(fault.pattern, request.path):
                    self.faults.remove(fault)
                    if fault.after:
                        self.denial(request) or self.answer(request)
                    return None if fault.silent else fault.reply
            return self.denial(request) or self.answer(request)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeProvider
    timeout = 10

    def log_message(self, *_arguments: Any) -> None:
        """Silent."""

    def handle_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self.rfile.read(length))
        reply = self.server.handle_request_of(request)
        if reply is None:
            self.close_connection = True
            return
        body = reply.raw if reply.raw is not None else b"" if reply.data is None else json.dumps(reply.data).encode()
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = do_PUT = handle_any  # noqa: N815
