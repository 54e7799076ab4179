# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role container_runtime makes of its settings for each runtime and distribution."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any, Dict, List

import pytest
import tomllib
from roles_render import expression, role_variables, template

SYSTEMS = {
    "debian12": ("debian", "debian", "bookworm", "12"),
    "debian13": ("debian", "debian", "trixie", "13"),
    "ubuntu22": ("ubuntu", "debian", "jammy", "22.04"),
    "ubuntu24": ("ubuntu", "debian", "noble", "24.04"),
    "rocky9": ("rocky", "redhat", None, "9.6"),
    "almalinux10": ("almalinux", "redhat", None, "10.1"),
    "rhel9": ("rhel", "redhat", None, "9.6"),
    "fedora43": ("fedora", "redhat", None, "43"),
    "openeuler24": ("openEuler", "redhat", None, "24.03"),
}


def node(system: str = "debian12", runtime: Any = None, state: str = "blank", **packages: Any) -> Dict[str, Any]:
    identity, family, codename, version = SYSTEMS[system]
    known = (
        "containerd",
        "containerd.io",
        "crio",
        "cri-o",
        "dockerd",
        "docker-ce",
        "docker.io",
        "moby-engine",
        "cri-dockerd",
        "crictl",
    )
    facts = {
        "os": {"id": identity, "family": family, "codename": codename, "version_id": version},
        "architecture": "amd64",
        "packages": {**dict.fromkeys(known), **{name.replace("_", "-"): version for name, version in packages.items()}},
        "runtime": runtime,
        "kubeadm": {"state": state},
        "addresses": [
            {"interface": "eth0", "address": "172.17.3.4", "prefix": 16},
            {"interface": "docker0", "address": "10.244.0.1", "prefix": 24},
        ],
    }
    known_variables = {
        "ansible_facts": {"kubernetes_node": facts},
        "group_names": ["workers"],
        "cluster_kubernetes_version": "1.36.3",
    }
    return {**role_variables("container_runtime"), **known_variables}


def of(text: str, **given: Any) -> Any:
    return expression("container_runtime", "{{ %s }}" % text, **given)


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_distribution_gets_its_packages(system: str) -> None:
    table = of("_container_runtime_table", **node(system))
    debian = SYSTEMS[system][1] == "debian"
    assert table["containerd"] == {"docker": ["containerd.io"], "distribution": ["containerd"]}
    assert table["crio"]["crio"] == (["cri-o"] if debian else ["cri-o", "container-selinux"])
    assert table["docker"]["docker"] == ["docker-ce", "docker-ce-cli", "containerd.io"]
    # Debian has Docker's client apart since 13.
    client = ["docker-cli"] if system == "debian13" else []
    assert table["docker"]["distribution"] == (["docker.io"] + client if debian else ["moby-engine"])


@pytest.mark.parametrize(
    ("name", "source", "packages"),
    [
        ("containerd", "docker", ["containerd.io"]),
        ("containerd", "release", []),
        ("crio", "crio", ["cri-o", "container-selinux"]),
        ("docker", "distribution", ["moby-engine"]),
    ],
)
def test_the_runtime_and_its_source_choose_the_packages(name: str, source: str, packages: List[str]) -> None:
    given = {**node("rocky9"), "container_runtime_name": name, "container_runtime_source": source}
    assert of("_container_runtime_to_install", **given) == packages


def test_a_version_is_asked_for_in_the_words_of_the_package_manager() -> None:
    given = {"container_runtime_version": "2.2.1"}
    assert of("_container_runtime_to_install", **{**node(), **given}) == ["containerd.io=2.2.1*"]
    assert of("_container_runtime_to_install", **{**node("rocky9"), **given}) == ["containerd.io-2.2.1*"]


@pytest.mark.parametrize(
    ("system", "address"),
    [
        ("debian13", "https://download.docker.com/linux/debian"),
        ("ubuntu24", "https://download.docker.com/linux/ubuntu"),
        ("rocky9", "https://download.docker.com/linux/centos/$releasever/$basearch/stable"),
        ("rhel9", "https://download.docker.com/linux/rhel/$releasever/$basearch/stable"),
        ("fedora43", "https://download.docker.com/linux/fedora/$releasever/$basearch/stable"),
        ("openeuler24", "https://download.docker.com/linux/centos/9/$basearch/stable"),
    ],
)
def test_dockers_repository_has_a_tree_for_each_system(system: str, address: str) -> None:
    name = "docker.sources.j2" if SYSTEMS[system][1] == "debian" else "docker-ce.repo.j2"
    assert address + "\n" in template("container_runtime", name, **node(system))


def test_cri_o_has_a_repository_for_each_minor() -> None:
    given = {"container_runtime_name": "crio"}
    base = "https://download.opensuse.org/repositories/isv:/cri-o:/stable:/v1.36"
    assert "URIs: %s/deb/\n" % base in template("container_runtime", "cri-o.sources.j2", **{**node(), **given})
    rpm = template("container_runtime", "cri-o.repo.j2", **{**node("rocky9"), **given})
    assert "baseurl=%s/rpm/\n" % base in rpm and "gpgkey=%s/rpm/repodata/repomd.xml.key" % base in rpm


def docker(**more: Any) -> Dict[str, Any]:
    runtime = {"name": "docker", "version": "29.1.0"}
    return {**node(runtime=runtime, dockerd="29.1.0", cri_dockerd="0.3.26"), "container_runtime_name": "docker", **more}


def test_docker_gets_the_systemd_cgroup_driver_and_networks_that_overlap_nothing() -> None:
    files = {one["path"]: one for one in of("container_runtime_wanted.files", **docker())}
    daemon = json.loads(files["/etc/docker/daemon.json"]["content"])
    assert daemon["exec-opts"] == ["native.cgroupdriver=systemd"] and daemon["storage-driver"] == "overlay2"
    assert (daemon["log-driver"], daemon["log-opts"]["max-size"]) == ("json-file", "100m")
    # 172.17.0.0/16 is the host's own; docker0, which lies among the pods, is moved.
    assert daemon["bip"] == "172.29.0.1/24" and daemon["default-address-pools"] == [{"base": "172.29.128.0/17", "size": 24}]
    assert files["/etc/docker/daemon.json"]["validate"].startswith("dockerd --validate")
    unit = files["/etc/systemd/system/cri-docker.service"]["content"]
    assert "--pod-infra-container-image registry.k8s.io/pause:3.10.2 " in unit and "--network-plugin cni" in unit
    assert "unix:///var/run/cri-dockerd.sock" in files["/etc/crictl.yaml"]["content"]
    assert [one["name"] for one in of("container_runtime_wanted.services", **docker())] == [
        "docker",
        "cri-docker.socket",
        "cri-docker",
    ]


def test_a_docker_before_23_can_t_validate_its_file() -> None:
    old = {**node(runtime={"name": "docker", "version": "20.10.24"}, cri_dockerd="0.3.26"), "container_runtime_name": "docker"}
    assert "validate" not in of("container_runtime_wanted.files[0]", **old)


def test_docker_without_cri_dockerd_is_not_prepared() -> None:
    bare = {**node(runtime={"name": "docker", "version": "29.1.0"}, docker_ce="29.1.0"), "container_runtime_name": "docker"}
    assert of("container_runtime_unprepared", **bare) is True
    assert of("container_runtime_unprepared", **docker()) is False
    assert [one["program"] for one in of("_container_runtime_release_files", **bare)] == ["cri-dockerd"]


def crio(**more: Any) -> Dict[str, Any]:
    return {**node(runtime={"name": "crio", "version": "1.36.3"}, crio="1.36.3"), "container_runtime_name": "crio", **more}


def test_cri_o_gets_its_drop_in() -> None:
    mirror = [{"name": "docker.io", "mirrors": [{"url": "http://192.0.2.5:5000"}]}]
    files = {one["path"]: one for one in of("container_runtime_wanted.files", **crio(container_runtime_registries=mirror))}
    written = tomllib.loads(files["/etc/crio/crio.conf.d/90-kubernetes.conf"]["content"])["crio"]
    assert written["runtime"] == {"cgroup_manager": "systemd"}
    assert written["image"] == {"pause_image": "registry.k8s.io/pause:3.10.2"}
    assert written["network"] == {"network_dir": "/etc/cni/net.d", "plugin_dirs": ["/opt/cni/bin"]}
    assert files["/etc/crio/crio.conf.d/91-kubernetes-extra.conf"]["state"] == "absent"
    [registry] = tomllib.loads(files["/etc/containers/registries.conf.d/90-kubernetes.conf"]["content"])["registry"]
    assert registry["mirror"] == [{"location": "192.0.2.5:5000", "insecure": True}]
    assert "/etc/systemd/system/crio.service" not in files


def test_zfs_before_2_2_gives_every_runtime_its_own_driver() -> None:
    assert 'storage_driver = "zfs"' in template("container_runtime", "crio.conf.j2", **crio(container_runtime_snapshotter="zfs"))
    written = json.loads(of("container_runtime_wanted.files[0].content", **docker(container_runtime_snapshotter="zfs")))
    assert written["storage-driver"] == "zfs"


@pytest.mark.parametrize(
    ("given", "differs"),
    [
        ({}, False),
        ({"container_runtime_version": "2.2.1"}, False),
        ({"container_runtime_version": "2.2"}, False),
        ({"container_runtime_version": "2.2.2"}, True),
        ({"container_runtime_version": "2.2.10"}, True),
        ({"container_runtime_source": "release"}, True),
        ({"container_runtime_name": "crio"}, True),
        ({"container_runtime_name": "docker"}, True),
    ],
)
def test_a_node_differs_by_its_runtime_or_a_version_that_was_asked_for(given: Dict[str, Any], differs: bool) -> None:
    live = node(runtime={"name": "containerd", "version": "2.2.1"}, state="worker", containerd="2.2.1")
    assert of("container_runtime_differs", **{**live, **given}) is differs
    if given.get("container_runtime_name") is None:
        # And on a node of a cluster that alone installs nothing.
        assert of("container_runtime_unprepared", **{**live, **given}) is False
        assert of("container_runtime_unprepared", **{**live, **given}, _container_runtime_change=True) is differs


def test_cri_o_follows_the_minor_of_kubernetes() -> None:
    assert of("container_runtime_differs", **crio()) is False
    assert of("container_runtime_differs", **crio(cluster_kubernetes_version="1.37.0")) is True


def test_a_release_of_containerd_brings_its_unit_once_it_is_there() -> None:
    release = {"container_runtime_source": "release"}
    before = {**node(runtime={"name": "containerd", "version": "1.6.20"}, containerd="1.6.20"), **release}
    after = {**node(runtime={"name": "containerd", "version": "2.3.4"}, containerd="2.3.4"), **release}
    assert of("container_runtime_unprepared", **before) is True
    unit = "/etc/systemd/system/containerd.service"
    assert unit not in [one["path"] for one in of("container_runtime_wanted.files", **before)]
    wanted = of("container_runtime_wanted", **after)
    assert unit in [one["path"] for one in wanted["files"]]
    assert wanted["services"][0]["restart_on"] == ["/etc/containerd/config.toml", unit, "/usr/local/bin/containerd"]


@pytest.mark.parametrize("role", ["control_plane", "worker", "reset"])
def test_kubeadm_is_told_the_socket_of_the_nodes_own_runtime(role: str) -> None:
    facts = {"ansible_facts": {"kubernetes_node": {"runtime": None}}}
    socket = "{{ %s_cri_socket }}" % role
    assert expression(role, socket, **facts) == "unix:///run/containerd/containerd.sock"
    assert expression(role, socket, **facts, cluster_container_runtime="docker") == "unix:///var/run/cri-dockerd.sock"
    assert (
        expression(role, socket, **facts, cluster_container_runtime="docker", container_runtime_name="crio")
        == "unix:///var/run/crio/crio.sock"
    )


def test_a_reset_speaks_to_the_runtime_that_is_there() -> None:
    facts = {"ansible_facts": {"kubernetes_node": {"runtime": {"socket": "unix:///var/run/crio/crio.sock"}}}}
    assert expression("reset", "{{ reset_cri_socket }}", **facts) == "unix:///var/run/crio/crio.sock"


@pytest.mark.skipif(shutil.which("dockerd") is None, reason="no dockerd here")
def test_the_dockerd_that_is_installed_here_takes_its_file(tmp_path: Any) -> None:
    path = tmp_path / "daemon.json"
    path.write_text(of("container_runtime_wanted.files[0].content", **docker()))
    done = subprocess.run(["dockerd", "--validate", "--config-file", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
