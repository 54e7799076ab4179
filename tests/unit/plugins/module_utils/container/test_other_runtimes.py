"""Removed lines, registries and images of the runtimes beside containerd."""

from __future__ import annotations

from typing import Any, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container import images
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.other_registries import (
    docker_registries,
    registries_conf,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.registries import RegistryError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.removed import refusals
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result


@pytest.mark.parametrize(
    ("runtime", "text", "words"),
    [
        ("containerd", "systemd_cgroup = true", "2.0"),
        ("containerd", 'runtime_type = "io.containerd.runc.v1"', "io.containerd.runc.v2"),
        ("containerd", '[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]', "config_path"),
        ("containerd", 'disabled_plugins = ["cri"]', "speaks CRI"),
        ("containerd", '  snapshotter = "aufs"', "overlayfs"),
        ("crio", 'registries = ["docker.io"]', "container_runtime_registries"),
        ("crio", "manage_ns_lifecycle = true", "1.34"),
        ("crio", 'cgroup_manager = "cgroupfs"', "systemd"),
    ],
)
def test_lines_that_a_runtime_lost_are_refused(runtime: str, text: str, words: str) -> None:
    assert words in " ".join(" ".join(one) for one in refusals(runtime, text))


def test_an_older_containerd_still_takes_what_2_0_lost() -> None:
    assert list(refusals("containerd", "systemd_cgroup = true", (1, 7, 28))) == []
    assert list(refusals("containerd", "[metrics]\n  address = '127.0.0.1:1338'")) == []
    assert list(refusals("docker", "systemd_cgroup = true")) == []


MIRROR: List[Any] = [{"name": "docker.io", "mirrors": [{"url": "https://192.0.2.5:5000/hub", "skip_verify": True}]}]


def test_cri_o_has_locations_in_the_place_of_addresses() -> None:
    text = registries_conf(MIRROR + [{"name": "gone.example.org", "state": "absent"}])
    assert 'prefix = "docker.io"\nlocation = "docker.io"\n' in text
    assert '[[registry.mirror]]\nlocation = "192.0.2.5:5000/hub"\ninsecure = true\n' in text
    assert "gone" not in text


@pytest.mark.parametrize("form", [registries_conf, docker_registries])
def test_what_only_containerd_reads_is_refused_with_its_place(form: Any) -> None:
    with pytest.raises(RegistryError, match="certs.d/HOST:PORT/ca.crt"):
        form([{"name": "quay.io", "server": "https://192.0.2.5", "ca": "/etc/ca.pem"}])
    with pytest.raises(RegistryError, match="has no scheme"):
        form([{"name": "quay.io", "server": "192.0.2.5"}])


def test_docker_takes_mirrors_of_its_hub_alone() -> None:
    with pytest.raises(RegistryError, match="no path"):
        docker_registries(MIRROR)
    hub = [{"name": "docker.io", "mirrors": [{"url": "https://192.0.2.5:5000", "skip_verify": True}]}]
    assert docker_registries(hub) == {"registry-mirrors": ["https://192.0.2.5:5000"], "insecure-registries": ["192.0.2.5:5000"]}
    with pytest.raises(RegistryError, match="mirrors of docker.io alone"):
        docker_registries([{"name": "registry.k8s.io", "mirrors": [{"url": "https://192.0.2.5"}]}])


class Clients:
    """Answers every client, and keeps what was asked."""

    def __init__(self, said: str = "", rc: int = 0) -> None:
        self.said, self.rc = said, rc
        self.asked: List[List[str]] = []

    def run(self, argv: List[str], timeout: float = 0) -> Result:
        self.asked.append(argv)
        return Result(self.rc, self.said, "")


def test_each_runtime_is_asked_for_its_images_by_its_own_client() -> None:
    assert images.names("docker", "busybox:1.35.0\nregistry.k8s.io/pause:3.10\ncalico/node:v3\n") == [
        "docker.io/library/busybox:1.35.0",
        "registry.k8s.io/pause:3.10",
        "docker.io/calico/node:v3",
    ]
    assert images.names("crio", '{"images": [{"repoTags": ["registry.k8s.io/pause:3.10"]}, {"repoTags": null}]}') == [
        "registry.k8s.io/pause:3.10"
    ]
    assert images.names("containerd", "registry.k8s.io/pause:3.10\n") == ["registry.k8s.io/pause:3.10"]
    runner: Any = Clients()
    images.listing(runner, "docker")
    assert runner.asked == [["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]]


def test_cri_o_gets_one_image_of_an_archive_after_the_other_and_stops_at_the_first_failure() -> None:
    runner: Any = Clients()
    assert images.load(runner, "crio", "/b/node.tar", ["a/b:1", "a/c:1"]).rc == 0
    assert [argv[-2:] for argv in runner.asked] == [
        ["docker-archive:/b/node.tar:a/b:1", "containers-storage:a/b:1"],
        ["docker-archive:/b/node.tar:a/c:1", "containers-storage:a/c:1"],
    ]
    broken: Any = Clients(rc=1)
    assert images.load(broken, "crio", "/b/node.tar", ["a/b:1", "a/c:1"]).rc == 1 and len(broken.asked) == 1
    docker: Any = Clients()
    images.load(docker, "docker", "/b/node.tar", ["a/b:1"])
    assert docker.asked == [["docker", "image", "load", "--quiet", "--input", "/b/node.tar"]]
