# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hardware that is watched: thresholds that make no sense, and a failover plan that could never be carried out."""

from __future__ import annotations

from typing import Iterator, List, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.detector import check as check_detector
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.settings import complaints
from ansible_collections.baremetal.kubernetes.plugins.module_utils.monitoring.objects import check as check_monitoring
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.checks.storage import one_value, too_old
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Node, Topology, text
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, listed, of_hosts

#: What the roles' checks look at, with the roles' defaults (a test compares them).
DETECTOR_DEFAULTS = {"image": "registry.k8s.io/node-problem-detector/node-problem-detector:v1.35.3", "interval": 60}
MONITORING_DEFAULTS = {
    "mode": "",
    "files_directory": "{{ inventory_dir }}/.monitoring",
    "webhook_url": "",
    "storage_size": "50Gi",
    "retention": "15d",
    "backup_max_age_hours": 26,
    "repeat_hours": 12,
}
#: What a control plane may do about a node whose hardware is failing.
ACTIONS = ("hardware_watch_cordon", "hardware_watch_drain", "hardware_watch_move_address")
#: What all control planes have to say alike: whichever of them looks next decides by it.
OF_THE_CLUSTER = ACTIONS + (
    "hardware_watch_dry_run",
    "hardware_watch_failover_kinds",
    "hardware_watch_failover_after",
    "hardware_watch_keep_healthy",
)


def check(topology: Topology) -> Iterator[Problem]:
    yield from of_hosts((one, node.host) for node in topology.nodes.values() for one in complaints(node.variables))
    yield from _of_the_cluster(topology)
    acting = [node for node in topology.control_planes if any(node.says(name) for name in ACTIONS)]
    if acting:
        yield from _failover(topology, acting)


def _of_the_cluster(topology: Topology) -> Iterator[Problem]:
    """What role node_problem_detector and role monitoring would refuse when it is their turn."""
    hosts = tuple(node.host for node in topology.control_planes)
    yield from one_value(
        topology, ("node_problem_detector_enabled", "node_problem_detector_image", "monitoring_mode", "monitoring_namespace")
    )
    if any(text(node.setting("monitoring_mode")) == "stack" for node in topology.control_planes):
        yield from too_old(topology, "kube-prometheus-stack", "monitoring_mode", "upgrade Kubernetes, or write existing or files")
    for node in topology.control_planes[:1]:
        for prefix, known, refuse in (
            ("node_problem_detector_", DETECTOR_DEFAULTS, check_detector),
            ("monitoring_", MONITORING_DEFAULTS, check_monitoring),
        ):
            said = {name: node.setting(prefix + name) for name in known}
            try:
                refuse({name: known[name] if value is None else value for name, value in said.items()})
            except SettingError as error:
                yield Problem(error.subject, error.problem, error.remedy, hosts)
            except (TypeError, ValueError):
                continue  # the role's argument specification says what is wrong with its form


def _failover(topology: Topology, acting: List[Node]) -> Iterator[Problem]:
    hosts = tuple(node.host for node in topology.control_planes)
    allowed = [name for name in ACTIONS if any(node.says(name) for node in acting)]
    unwatched = tuple(node.host for node in topology.cluster_nodes if not node.says("hardware_watch_enabled"))
    if unwatched:
        yield Problem(
            "hardware_watch_enabled",
            "%s is set, and the hardware of these nodes is not watched" % listed(allowed),
            "write hardware_watch_enabled: true for all nodes",
            unwatched,
        )
    if not any(node.says("node_problem_detector_enabled") for node in topology.control_planes):
        yield Problem(
            "node_problem_detector_enabled",
            "%s is set, and nobody tells the API of failing hardware, which is all that control planes go by" % listed(allowed),
            "write node_problem_detector_enabled: true",
            hosts,
        )
    yield from one_value(topology, OF_THE_CLUSTER)
    if "hardware_watch_move_address" in allowed:
        yield from _address(topology, hosts)


def _address(topology: Topology, hosts: Tuple[str, ...]) -> Iterator[Problem]:
    if topology.kube_vip:
        problem = "kube-vip holds the address, and takes no word from others about who may"
    elif topology.vip is None:
        problem = "there is no virtual address that could move (cluster_vip)"
    elif topology.directors or topology.group("load_balancers"):
        problem = "directors or load balancers hold the address, and no control plane"
    elif len(topology.control_planes) < 2:
        problem = "there is no second control plane that could have the address"
    else:
        return
    yield Problem("hardware_watch_move_address", problem, "write false", hosts)
