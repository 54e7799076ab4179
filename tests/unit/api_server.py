"""As much of an API server as a drill asks for: real TLS with a CA of its own, namespaces and ConfigMaps in a dictionary."""

from __future__ import annotations

import base64
import json
import pathlib
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict


def openssl(folder: pathlib.Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def make_authority(folder: pathlib.Path) -> pathlib.Path:
    """A CA with a server's and a client's certificate, and another CA that signed nothing."""
    for name in ("ca", "other"):
        openssl(
            folder,
            *("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=%s -keyout %s.key -out %s.crt" % (name, name, name)).split(),
        )
    for name in ("server", "client"):
        (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes\n")
        openssl(folder, *("req -newkey rsa:2048 -nodes -subj /CN=%s -keyout %s.key -out %s.csr" % (name, name, name)).split())
        signed = "x509 -req -in %s.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out %s.crt" % (name, name)
        openssl(folder, *signed.split())
    return folder


class Cluster(ThreadingHTTPServer):
    """As much of an API server as a drill asks for. ``answering`` and ``forget`` are what a test breaks."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, folder: pathlib.Path, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.objects: Dict[str, Dict[str, Any]] = {}
        self.delay = 0.0
        self.forget = 0
        #: A test's own word on whether the server is dead now: then it takes connections and says nothing.
        self.dead: Callable[[], bool] = lambda: False
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(folder / "server.crt"), str(folder / "server.key"))
        context.load_verify_locations(str(folder / "ca.crt"))
        # As a real one: who shows no certificate is anonymous, and may ask whether it is ready.
        context.verify_mode = ssl.CERT_OPTIONAL
        self.context = context
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def finish_request(self, sock: Any, address: Any) -> None:
        # In the connection's own thread: a client that hangs in its handshake keeps nobody else out.
        if self.dead():
            time.sleep(2)
            return
        sock.settimeout(5)
        with self.context.wrap_socket(sock, server_side=True) as secured:
            super().finish_request(secured, address)

    def handle_error(self, sock: Any, address: Any) -> None:
        """Clients that give up are part of every test here."""

    def die(self) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Cluster

    def log_message(self, *_arguments: Any) -> None:
        """Silent."""

    def answer(self, status: int, data: Any) -> None:
        body = json.dumps(data).encode() if not isinstance(data, bytes) else data
        self.send_response(status)
        if status == 200 and len(body) > 20:
            # Go's server does so for long answers.
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (body[:15], body[15:]):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def do_GET(self) -> None:  # noqa: N802
        time.sleep(self.server.delay)
        path, _separator, query = self.path.partition("?")
        if path == "/readyz":
            self.answer(200, b"ok")
        elif not self.known():
            return
        elif "labelSelector" in query or query.startswith("limit"):
            marker = "/namespaces" if path.endswith("namespaces") else "/configmaps"
            kept = [body for name, body in sorted(self.server.objects.items()) if name.rsplit("/", 1)[0].endswith(marker)]
            begin = int(query.rpartition("continue=")[2]) if "continue=" in query else 0
            onward = str(begin + 2) if begin + 2 < len(kept) else ""
            self.answer(200, {"items": kept[begin : begin + 2], "metadata": {"continue": onward}})
        elif path in self.server.objects:
            self.answer(200, self.server.objects[path])
        else:
            self.answer(404, {})

    def known(self) -> bool:
        if self.connection.getpeercert():
            return True
        self.answer(401, {})
        return False

    def do_POST(self) -> None:  # noqa: N802
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = self.path + "/" + body["metadata"]["name"]
        if self.server.forget > 0 and "configmaps" in name:
            self.server.forget -= 1
        else:
            self.server.objects[name] = body
        self.answer(201, body)

    def do_DELETE(self) -> None:  # noqa: N802
        gone = [name for name in self.server.objects if name.startswith(self.path)]
        for name in gone:
            del self.server.objects[name]
        self.answer(200 if gone else 404, {})


def kubeconfig(folder: pathlib.Path, port: int, ca: str = "ca", user: str = "") -> str:
    def data(name: str) -> str:
        return base64.b64encode((folder / name).read_bytes()).decode()

    user = user or "    client-certificate-data: %s\n    client-key-data: %s\n" % (data("client.crt"), data("client.key"))
    path = folder / "kubeconfig"
    path.write_text(
        "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    certificate-authority-data: %s\n"
        "    server: https://127.0.0.1:%d\n"
        "  name: c1\ncontexts:\n- context:\n    cluster: c1\n    user: admin\n  name: admin@c1\n"
        "current-context: admin@c1\npreferences: {}\n"
        "users:\n- name: admin\n  user:\n%s" % (data(ca + ".crt"), port, user)
    )
    return str(path)
