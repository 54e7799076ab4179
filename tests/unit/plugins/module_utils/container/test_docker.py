from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.docker import (
    DockerSettingsError,
    daemon_json,
    free_networks,
    refusals,
)

NETWORKS = {"bip": "172.17.0.1/24", "pools": [{"base": "172.17.128.0/17", "size": 24}]}


# docker/cli docs/deprecated.md; moby #45368 for the kernel check
@pytest.mark.parametrize(
    ("settings", "version", "instead"),
    [
        ({"graph": "/srv/docker"}, "23.0", "data-root"),
        ({"storage-opts": ["overlay2.override_kernel_check=true"]}, "24.0", "remove it"),
        ({"oom-score-adjust": -500}, "25.0", "OOMScoreAdjust="),
        ({"api-cors-header": "*"}, "28.0", "reverse proxy"),
        ({"cluster-store": "etcd://x"}, "23.0", "remove it"),
        ({"log-opts": {"fluentd-async-connect": "true"}}, "28.0", "fluentd-async"),
        ({"log-driver": "logentries"}, "25.0", "json-file"),
        ({"hosts": ["tcp://0.0.0.0:2375"]}, "", "drop-in"),
        ({"exec-opts": ["native.cgroupdriver=cgroupfs"]}, "", "systemd"),
        ({"log-driver": "syslog"}, "", "/var/log/pods"),
    ],
)
def test_what_docker_lost_is_refused_with_the_release_and_what_to_write(
    settings: Dict[str, Any], version: str, instead: str
) -> None:
    said = " ".join("%s %s %s" % one for one in refusals(settings))
    assert "container_runtime_docker_settings.%s" % next(iter(settings)) in said
    assert version in said and instead in said
    with pytest.raises(DockerSettingsError, match="What to do"):
        daemon_json(NETWORKS, more=settings)


@pytest.mark.parametrize("driver", ["aufs", "overlay", "devicemapper"])
def test_drivers_that_are_gone_name_overlay2(driver: str) -> None:
    assert any("took %s away" % driver in one.problem and "overlay2" in one.remedy for one in refusals({"storage-driver": driver}))


def test_settings_of_a_users_own_stand_beside_ours() -> None:
    registries = [{"name": "docker.io", "mirrors": [{"url": "http://192.0.2.5:5000"}]}]
    written = daemon_json(NETWORKS, registries=registries, more={"data-root": "/srv/docker", "log-opts": {"max-size": "10m"}})
    assert written["data-root"] == "/srv/docker" and written["log-opts"] == {"max-size": "10m"}
    assert written["registry-mirrors"] == ["http://192.0.2.5:5000"] and written["insecure-registries"] == ["192.0.2.5:5000"]
    assert list(refusals({"data-root": "/srv/docker"})) == []


def test_networks_are_the_first_that_overlap_nothing() -> None:
    assert free_networks([], ["10.244.0.0/16,fd00:10:244::/56", "10.96.0.0/16"]) == {
        "bip": "172.17.0.1/24",
        "pools": [{"base": "172.17.128.0/17", "size": 24}],
    }
    host = [
        {"interface": "eth0", "address": "172.29.4.5", "prefix": 24},
        {"interface": "br-0123456789ab", "address": "10.213.0.1", "prefix": 24},
    ]
    found = free_networks(host, ["172.17.0.0/16", {"name": "VPN", "subnet": "192.168.0.0/16"}])
    assert found["bip"] == "10.213.0.1/24"


def test_given_networks_are_kept_or_refused() -> None:
    pool = [{"base": "10.213.0.0/16", "size": 24}]
    assert free_networks([], ["10.244.0.0/16"], "192.168.240.1/24", pool) == {"bip": "192.168.240.1/24", "pools": pool}
    with pytest.raises(
        DockerSettingsError, match=r"bip: 10\.244\.1\.1/24 overlaps 10\.244\.0\.0/16.*address_pools: 'x' is no network"
    ):
        free_networks([], ["10.244.0.0/16"], "10.244.1.1/24", [{"base": "x", "size": 24}])
