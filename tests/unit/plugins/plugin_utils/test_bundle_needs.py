# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts take from outside, out of the roles' real defaults and variables."""

from __future__ import annotations

import pathlib
from typing import Any, Dict, Iterator, Sequence

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import BundleError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.needs import Needs
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.bundle_needs import NeedsReader
from roles_render import ansible_collections
from topology_data import blank_facts

ROLES = str(pathlib.Path(__file__).resolve().parents[4] / "roles")
BASE = {"cluster_kubernetes_version": "1.33.6", "cluster_packages_source": "bundle", "container_runtime_source": "distribution"}


@pytest.fixture(scope="module")
def reader() -> Iterator[NeedsReader]:
    with ansible_collections():
        yield NeedsReader(DataLoader(), ROLES)


def needs(
    reader: NeedsReader, facts: Any = None, groups: Sequence[Sequence[str]] = (("control_plane",), ("workers",)), **variables: Any
) -> Needs:
    hosts: Dict[str, Any] = {
        "host%d" % number: (of, {**BASE, **variables}, facts or blank_facts("10.89.79.%d" % number, number))
        for number, of in enumerate(groups, 1)
    }
    return reader.read(hosts)


def test_each_node_gets_its_images_and_its_programs(reader: NeedsReader) -> None:
    found = needs(reader)
    assert found.images["registry.k8s.io/kube-apiserver:v1.33.6"] == ["control_plane"]
    assert found.images["registry.k8s.io/kube-proxy:v1.33.6"] == ["control_plane", "worker"]
    (flannel,) = [roles for name, roles in found.images.items() if name.startswith("ghcr.io/flannel-io/flannel:")]
    assert flannel == ["control_plane", "worker"]
    assert found.binaries == ["kubeadm", "kubelet", "kubectl"] and found.cni
    assert {"socat", "conntrack", "containerd"} <= set(found.packages["debian-12"]) and "kubelet" not in found.packages["debian-12"]


def test_what_is_configured_away_is_not_fetched(reader: NeedsReader) -> None:
    found = needs(
        reader, cluster_cni="none", cluster_proxy_mode="disabled", cluster_etcd_mode="external", host_time_sync="unmanaged"
    )
    assert not [name for name in found.images if "flannel" in name or "kube-proxy" in name or "/etcd" in name]
    assert "chrony" not in found.packages["debian-12"]


def test_a_mirror_of_images_and_an_own_tag_are_followed(reader: NeedsReader) -> None:
    found = needs(reader, cluster_image_repository="r.example.org/k8s", cluster_dns_image_tag="v9")
    assert {"r.example.org/k8s/kube-scheduler:v1.33.6", "r.example.org/k8s/coredns:v9"} <= set(found.images)
    assert "r.example.org/k8s/pause:3.10" in found.images


def test_charts_bring_helm_and_are_known_by_their_name_where_the_setting_is_a_file(reader: NeedsReader) -> None:
    metallb = {"metallb_address_pools": [{"name": "a"}], "metallb_chart": "/opt/kubernetes-bundle/charts/metallb-0.16.1.tgz"}
    found = needs(reader, cluster_cni="cilium", cni_cilium_version="1.20.0", **metallb)
    assert [(chart["name"], chart["version"], bool(chart["path"])) for chart in found.charts] == [
        ("cilium", "1.20.0", False),
        ("metallb", "0.16.1", True),
    ]
    assert found.binaries[-1] == "helm"


def test_a_host_of_another_family_has_its_own_packages(reader: NeedsReader) -> None:
    facts = {**blank_facts("10.89.79.1", 1), "os": {"id": "rocky", "version_id": "9.4", "family": "redhat"}}
    found = needs(reader, facts, cluster_proxy_mode="ipvs")
    assert {"conntrack-tools", "iptables-nft", "ipvsadm"} <= set(found.packages["rocky-9"]) and list(found.packages) == ["rocky-9"]


def test_hosts_in_front_of_the_cluster_take_packages_alone(reader: NeedsReader) -> None:
    found = needs(reader, groups=[("load_balancers",)], cluster_vip="10.89.79.100")
    assert {"haproxy", "keepalived"} <= set(found.packages["debian-12"])
    assert (found.images, found.binaries, found.cni) == ({}, [], False)


def test_an_unknown_system_and_a_broken_setting_are_named(reader: NeedsReader) -> None:
    with pytest.raises(BundleError, match="offline_system"):
        reader.read({"cp1": (("control_plane",), BASE, {})})
    assert "debian-12" in reader.read({"cp1": (("control_plane",), BASE, {})}, "debian-12").packages
    with pytest.raises(BundleError, match="offline_images"):
        needs(reader, offline_images=5)
