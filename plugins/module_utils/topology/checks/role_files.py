# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What roles refuse when they write files of keepalived, IPVS and container runtimes is said here, before a node is prepared."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.other_registries import (
    docker_registries,
    registries_conf,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.registries import RegistryError, hosts_files
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.keepalived import settings as keepalived
from ansible_collections.baremetal.kubernetes.plugins.module_utils.lvs import settings as lvs
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.checks.runtimes import wanted
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Node, Topology, entries, mapping
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, of_hosts, phrase
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import truth

Found = Tuple[str, str, str]
REGISTRIES = "container_runtime_registries"
#: Runtime -> what makes its file of them.
REGISTRY_FILES: Dict[str, Callable[[Sequence[Mapping[str, Any]]], object]] = {
    "containerd": lambda registries: hosts_files(registries, ""),
    "crio": registries_conf,
    "docker": docker_registries,
}


def check(topology: Topology) -> Iterator[Problem]:
    found: List[Tuple[Found, str]] = []
    for node in topology.cluster_nodes if topology.settings.distribution == "kubeadm" else []:
        found += [(one, node.host) for one in _registries(topology, node)]
    addressed = topology.vip is not None and not topology.kube_vip
    for node in topology.directors if topology.vip is not None else []:
        found += [(one, node.host) for one in _director(topology, node)]
    for node in topology.vip_nodes if addressed and not topology.directors else []:
        found += [(one, node.host) for one in _keepalived(topology, node)]
    yield from of_hosts(found)


def _registries(topology: Topology, node: Node) -> Iterator[Found]:
    render = REGISTRY_FILES.get(wanted(node, topology))
    if render is None:
        return
    try:
        render([mapping(one) for one in entries(node.setting(REGISTRIES))])
    except RegistryError as error:
        yield REGISTRIES, "%s: %s" % (error.setting, error.problem.rstrip(".")), phrase(error.remedy)


def _keepalived(topology: Topology, node: Node) -> Iterator[Found]:
    """What people write of it. Priorities, peers and the source are the plan's own."""
    if node.awaits("keepalived_hmac_key") or node.address is None:
        return
    version = _or(node, "keepalived_vrrp_version", 3)
    settings = {
        "priority": 100,
        "priorities": [],
        "preempt": truth(_or(node, "keepalived_preempt", True)),
        "vrrp_version": version,
        "advert_interval": _or(node, "keepalived_advert_interval", 1),
        "virtual_addresses": _or(node, "keepalived_virtual_addresses", [str(topology.vip)]),
        "source": str(node.address),
        "peers": [str(peer.address) for peer in topology.vip_nodes if peer is not node and peer.address is not None],
        "authentication": _or(node, "keepalived_authentication", "none"),
        "hmac_key": _or(node, "keepalived_hmac_key", ""),
        "check_weight": _or(node, "keepalived_check_weight", ""),
    }
    yield from _refused(keepalived.finished_settings, settings, node.package("keepalived"))


def _director(topology: Topology, node: Node) -> Iterator[Found]:
    servers = [
        {"name": server.name, "address": str(server.address), "weight": server.setting("lvs_weight")}
        for server in topology.real_servers
        if server.address is not None
    ]
    settings = {
        "virtual_address": _or(node, "lvs_virtual_address", str(topology.vip)),
        "mode": _or(node, "lvs_mode", "dr"),
        "scheduler": _or(node, "lvs_scheduler", lvs.SCHEDULERS[0]),
        "gateway": _or(node, "lvs_gateway", ""),
        "idle_timeout": _or(node, "lvs_idle_timeout", lvs.LEAST_IDLE_TIMEOUT),
        "sync_id": _or(node, "lvs_sync_id", 1),
        "real_servers": servers,
        "weight": _or(node, "lvs_weight", 1),
        "peer_mac_addresses": [],
        "services": _or(node, "lvs_services", [{"port": topology.settings.load_balancer_port}]),
    }
    # Without them something else is wrong, which is said elsewhere.
    if servers and settings["services"]:
        yield from _refused(lvs.finished_settings, settings)


def _refused(finish: Callable[..., object], *arguments: Any) -> Iterator[Found]:
    try:
        finish(*arguments)
    except SettingError as error:
        yield error.setting, error.problem, error.remedy


def _or(node: Node, name: str, harmless: Any) -> Any:
    """What was written, else a value that nothing speaks against: the role's own default is right."""
    value = node.setting(name)
    return harmless if value is None else value
