"""What a host asks its own API server, from one that speaks TLS with a CA of its own."""

from __future__ import annotations

import pathlib
from typing import Any, Dict, Iterator

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node import readyz
from api_server import Cluster, make_authority
from fakes import FakeRunner


def node(name: str, **spec: Any) -> Dict[str, Any]:
    return {"metadata": {"name": name}, "spec": spec, "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.7"}]}}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def cluster(authority: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setattr(readyz, "CA", str(authority / "ca.crt"))
    monkeypatch.setattr(readyz, "CLIENT", (str(authority / "client.crt"), str(authority / "client.key")))
    server = Cluster(authority)
    yield server
    server.die()


def ask(cluster: Cluster, client: bool = True) -> Any:
    files = dict.fromkeys(readyz.CLIENT, "x") if client else {}
    return readyz.ask_readyz("127.0.0.1", cluster.server_address[1], FakeRunner(files=files))


def test_a_ready_server_names_its_nodes_and_their_pod_networks(cluster: Cluster) -> None:
    cluster.objects["/api/v1/nodes"] = {"items": [node("w", podCIDRs=["10.244.1.0/24"]), node("cp", podCIDR="10.244.0.0/24")]}
    answer = ask(cluster)
    assert (answer.ready, answer.message) == (True, "ok")
    assert answer.nodes == [
        {"name": "cp", "addresses": ["192.0.2.7"], "pod_cidrs": ["10.244.0.0/24"]},
        {"name": "w", "addresses": ["192.0.2.7"], "pod_cidrs": ["10.244.1.0/24"]},
    ]


def test_whether_kubeadm_told_the_cluster_of_it_is_asked_of_who_may_read(cluster: Cluster) -> None:
    cluster.objects["/api/v1/nodes"] = {"items": [node("cp")]}
    assert ask(cluster).initialised is False
    cluster.objects[readyz.KUBEADM_CONFIG] = {"data": {}}
    assert ask(cluster).initialised is True
    del cluster.objects["/api/v1/nodes"]
    assert ask(cluster).initialised is None


@pytest.mark.parametrize("objects", [{}, {"/api/v1/nodes": {"items": [{"spec": {}}]}}, {"/api/v1/nodes": []}])
def test_a_server_that_does_not_name_its_nodes_is_ready_all_the_same(cluster: Cluster, objects: Dict[str, Any]) -> None:
    cluster.objects.update(objects)
    answer = ask(cluster)
    assert (answer.ready, answer.nodes) == (True, None)


def test_without_a_client_certificate_only_readiness_is_known(cluster: Cluster) -> None:
    cluster.objects["/api/v1/nodes"] = {"items": [node("w")]}
    assert ask(cluster, client=False) == readyz.Answer(True, "ok", None)


def test_a_server_of_another_authority_is_not_believed(cluster: Cluster, authority: pathlib.Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(readyz, "CA", str(authority / "other.crt"))
    answer = ask(cluster)
    assert answer.ready is False
    assert "certificate verify failed" in answer.message
