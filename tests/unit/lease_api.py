"""The API servers of several nodes with one etcd behind them, each of which a test can take ready or quorum from."""

from __future__ import annotations

import json
import pathlib
import threading
from typing import Any, Dict, Optional, Tuple

from api_server import Cluster, Handler

Reply = Tuple[int, Any]


class Store:
    """What etcd keeps: objects by path, each with the number of its last change."""

    def __init__(self) -> None:
        self.objects: Dict[str, Dict[str, Any]] = {}
        self.revision = 0
        self.lock = threading.Lock()

    def put(self, path: str, body: Dict[str, Any]) -> Dict[str, Any]:
        self.revision += 1
        body["metadata"]["resourceVersion"] = str(self.revision)
        self.objects[path] = body
        return body


class Front:
    """The API server of one node, as far as it is asked here."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.is_ready = True
        self.quorum = True
        #: Whether it answers at all.
        self.alive = True

    def reply(self, method: str, path: str, body: Optional[Dict[str, Any]] = None) -> Optional[Reply]:
        """Status and data; None is no answer."""
        if not self.alive:
            return None
        if path == "/readyz":
            ready = self.is_ready and self.quorum
            return (200, b"ok") if ready else (500, b"[-]etcd failed: reason withheld")
        if not self.quorum:
            return _status(500, "etcdserver: request timed out")
        with self.store.lock:
            if method == "GET":
                found = self.store.objects.get(path)
                return (200, found) if found is not None else _status(404, "leases not found")
            assert body is not None and body["spec"]["leaseDurationSeconds"] > 0
            assert body["apiVersion"] == "coordination.k8s.io/v1"
            if method == "POST":
                path += "/" + body["metadata"]["name"]
            known = self.store.objects.get(path)
            version = known["metadata"]["resourceVersion"] if known else None
            if (known is not None) != (method == "PUT") or version != body["metadata"].get("resourceVersion"):
                return _status(409, "the object has been modified")
            return (200 if known else 201), self.store.put(path, body)


def _status(code: int, message: str) -> Reply:
    return code, {"kind": "Status", "code": code, "message": message}


class LeaseApi(Cluster):
    """A front behind TLS."""

    def __init__(self, folder: pathlib.Path, front: Front) -> None:
        super().__init__(folder)
        self.RequestHandlerClass = LeaseHandler
        self.front = front


class LeaseHandler(Handler):
    server: LeaseApi

    def respond(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        if self.path != "/readyz" and not self.known():
            return
        reply = self.server.front.reply(self.command, self.path, body)
        if reply is None:
            self.close_connection = True
        else:
            self.answer(*reply)

    do_GET = do_POST = do_PUT = respond  # noqa: N815
