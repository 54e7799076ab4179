# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the bundle has all that hosts without internet need, and whether anything would still ask the internet."""

from __future__ import annotations

from typing import Iterator, List

from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import FILE_NAME, BundleError, parse_manifest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.needs import Needs, missing
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Node, Topology, text
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem

SETTING = "offline_bundle"
REMEDY = "run playbook offline with `-e offline_actions=fetch` where there is internet, and bring the folder here"


def check(topology: Topology) -> Iterator[Problem]:
    if not topology.offline:
        return
    yield from _internet(topology)
    if topology.offline.get("problem"):
        yield Problem(SETTING, "what the hosts need can't be told: %s" % topology.offline["problem"], "mend that first")
        return
    needs: Needs = topology.offline["needs"]
    where = "%s/%s" % (topology.offline["path"], FILE_NAME)
    try:
        manifest = parse_manifest(topology.offline["manifest"], where)
    except BundleError as error:
        yield Problem(SETTING, "%s: %s" % (error.subject, error.problem), REMEDY)
        return
    for item in missing(needs, manifest, topology.offline["sizes"]):
        yield Problem(SETTING, "%s: %s" % (item.item, item.problem), REMEDY)
    for chart in needs.charts:
        if not chart["path"]:
            yield Problem(
                chart["setting"],
                "Helm would ask the internet for %s" % chart["name"],
                "write /opt/kubernetes-bundle/charts/%s-%s.tgz, with offline_path in the place of its folder"
                % (chart["name"], chart["version"]),
            )


def _internet(topology: Topology) -> Iterator[Problem]:
    """Settings whose roles would ask a host that is not there."""
    docker: List[Node] = [
        node for node in topology.cluster_nodes if text(node.setting("container_runtime_source")) != "distribution"
    ]
    if docker:
        yield Problem(
            "container_runtime_source",
            "it is Docker's repository, which a host without internet does not reach",
            "write distribution; the package of container_runtime_package comes from the bundle",
            tuple(node.host for node in docker),
        )
    if topology.settings.container_runtime == "docker":
        yield Problem(
            "cluster_container_runtime",
            "cri-dockerd, without which no kubelet speaks to Docker, is in no distribution and in no bundle",
            "write containerd: it runs the same images",
        )
    if topology.settings.packages_source == "repository":
        asking = [node.host for node in topology.cluster_nodes if not text(node.setting("packages_repository_url"))]
        if asking:
            yield Problem(
                "cluster_packages_source",
                "packages of Kubernetes would come from pkgs.k8s.io",
                "write bundle, or a repository that the hosts reach into packages_repository_url",
                tuple(asking),
            )
