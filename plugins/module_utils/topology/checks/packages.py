# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where packages come from: repositories that are gone, and trees of another minor version."""

from __future__ import annotations

import re
from typing import Iterator, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Topology, text
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, of_hosts

#: Shut down on 2024-03-04 (kubernetes/release issue 3485).
RETIRED = ("packages.cloud.google.com", "apt.kubernetes.io", "yum.kubernetes.io")
SETTING = "packages_repository_url"
#: pkgs.k8s.io and its mirrors have one tree for each minor.
TREE = re.compile(r"/v1\.([0-9]{1,3})(?:/|$)")


def check(topology: Topology) -> Iterator[Problem]:
    nodes = topology.cluster_nodes
    yield from of_hosts((one, node.host) for node in nodes for one in _of(topology, text(node.setting(SETTING))))


def _of(topology: Topology, url: str) -> Iterator[Tuple[str, str, str]]:
    release = topology.release
    minor = release.version.minor_text if release is not None else "1.NN"
    remedy = "remove it for pkgs.k8s.io, or write a mirror of https://pkgs.k8s.io/core:/stable:/v%s/deb (or /rpm)" % minor
    if any(name in url for name in RETIRED):
        yield SETTING, "%s was Google's repository of Kubernetes, which was shut down in March 2024" % url, remedy
        return
    tree = TREE.search(url)
    if tree and release is not None and int(tree.group(1)) != release.version.minor:
        problem = "%s is the tree of 1.%s, and cluster_kubernetes_version is %s" % (url, tree.group(1), release.version.text)
        yield SETTING, problem, remedy
