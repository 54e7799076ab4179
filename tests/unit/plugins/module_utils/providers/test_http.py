"""One bound over each request, certificates that are checked, and what another thread or a provider may do to it."""

from __future__ import annotations

import pathlib
import socket
import threading
import time
from typing import Any, Iterator, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.errors import BusyError, ProviderError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.http import Http
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.registry import make
from api_server import make_authority
from fake_providers import CASES, begin, hetzner_cloud


@pytest.fixture(name="authority", scope="module")
def _authority(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = make_authority(tmp_path_factory.mktemp("pki"))
    (folder / "server.pem").write_text((folder / "server.key").read_text() + (folder / "server.crt").read_text())
    return folder


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_provider_is_reached_by_tls_and_its_certificate_is_checked(name: str, authority: pathlib.Path) -> None:
    case = CASES[name]
    server = begin(case, certificate=str(authority / "server.pem"))
    try:
        assert server.url.startswith("https://")
        good = make(name, case.address, case.credentials, server.url, str(authority / "ca.crt"))
        assert good.read().target == case.a
        told = len(server.requests)
        for ca in ("", str(authority / "other.crt")):
            with pytest.raises(ProviderError, match="certificate is not trusted") as refused:
                make(name, case.address, case.credentials, server.url, ca).read()
            assert not isinstance(refused.value, BusyError)
        assert len(server.requests) == told, "who is not trusted was told who we are"
    finally:
        server.end()


@pytest.fixture(name="slow")
def _slow() -> Iterator[Any]:
    """A server that says a byte each 0.2 s, or nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    taken: List[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:
                return
            taken.append(connection)
            threading.Thread(target=drip, args=(connection,), daemon=True).start()

    def drip(connection: socket.socket) -> None:
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for _byte in range(1000):
                connection.sendall(b"x")
                time.sleep(0.2)
        except OSError:
            return

    threading.Thread(target=serve, daemon=True).start()
    yield "http://127.0.0.1:%d" % listener.getsockname()[1]
    listener.close()
    for connection in taken:
        connection.close()


def test_an_answer_that_drips_in_has_one_bound_over_all_of_it(slow: str) -> None:
    begun = time.monotonic()
    with pytest.raises(BusyError, match="no answer within 1 s"):
        Http(slow).request("GET", "/", {}, timeout=1.0)
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"])
def test_an_answer_that_is_cut_is_none(head: bytes) -> None:
    """By length, or where it would go on until the end, by us."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection = listener.accept()[0]
            connection.recv(65536)
            connection.sendall(head + b"{}")
            if b"Length" in head:
                connection.close()
            else:
                time.sleep(3)

        threading.Thread(target=serve, daemon=True).start()
        with pytest.raises(BusyError, match="closed before|no answer within"):
            Http("http://127.0.0.1:%d" % listener.getsockname()[1]).request("GET", "/", {}, timeout=1.0)


def test_another_thread_can_break_it_off(slow: str) -> None:
    http = Http(slow)
    threading.Timer(0.3, http.abort).start()
    begun = time.monotonic()
    with pytest.raises(BusyError):
        http.request("GET", "/", {}, timeout=30.0)
    assert time.monotonic() - begun < 5
    http.abort()  # of nothing


def test_a_proxy_of_the_environment_gets_no_credentials(authority: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tunnel is asked for by name, and all else goes through it encrypted."""
    case = CASES["hetzner_cloud"]
    seen: List[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def proxy() -> None:
        connection = listener.accept()[0]
        seen.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 503 no\r\n\r\n")
        connection.close()

    threading.Thread(target=proxy, daemon=True).start()
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:%d" % listener.getsockname()[1])
    monkeypatch.setenv("no_proxy", "")
    client = make("hetzner_cloud", case.address, case.credentials, "https://provider.example.org/v1")
    with pytest.raises(BusyError):
        client.read()
    assert seen[0].startswith(b"CONNECT provider.example.org:443 ") and hetzner_cloud.TOKEN.encode() not in seen[0]
    listener.close()


def test_what_a_provider_echoes_of_our_secrets_is_blotted_out() -> None:
    http = Http("https://api.example.org", secrets=["very-secret", ""])
    assert http.clean("you sent very-secret!") == "you sent ********!"
    assert len(http.clean("x" * 1000)) == 300
