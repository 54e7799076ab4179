"""The prober against a real TLS server of its own CA: answers, silence, refusal, a wrong certificate, a death half-way."""

from __future__ import annotations

import base64
import pathlib
import socket
import threading
import time
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
from api_server import Cluster, Handler, kubeconfig, make_authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return make_authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def server(authority: pathlib.Path) -> Iterator[Cluster]:
    cluster = Cluster(authority)
    yield cluster
    cluster.die()


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
