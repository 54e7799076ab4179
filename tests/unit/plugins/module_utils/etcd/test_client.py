"""The client against a real etcd with TLS, and against servers that misbehave."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import socket
import ssl
import threading
from typing import Iterator

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import EtcdClient
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdError, EtcdRefused, EtcdUnreachable
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.members import ghosts
from hypothesis import given, settings
from hypothesis import strategies as st
from real_etcd import Files, Node, free_ports, make_files, needs_etcd, openssl, running, wait_for

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed: no certificates for TLS")


@pytest.fixture(scope="module", name="files")
def _files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_files(tmp_path_factory.mktemp("pki"))


@needs_etcd
def test_one_member_grows_by_a_learner_and_shrinks_again(tmp_path: pathlib.Path, files: Files) -> None:
    first, second = Node("cp1", tmp_path, files), Node("cp2", tmp_path, files)
    with running(first.start([first])):
        client = first.client()
        wait_for(client.health, lambda health: health.healthy)
        status = client.status()
        assert status.version.startswith("3.")
        assert (status.leader, status.learner) == (status.member_id, False)
        assert status.db_size >= status.db_size_in_use > 0
        assert status.raft_index > 0
        assert client.alarms() == []
        assert [(m.id, m.name, m.learner, m.peer_urls) for m in client.member_list()] == [
            (status.member_id, "cp1", False, [first.peer_url])
        ]

        added = client.member_add([second.peer_url], learner=True)
        assert (added.name, added.learner, added.started) == ("", True, False)
        assert [ghost.id for ghost in ghosts(client.member_list())] == [added.id]
        with pytest.raises(EtcdRefused) as too_early:
            client.member_promote(added.id)
        assert "learner" in too_early.value.message
        assert "caught up" in too_early.value.remedy
        with pytest.raises(EtcdRefused) as twice:
            client.member_add([second.peer_url], learner=True)
        assert twice.value.remedy
        assert client.health().healthy, "a learner that never started must not cost the quorum"

        with running(second.start([first, second], existing=True)):
            wait_for(lambda: second.client().status(), lambda answer: answer.learner)
            promoted = wait_for(lambda: client.member_promote(added.id), lambda members: len(members) == 2)
            assert [m.learner for m in promoted] == [False, False]
            wait_for(second.client().health, lambda health: health.healthy)
            # etcd takes no change until the new member has been connected for five seconds.
            left = wait_for(lambda: client.member_remove(added.id), lambda members: len(members) == 1)
            assert [m.name for m in left] == ["cp1"]
            wait_for(client.health, lambda health: health.healthy)
        with pytest.raises(EtcdRefused, match="not found"):
            client.member_remove(added.id)


@needs_etcd
def test_of_three_members_one_may_die_and_after_the_second_nothing_is_healthy(tmp_path: pathlib.Path, files: Files) -> None:
    nodes = [Node("cp%d" % number, tmp_path, files) for number in (1, 2, 3)]
    processes = [node.start(nodes) for node in nodes]
    with running(*processes):
        client = nodes[0].client()
        for node in nodes:
            wait_for(node.client().health, lambda health: health.healthy)
        assert sorted(member.name for member in client.member_list()) == ["cp1", "cp2", "cp3"]
        assert len({node.client().status().leader for node in nodes}) == 1
        processes[2].kill()
        wait_for(client.health, lambda health: health.healthy)
        processes[1].kill()
        processes[1].wait(timeout=30)
        impatient = nodes[0].client(timeout=1.0)
        health = wait_for(impatient.health, lambda answer: not answer.healthy)
        assert health.reason
        assert len(impatient.member_list()) == 3, "the membership is told without a quorum, too"


@needs_etcd
def test_a_client_without_the_right_certificate_is_told_so(tmp_path: pathlib.Path, files: Files) -> None:
    node = Node("cp1", tmp_path, files)
    own = Files(str(tmp_path / "own.crt"), str(tmp_path / "own.crt"), str(tmp_path / "own.key"))
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", own.key, "-out", own.ca, "-subj", "/CN=own", "-days", "2")
    with running(node.start([node])):
        wait_for(node.client().health, lambda health: health.healthy)
        with pytest.raises(EtcdUnreachable, match="certificate"):
            EtcdClient(node.client_url, *own).status()
        with pytest.raises(EtcdUnreachable):
            EtcdClient(node.client_url, files.ca, own.certificate, own.key).status()


def test_nobody_listening_is_said_with_the_endpoint(files: Files) -> None:
    endpoint = "https://127.0.0.1:%d" % free_ports(1)[0]
    with pytest.raises(EtcdUnreachable, match="refused") as caught:
        EtcdClient(endpoint, *files).status()
    assert caught.value.endpoint == endpoint
    assert "does not run" in caught.value.remedy


def test_health_of_an_unreachable_member_is_an_answer_and_no_error(files: Files) -> None:
    health = EtcdClient("https://127.0.0.1:%d" % free_ports(1)[0], *files).health()
    assert (health.healthy, "refused" in health.reason) == (False, True)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:2379", "127.0.0.1:2379", "https://", "https://x:port", "https://[::1", ""])
def test_an_endpoint_that_is_no_https_url_is_refused_by_name(endpoint: str, files: Files) -> None:
    with pytest.raises(EtcdError, match="https://ADDRESS:2379"):
        EtcdClient(endpoint, *files)


def test_missing_certificates_are_named(files: Files) -> None:
    with pytest.raises(EtcdError, match="/nowhere/x.key"):
        EtcdClient("https://127.0.0.1:2379", files.ca, files.certificate, "/nowhere/x.key")


class Scripted:
    """A TLS server that gives one answer to everybody."""

    def __init__(self, files: Files) -> None:
        self.answer = b""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        self.listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        self.endpoint = "https://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                connection, _address = self.listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), contextlib.closing(connection):
                connection.settimeout(2)
                while not connection.recv(65536).endswith(b"}"):
                    pass
                connection.sendall(self.answer)


@pytest.fixture(scope="module")
def scripted(files: Files) -> Iterator[Scripted]:
    server = Scripted(files)
    yield server
    server.listener.close()


def http(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status, len(body), body)


def test_etcds_refusal_carries_its_words_and_code(scripted: Scripted, files: Files) -> None:
    scripted.answer = http(503, b'{"error":"etcdserver: request timed out","code":14,"message":"etcdserver: request timed out"}')
    with pytest.raises(EtcdRefused) as caught:
        EtcdClient(scripted.endpoint, *files).member_remove(1)
    assert (caught.value.code, caught.value.message) == (14, "etcdserver: request timed out")
    assert "quorum" in caught.value.remedy


def test_a_health_check_without_permission_proves_that_the_cluster_answers(scripted: Scripted, files: Files) -> None:
    scripted.answer = http(403, b'{"error":"etcdserver: permission denied","code":7}')
    with pytest.raises(EtcdRefused):
        EtcdClient(scripted.endpoint, *files).alarms()


def test_an_alarm_makes_a_member_unhealthy(scripted: Scripted, files: Files) -> None:
    scripted.answer = http(200, b'{"alarms":[{"memberID":"10276657743932975437","alarm":"NOSPACE"}]}')
    health = EtcdClient(scripted.endpoint, *files).health()
    assert (health.healthy, health.reason) == (False, "alarm NOSPACE of member 8e9e05c52164694d")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80).map(lambda body: http(200, body)) | st.binary(max_size=80))
def test_an_answer_that_etcd_would_not_give_is_a_typed_error(scripted: Scripted, files: Files, answer: bytes) -> None:
    scripted.answer = answer
    with contextlib.suppress(EtcdError):
        EtcdClient(scripted.endpoint, *files, timeout=2).status()


@pytest.mark.parametrize(
    "body", [b"[]", b"null", b'{"header":3,"dbSize":"many"}', b'{"dbSize":[]}', b'{"leader":{"a":1}}', b"\xff"]
)
def test_json_of_the_wrong_shape_is_a_typed_error_or_defaults(scripted: Scripted, files: Files, body: bytes) -> None:
    scripted.answer = http(200, body)
    with contextlib.suppress(EtcdError):
        EtcdClient(scripted.endpoint, *files).status()
