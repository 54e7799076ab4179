"""Which certificate a server shows, asked of a real TLS server."""

from __future__ import annotations

import pathlib
import socket
import ssl
import subprocess
import threading
from typing import Iterator, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.served import in_file, shown


def made(folder: pathlib.Path, name: str) -> Tuple[str, str]:
    certificate, key = str(folder / (name + ".crt")), str(folder / (name + ".key"))
    subject = ["-subj", "/CN=" + name, "-days", "1", "-nodes", "-newkey", "rsa:2048"]
    subprocess.run(["openssl", "req", "-x509", *subject, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[Tuple[int, pathlib.Path]]:
    """A server that wants a client's certificate, as etcd does."""
    own, client = made(tmp_path, "server"), made(tmp_path, "client")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*own)
    context.load_verify_locations(client[0])
    context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1], tmp_path
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def test_what_a_server_shows_is_compared_with_the_file(server: Tuple[int, pathlib.Path]) -> None:
    port, folder = server
    client = (str(folder / "client.crt"), str(folder / "client.key"))
    seen = shown("127.0.0.1", port, client)
    assert seen is not None and seen == in_file((folder / "server.crt").read_text())
    assert seen != in_file((folder / "client.crt").read_text())


def test_a_port_where_nobody_answers_shows_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert shown("127.0.0.1", port) is None


def test_a_client_certificate_that_is_gone_shows_nothing(server: Tuple[int, pathlib.Path]) -> None:
    assert shown("127.0.0.1", server[0], ("/nowhere.crt", "/nowhere.key")) is None
