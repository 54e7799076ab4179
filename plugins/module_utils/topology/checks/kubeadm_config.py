# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that end in kubeadm's file. What would be wrong in it is said here, and not when all nodes are prepared for it."""

from __future__ import annotations

from typing import Any, Dict, Iterator

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.config import render
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.errors import ConfigError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Topology
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, phrase

DOCUMENTS = ("init", "cluster", "kubelet", "kube_proxy")
#: Where a setting stands in the description of the file -> the setting.
PLACES = {
    "init.ignore_preflight_errors": "cluster_ignore_preflight_errors",
    "cluster.api_server.cert_sans": "cluster_certificate_sans",
    "cluster.api_server.extra_args": "cluster_api_server_args",
    "cluster.controller_manager.extra_args": "cluster_controller_manager_args",
    "cluster.scheduler.extra_args": "cluster_scheduler_args",
    "cluster.etcd.local.extra_args": "cluster_etcd_args",
    "kubelet": "cluster_kubelet_settings",
    "kube_proxy": "cluster_kube_proxy_settings",
    "extra": "cluster_kubeadm_extra",
}
#: The check of components says which mode was meant.
ELSEWHERE = "kube_proxy.mode"


def check(topology: Topology) -> Iterator[Problem]:
    if topology.release is None:
        return
    try:
        render(
            topology.settings.kubernetes_version,
            DOCUMENTS,
            _description(topology),
            extra=topology.settings.kubeadm_extra,
            # Warned about by the check of components.
            allow_public_metrics=True,
        )
    except ConfigError as error:
        for problem in error.problems:
            place = next((one for one in PLACES if (problem.setting + ".").replace("[", ".").startswith(one + ".")), "")
            if place and problem.setting != ELSEWHERE:
                yield Problem(PLACES[place] + problem.setting[len(place) :], phrase(problem.problem), phrase(problem.remedy))


def _description(topology: Topology) -> Dict[str, Any]:
    """What people write of kubeadm's file; what the plan makes of its own is right by its own checks."""
    settings = topology.settings
    return {
        "init": {"ignore_preflight_errors": settings.ignore_preflight_errors},
        "cluster": {
            "api_server": {"cert_sans": settings.certificate_sans, "extra_args": settings.api_server_args},
            "controller_manager": {"extra_args": settings.controller_manager_args},
            "scheduler": {"extra_args": settings.scheduler_args},
            "etcd": {"local": {"extra_args": settings.etcd_args}},
        },
        "kubelet": settings.kubelet_settings,
        "kube_proxy": settings.kube_proxy_settings,
    }
