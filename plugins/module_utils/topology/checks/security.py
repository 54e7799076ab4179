# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security settings that would not work, and playbooks that have no cluster to work on."""

from __future__ import annotations

import re
from typing import Iterator

from ansible_collections.baremetal.kubernetes.plugins.module_utils.security.settings import OWNED, problems
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Topology, text
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem

#: Playbooks that change a cluster that lives, and would find nothing to ask.
PLAYBOOKS = ("security", "proxy_mode")
RESOURCE = re.compile(r"[a-z]+(\.[a-z0-9-]+)*\Z")


def check(topology: Topology) -> Iterator[Problem]:
    settings = topology.settings
    if topology.release is not None:
        for error in problems({**settings.__dict__, "kubernetes_version": topology.release.version.text}):
            yield Problem(error.subject, error.problem, error.remedy)
    for name in sorted(set(OWNED) & set(map(str, settings.api_server_args))):
        yield Problem(
            "cluster_api_server_args.%s" % name,
            "the file has to be on every control plane before its API server starts, and nothing would bring it",
            "remove it, and use cluster_encryption, cluster_audit or cluster_pod_security",
            warning=not _on(topology, name),
        )
    for resource in settings.encryption_resources:
        if not RESOURCE.match(text(resource)):
            yield Problem(
                "cluster_encryption_resources",
                "%.60r names no resource" % (resource,),
                "write it as the API does, in lower case and the plural: secrets, configmaps, widgets.example.org",
            )
    if settings.encryption != "none" and not settings.encryption_resources:
        yield Problem("cluster_encryption_resources", "it is empty, and something is to be encrypted", "write [secrets]")
    if topology.playbook in PLAYBOOKS and not any(node.state == "control_plane" for node in topology.control_planes):
        yield Problem(
            "group control_plane",
            "no host of it is a control plane yet",
            "use the playbook of your topology: it builds the cluster with these settings",
        )


def _on(topology: Topology, flag: str) -> bool:
    settings = topology.settings
    by_flag = {"encryption-provider-config": settings.encryption != "none", "admission-control-config-file": settings.pod_security}
    return bool(by_flag.get(flag, settings.audit))
