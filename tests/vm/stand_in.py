"""Answers /readyz over TLS as an API server does, with kept connections."""

import http.server
import pathlib
import ssl
import threading
import time

#: Seconds that every answer takes, and its status, where a test writes them: as while etcd has no leader.
TOLD = pathlib.Path("/run/stand-in-told")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        try:
            seconds, known = TOLD.read_text().split()
        except FileNotFoundError:
            seconds, known = "0", "200"
        time.sleep(float(seconds))
        status, text = (int(known), b"ok") if self.path == "/readyz" else (404, b"no")
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/etc/stand-in/server.crt", "/etc/stand-in/server.key")
# The API server's port, and that of RKE2's supervisor.
servers = [Server(("", port), Handler) for port in (6443, 9345)]
for server in servers:
    # The handshake is made in the connection's own thread, not while others wait.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever).start()
