"""The container runtime of each node, as the plan sees it before any host is touched."""

from __future__ import annotations

from typing import Any, Dict

import pytest


def every(topology: Any, **variables: Any) -> Any:
    for name in topology.data["hosts"]:
        topology.host(name)["vars"].update({"container_runtime_" + key: value for key, value in variables.items()})
    return topology


def running(topology: Any, name: str, version: str) -> Any:
    """All nodes in the cluster, with this runtime."""
    topology.live(*topology.data["hosts"])
    for host in topology.data["hosts"].values():
        host["facts"]["runtime"] = {"name": name, "version": version, "socket": "", "active": True}
    return topology


@pytest.mark.parametrize("runtime", ["crio", "docker"])
def test_the_other_runtimes_are_taken_from_1_24_on(stacked_ha: Any, runtime: str) -> None:
    assert stacked_ha.set(container_runtime=runtime, kubernetes_version="1.36.3").problems == []
    stacked_ha.set(container_runtime=runtime, kubernetes_version="1.20.2").refused("cluster_container_runtime", "CRI v1alpha2")


@pytest.mark.parametrize(
    ("runtime", "variables", "setting", "words"),
    [
        ("docker", {"docker_settings": {"graph": "/x"}}, "docker_settings.graph", "write data-root"),
        ("docker", {"docker_storage_driver": "devicemapper"}, "docker_storage_driver", "overlay2"),
        ("docker", {"docker_bip": "10.244.0.1/24"}, "docker_bip", "overlaps 10.244.0.0/16"),
        ("docker", {"config_extra": "x"}, "config_extra", "JSON"),
        ("docker", {"source": "crio"}, "source", "docker or distribution"),
        ("crio", {"source": "docker"}, "source", "crio or distribution"),
        ("crio", {"config_extra": "registries = []"}, "config_extra", "container_runtime_registries"),
        ("containerd", {"config_extra": "systemd_cgroup = true"}, "config_extra", "2.0 has no systemd_cgroup"),
        ("containerd", {"source": "release", "releases": {"runc": {"version": "9.9"}}}, "releases.runc", "write sha256"),
    ],
)
def test_what_a_runtime_lost_or_never_had_is_refused(
    stacked_ha: Any, runtime: str, variables: Dict[str, Any], setting: str, words: str
) -> None:
    every(stacked_ha.set(container_runtime=runtime, kubernetes_version="1.36.3"), **variables)
    stacked_ha.refused("container_runtime_" + setting, words)


def test_a_kubelet_of_1_20_gets_no_containerd_2(stacked_ha: Any) -> None:
    every(stacked_ha.set(kubernetes_version="1.20.2"), source="release").refused("container_runtime_version", "take containerd 1.7")
    every(stacked_ha, releases={"containerd": {"version": "1.7.34"}})
    assert not [one for one in stacked_ha.problems if "container_runtime" in one.setting]


def test_a_docker0_among_the_pods_is_no_problem_where_this_run_moves_it(stacked_ha: Any) -> None:
    for host in stacked_ha.data["hosts"].values():
        host["facts"]["addresses"].append({"interface": "docker0", "address": "10.244.0.1", "prefix": 16, "family": 4})
    assert "Docker network docker0" in " ".join(map(str, stacked_ha.problems))
    assert stacked_ha.set(container_runtime="docker", kubernetes_version="1.36.3").problems == []


def test_a_living_cluster_with_another_runtime_is_changed_by_its_own_playbook(stacked_ha: Any) -> None:
    running(stacked_ha, "docker", "20.10.24").refused("cluster_container_runtime", "run playbook container_runtime")
    stacked_ha.data["playbook"] = "container_runtime"
    assert not [one for one in stacked_ha.problems if "container_runtime" in one.setting]


def test_a_containerd_that_is_too_old_does_not_keep_the_playbook_from_mending_it(stacked_ha: Any) -> None:
    old = running(stacked_ha.set(kubernetes_version="1.36.3"), "containerd", "1.7.28")
    old.refused("containerd", "run playbook container_runtime")
    stacked_ha.data["playbook"] = "container_runtime"
    stacked_ha.warned("containerd", "older than")
