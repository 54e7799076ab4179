# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that would not fit: from repositories that are gone, from distributions, for more nodes, or for another pod network."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.checks import groups


@pytest.mark.parametrize(
    "url", ["https://packages.cloud.google.com/yum/repos/kubernetes-el7-x86_64", "http://apt.kubernetes.io/kubernetes-xenial"]
)
def test_a_repository_that_was_shut_down_is_refused(stacked_ha: Any, url: str) -> None:
    stacked_ha.set_all(packages_repository_url=url)
    found = stacked_ha.refused("packages_repository_url", "shut down in March 2024", "https://pkgs.k8s.io/core:/stable:/v1.33/deb")
    assert found.hosts == ("cp1", "cp2", "cp3", "worker1")


def test_the_tree_of_another_minor_is_refused_and_a_mirror_of_the_right_one_is_not(stacked_ha: Any) -> None:
    stacked_ha.set_all(packages_repository_url="https://mirror.example.org/v1.33/deb/")
    assert stacked_ha.problems == []
    stacked_ha.host("cp2")["vars"]["packages_repository_url"] = "https://pkgs.k8s.io/core:/stable:/v1.30/deb"
    assert stacked_ha.refused("packages_repository_url", "tree of 1.30", "is 1.33.6").hosts == ("cp2",)


def test_a_kubectl_of_the_distributions_own_is_said(stacked_ha: Any) -> None:
    stacked_ha.facts("cp1")["packages"]["kubectl"] = "1.32.1"
    assert stacked_ha.warnings == []
    stacked_ha.facts("cp1")["packages"]["kubectl"] = "1.20.5"
    assert stacked_ha.warned("package kubectl", "13 minors from 1.33.6", "kubernetes-client").hosts == ("cp1",)


def test_an_etcd_that_kubeadm_would_refuse_is_refused(stacked_ha: Any) -> None:
    stacked_ha.set(etcd_mode="external")
    for number in (1, 2, 3):
        stacked_ha.add("etcd%d" % number, "etcd", "10.89.79.5%d" % number)["facts"]["packages"]["etcd"] = "3.5.21"
    assert stacked_ha.problems == []
    stacked_ha.facts("etcd2")["packages"]["etcd"] = "3.3.25"
    found = stacked_ha.refused("etcd_deployment", "etcd 3.3.25 is installed on etcd2", "takes 3.5.11 or newer", "static_pod")
    assert found.hosts == ("etcd2",)
    stacked_ha.host("etcd2")["vars"]["etcd_deployment"] = "static_pod"
    assert not [one for one in stacked_ha.problems if "3.3.25" in one.problem]


def test_more_nodes_than_kubernetes_is_tested_with_are_said(stacked_ha: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert groups.MOST_NODES == 5000 and stacked_ha.warnings == []
    monkeypatch.setattr(groups, "MOST_NODES", 3)
    stacked_ha.warned("group workers", "4 nodes are more than the 3 in all", "several clusters")


def test_routers_for_a_pod_network_that_speaks_to_none_are_said(stacked_ha: Any) -> None:
    stacked_ha.set_all(cni_calico_bgp=True, cni_calico_bgp_as_number=64512)
    stacked_ha.warned("cni_calico_bgp", "speaks to no routers and keeps no NetworkPolicy", "cluster_cni: calico")
    assert stacked_ha.problems == []


def test_a_package_manager_at_work_is_said(stacked_ha: Any) -> None:
    for host in ("cp1", "worker1"):
        stacked_ha.facts(host)["package_manager"] = "unattended-upgr (process 812)"
    found = stacked_ha.warned("package manager", "unattended-upgr (process 812) is at work on cp1 and worker1", "never delete")
    assert found.hosts == ("cp1", "worker1")


def test_a_host_without_dns_is_said_where_it_needs_one(stacked_ha: Any) -> None:
    for host in stacked_ha.data["hosts"]:
        stacked_ha.facts(host).update(nameservers=["192.0.2.53"], resolved=False)
    assert stacked_ha.warnings == []
    stacked_ha.facts("cp2")["nameservers"] = []
    assert stacked_ha.warned("/etc/resolv.conf", "no DNS server on cp2", "bundle").hosts == ("cp2",)


def test_a_host_that_asks_itself_would_make_a_loop_of_cluster_dns(stacked_ha: Any) -> None:
    stacked_ha.facts("cp1").update(nameservers=["127.0.0.53"], resolved=True)
    assert stacked_ha.warnings == []
    stacked_ha.facts("cp1").update(nameservers=["127.0.0.1", "::1"], resolved=False)
    stacked_ha.warned("/etc/resolv.conf", "CoreDNS would ask itself", "resolvConf in cluster_kubelet_settings")
