"""The prober against a real TLS server of its own CA: answers, silence, refusal, a wrong certificate, a death half-way."""

from __future__ import annotations

import base64
import json
import pathlib
import socket
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, Iterator, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.client import (
    Access,
    ClientError,
    read_access,
    request,
    resolved,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.measure import gaps
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.observe import LABEL, Observer, Pace, Settings, Verdict
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.report import parse_lines, samples


def openssl(folder: pathlib.Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A CA with a server's and a client's certificate, and another CA that signed nothing."""
    folder = tmp_path_factory.mktemp("pki")
    for name in ("ca", "other"):
        openssl(
            folder,
            *("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=%s -keyout %s.key -out %s.crt" % (name, name, name)).split(),
        )
    for name in ("server", "client"):
        (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
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
        self.users: List[str] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(folder / "server.crt"), str(folder / "server.key"))
        context.load_verify_locations(str(folder / "ca.crt"))
        context.verify_mode = ssl.CERT_REQUIRED
        self.context = context
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def finish_request(self, sock: Any, address: Any) -> None:
        # In the connection's own thread: a client that hangs in its handshake keeps nobody else out.
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


@pytest.fixture
def server(authority: pathlib.Path) -> Iterator[Cluster]:
    cluster = Cluster(authority)
    yield cluster
    cluster.die()


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


def access(folder: pathlib.Path, port: int, ca: str = "ca") -> Access:
    return read_access(kubeconfig(folder, port, ca))


def test_an_answer_over_tls_with_the_clusters_ca_and_our_certificate(authority: pathlib.Path, server: Cluster) -> None:
    answer = request(access(authority, server.server_port), "GET", "/readyz")
    assert (answer.status, answer.body, answer.error) == (200, b"ok", "")


def test_a_server_of_another_ca_is_no_answer(authority: pathlib.Path, server: Cluster) -> None:
    answer = request(access(authority, server.server_port, "other"), "GET", "/readyz")
    assert answer.status == 0 and answer.error.startswith("certificate:")


def test_a_server_whose_certificate_has_another_name_is_no_answer(authority: pathlib.Path, server: Cluster) -> None:
    answer = request(access(authority, server.server_port)._replace(server_name="example.org"), "GET", "/readyz")
    assert answer.status == 0 and answer.error.startswith("certificate:")


def test_a_refused_connection_is_told_as_that(authority: pathlib.Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        answer = request(access(authority, free.getsockname()[1]), "GET", "/readyz")
    assert answer == (0, b"", "connection refused")


@pytest.mark.parametrize("speaks", ["nothing", "half an answer"])
def test_silence_ends_at_the_bound_wherever_it_sets_in(authority: pathlib.Path, server: Cluster, speaks: str) -> None:
    if speaks == "nothing":
        # Takes connections and never says a word, not even in the handshake.
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            begin = time.monotonic()
            answer = request(access(authority, silent.getsockname()[1]), "GET", "/readyz", timeout=0.4)
    else:
        server.delay = 3
        begin = time.monotonic()
        answer = request(access(authority, server.server_port), "GET", "/readyz", timeout=0.4)
    assert 0.35 < time.monotonic() - begin < 1.5
    assert answer == (0, b"", "no answer within 0.4 s")


def test_an_answer_that_breaks_off_is_no_answer(authority: pathlib.Path, server: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Handler) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        self.close_connection = True

    monkeypatch.setattr(Handler, "do_GET", broken)
    answer = request(access(authority, server.server_port), "GET", "/readyz")
    assert answer.status == 0 and answer.error


def test_a_kubeconfig_that_is_missing_says_who_makes_it(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ClientError, match="drill_kubeconfig"):
        read_access(str(tmp_path / "none"))


def test_a_kubeconfig_without_credentials_is_refused(authority: pathlib.Path) -> None:
    with pytest.raises(ClientError, match="neither a client certificate nor a token"):
        read_access(kubeconfig(authority, 6443, user="    exec: login\n"))


def test_a_token_is_sent_and_a_name_is_looked_up_once(authority: pathlib.Path) -> None:
    given = read_access(kubeconfig(authority, 6443, user="    token: abc\n"))
    assert given.token == "abc"
    assert resolved(given._replace(host="localhost", server_name="localhost")).host in ("127.0.0.1", "::1")


def test_the_pace_is_kept_while_every_call_hangs() -> None:
    begun: List[float] = []

    def hang(_number: int) -> None:
        begun.append(time.monotonic())
        time.sleep(0.5)

    pace = Pace(0.05, 0.5, hang)
    pace.start()
    time.sleep(1.5)
    pace.stop(2)
    assert len(begun) >= 20


class Watch:
    """An observer in a thread, for tests that wait for what they need to see, however slow the machine is."""

    def __init__(self, folder: pathlib.Path, port: int, directory: pathlib.Path) -> None:
        self.directory = directory
        settings = Settings(str(directory), "run1", interval=0.1, timeout=3, write_interval=0.2, write_timeout=5)
        self.observer = Observer(settings, access(folder, port))
        self.observer.prepare()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.observer.run, args=(self.done.is_set, lambda: None), daemon=True)
        self.thread.start()

    def records(self, name: str) -> List[Dict[str, Any]]:
        path = self.directory / name
        return parse_lines(path.read_text()) if path.exists() else []

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, "it did not come to that within a minute"
            time.sleep(0.05)

    def stop(self) -> Verdict:
        self.done.set()
        self.thread.join(30)
        return self.observer.conclude(30)

    def good(self) -> List[float]:
        return [probe["at"] for probe in self.records("probes.jsonl") if probe["ok"]]

    def bad(self) -> List[float]:
        return [probe["at"] for probe in self.records("probes.jsonl") if not probe["ok"]]


def test_a_watch_without_a_fault_loses_nothing_and_leaves_nothing(
    authority: pathlib.Path, server: Cluster, tmp_path: pathlib.Path
) -> None:
    server.objects["/api/v1/namespaces/drill-old"] = {"metadata": {"name": "drill-old", "labels": {LABEL: "namespace"}}}
    watch = Watch(authority, server.server_port, tmp_path)
    assert "/api/v1/namespaces/drill-old" not in server.objects
    watch.until(lambda: len(watch.observer.acknowledged) >= 5 and len(watch.good()) >= 10)
    verdict = watch.stop()
    assert verdict.acknowledged >= 5 and not verdict.lost and verdict.namespace_removed and server.objects == {}
    reads = [record for record in watch.records("writes.jsonl") if record["kind"] == "read"]
    assert len(reads) == verdict.acknowledged and not watch.bad()
    for name in ("probes.jsonl", "writes.jsonl"):
        assert base64.b64encode((authority / "client.key").read_bytes()).decode() not in (tmp_path / name).read_text()


def test_a_server_that_forgets_what_it_acknowledged_is_found_out(
    authority: pathlib.Path, server: Cluster, tmp_path: pathlib.Path
) -> None:
    watch = Watch(authority, server.server_port, tmp_path)
    watch.until(lambda: len(watch.observer.acknowledged) >= 2)
    server.forget = 2
    watch.until(lambda: server.forget == 0 and len(watch.observer.acknowledged) >= 6)
    assert len(watch.stop().lost) == 2


def test_a_server_that_dies_and_comes_back_is_seen_as_an_outage(authority: pathlib.Path, tmp_path: pathlib.Path) -> None:
    first = Cluster(authority)
    watch = Watch(authority, first.server_port, tmp_path)
    watch.until(lambda: len(watch.good()) >= 3 and len(watch.observer.acknowledged) >= 2)
    first.die()
    watch.until(lambda: len(watch.bad()) >= 5)
    second = Cluster(authority, first.server_port)
    second.objects = first.objects
    watch.until(lambda: any(good > max(watch.bad()) for good in watch.good()))
    verdict = watch.stop()
    second.die()
    probes = samples([dict(record, kind="probe") for record in watch.records("probes.jsonl")], "probe")
    (gap,) = gaps(probes, probes[0].at, probes[-1].at, 100.0)
    assert gap.failed >= 5 and gap.seconds >= 0.4
    assert verdict.lost == [] and verdict.acknowledged >= 2
