"""The client against a real etcd with TLS, and against servers that misbehave."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
from typing import Callable, Iterator, List, NamedTuple, Sequence, TypeVar

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import EtcdClient
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdError, EtcdRefused, EtcdUnreachable
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.members import ghosts
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed: no certificates for TLS")
needs_etcd = pytest.mark.skipif(
    shutil.which("etcd") is None, reason="no etcd program is installed (Debian: etcd-server): not tried against a real one"
)
T = TypeVar("T")


class Files(NamedTuple):
    ca: str
    certificate: str
    key: str


def openssl(*words: str) -> None:
    subprocess.run(["openssl"] + list(words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A CA, and one certificate for server, peer and client, as kubeadm's healthcheck-client and server are."""
    folder = tmp_path_factory.mktemp("pki")
    found = Files(str(folder / "ca.crt"), str(folder / "node.crt"), str(folder / "node.key"))
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", str(folder / "ca.key"), "-out", found.ca, "-subj", "/CN=etcd-ca", "-days", "2")
    openssl("req", *curve, "-keyout", found.key, "-out", str(folder / "node.csr"), "-subj", "/CN=node")
    (folder / "extensions").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n")
    sign = ["-CA", found.ca, "-CAkey", str(folder / "ca.key"), "-CAcreateserial", "-days", "2"]
    sign += ["-extfile", str(folder / "extensions")]
    openssl("x509", "-req", "-in", str(folder / "node.csr"), *sign, "-out", found.certificate)
    return found


def free_ports(count: int) -> List[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(contextlib.closing(socket.socket())) for _number in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def wait_for(read: Callable[[], T], accept: Callable[[T], bool], seconds: float = 40) -> T:
    """The first accepted answer; the last error where none comes in time."""
    end = time.monotonic() + seconds
    while True:
        try:
            answer = read()
            if accept(answer):
                return answer
            problem: object = answer
        except EtcdError as error:
            problem = error
        if time.monotonic() > end:
            raise AssertionError("not in time; the last was: %s" % (problem,))
        time.sleep(0.1)


class Node:
    """An etcd member as a process of its own."""

    def __init__(self, name: str, folder: pathlib.Path, files: Files) -> None:
        self.name, self.folder, self.files = name, folder, files
        client, peer = free_ports(2)
        self.client_url, self.peer_url = "https://127.0.0.1:%d" % client, "https://127.0.0.1:%d" % peer

    def start(self, initial: Sequence["Node"], existing: bool = False) -> "subprocess.Popen[bytes]":
        tls = []
        for prefix in ("", "peer-"):
            tls += ["--%scert-file" % prefix, self.files.certificate, "--%skey-file" % prefix, self.files.key]
            tls += ["--%strusted-ca-file" % prefix, self.files.ca, "--%sclient-cert-auth" % prefix]
        argv = ["etcd", "--name", self.name, "--data-dir", str(self.folder / self.name)]
        argv += ["--listen-client-urls", self.client_url, "--advertise-client-urls", self.client_url]
        argv += ["--listen-peer-urls", self.peer_url, "--initial-advertise-peer-urls", self.peer_url]
        argv += ["--initial-cluster", ",".join("%s=%s" % (node.name, node.peer_url) for node in initial)]
        argv += ["--initial-cluster-state", "existing" if existing else "new"]
        with open(self.folder / (self.name + ".log"), "wb") as log:
            return subprocess.Popen(argv + tls, stdout=log, stderr=log)

    def client(self, timeout: float = 5.0) -> EtcdClient:
        return EtcdClient(self.client_url, *self.files, timeout=timeout)


@contextlib.contextmanager
def running(*processes: "subprocess.Popen[bytes]") -> Iterator[None]:
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait(timeout=30)


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
