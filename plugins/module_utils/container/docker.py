# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's daemon.json: what we write, what of a user's own settings it no longer takes, and networks that are in nobody's way."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.other_registries import docker_registries
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import (
    Network,
    network_of,
    parse_network,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

SETTING = "container_runtime_docker_settings"
#: Links that Docker makes: docker0, and a bridge for each network of its own.
INTERFACE = re.compile(r"(docker\d+|docker_gwbridge|br-[0-9a-f]{12})\Z")


class Refusal(NamedTuple):
    """A setting that can't be, why, and what to write."""

    setting: str
    problem: str
    remedy: str


class DockerSettingsError(ValueError):
    """All that daemon.json can't hold."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        self.refusals = list(refusals)
        super().__init__("; ".join("%s: %s. What to do: %s." % refusal for refusal in refusals))


#: Keys of daemon.json that are gone: (key, release that took it away, what to write). docker/cli docs/deprecated.md of August 2026.
_REMOVED = (
    ("graph", "23.0", "write data-root"),
    ("cluster-store", "23.0", "remove it; networks between hosts are the pod network's"),
    ("cluster-store-opts", "23.0", "remove it; networks between hosts are the pod network's"),
    ("cluster-advertise", "23.0", "remove it; networks between hosts are the pod network's"),
    ("oom-score-adjust", "25.0", "write OOMScoreAdjust= into a drop-in of docker.service"),
    ("api-cors-header", "28.0", "remove it, and let a reverse proxy send the header"),
    ("allow-nondistributable-artifacts", "29.0", "remove it: all layers are pushed now"),
    ("disable-legacy-registry", "19.03", "remove it: no registry of version 1 is spoken to any more"),
    ("api-enable-cors", "17.09", "remove it, and let a reverse proxy send the header"),
)
#: Values that are gone, by key. overlay2.override_kernel_check: moby #45368, the daemon ends with "overlay2: unknown option".
_REMOVED_VALUES = {
    "storage-driver": {
        "aufs": ("24.0", "write overlay2"),
        "overlay": ("24.0", "write overlay2"),
        "devicemapper": ("25.0", "write overlay2"),
    },
    "storage-opts": {"overlay2.override_kernel_check": ("24.0", "remove it: no kernel is checked any more")},
    "log-driver": {"logentries": ("25.0", "write json-file, which the kubelet reads")},
    "log-opts": {"fluentd-async-connect": ("28.0", "write fluentd-async")},
}
#: What another setting of ours decides, or what would break the node.
_OURS = {
    "hosts": "docker.service names the socket already, and the daemon does not start with both; write a drop-in of docker.service",
    "exec-opts": "the cgroup driver is systemd's, as the kubelet's is",
    "bip": "write container_runtime_docker_bip",
    "default-address-pools": "write container_runtime_docker_address_pools",
    "storage-driver": "write container_runtime_docker_storage_driver",
}
#: Networks for docker0 and Docker's own networks, tried in this order. A node of Kubernetes hardly uses them.
_CANDIDATES = (
    "172.17.0.0/16",
    "172.29.0.0/16",
    "192.168.240.0/20",
    "10.213.0.0/16",
    "172.20.0.0/16",
    "10.137.0.0/16",
    "100.93.0.0/16",
)


def refusals(settings: Mapping[str, Any]) -> Iterator[Refusal]:
    """What of a user's own settings for daemon.json no current Docker takes, or what would break a node."""
    for key, version, remedy in _REMOVED:
        if key in settings:
            yield Refusal(
                "%s.%s" % (SETTING, key), "Docker %s took it away, and the daemon does not start with it" % version, remedy
            )
    for key, values in _REMOVED_VALUES.items():
        for value in _words(settings.get(key)):
            if value in values:
                version, remedy = values[value]
                yield Refusal("%s.%s" % (SETTING, key), "Docker %s took %s away" % (version, value), remedy)
    for key, remedy in _OURS.items():
        if key in settings:
            yield Refusal("%s.%s" % (SETTING, key), "this collection writes it", remedy)
    if settings.get("log-driver", "json-file") not in ("json-file", "journald", "logentries"):
        problem = "the kubelet could not read the logs of containers (kubectl logs) from %s" % str(settings["log-driver"])[:40]
        yield Refusal("%s.log-driver" % SETTING, problem, "remove it (json-file), and collect logs from /var/log/pods")


def daemon_json(
    networks: Mapping[str, Any],
    storage_driver: str = "",
    registries: Sequence[Mapping[str, Any]] = (),
    more: Optional[Mapping[str, Any]] = None,
) -> Dict[str, Any]:
    """daemon.json as data; ``more`` are the user's own settings.

    :param networks: what ``free_networks`` found: bip and pools.
    :param registries: as the setting container_runtime_registries has them.
    :raises DockerSettingsError, RegistryError: with every one of them that can't be.
    """
    wrong = list(refusals(more or {}))
    if wrong:
        raise DockerSettingsError(wrong)
    wanted: Dict[str, Any] = {
        "exec-opts": ["native.cgroupdriver=systemd"],
        "log-driver": "json-file",
        "log-opts": {"max-size": "100m", "max-file": "3"},
        "storage-driver": storage_driver or "overlay2",
        # Containers outlive a restart of the daemon, as they do with containerd.
        "live-restore": True,
        "bip": networks["bip"],
        "default-address-pools": networks["pools"],
    }
    return {**wanted, **docker_registries(registries), **(more or {})}


def free_networks(
    addresses: Sequence[Mapping[str, Any]],
    subnets: Sequence[Any],
    bip: str = "",
    pools: Sequence[Mapping[str, Any]] = (),
) -> Dict[str, Any]:
    """bip (docker0's address) and pools (for Docker's own networks), where not given the first that overlap nothing.

    :param addresses: of the host, as node_facts has them; Docker's own don't count.
    :param subnets: of pods, services and what else is reserved (texts, lists with commas, or mappings with a subnet).
    :raises DockerSettingsError: a given one overlaps, or is none; or nothing is free.
    """
    held = [
        "%s/%s" % (one.get("address"), one.get("prefix")) for one in addresses if not INTERFACE.match(str(one.get("interface")))
    ]
    reserved = [str(one.get("subnet", "")) if isinstance(one, Mapping) else str(one) for one in subnets]
    texts = held + [part.strip() for text in reserved for part in text.split(",")]
    known = [network for network in map(_network, texts) if network is not None]
    wrong: List[Refusal] = []
    given = [("container_runtime_docker_bip", bip)] if bip else []
    given += [("container_runtime_docker_address_pools", str(pool.get("base", ""))) for pool in pools]
    for setting, text in given:
        network = _network(text)
        clash = next((one for one in known if network is not None and one.overlaps(network)), None)
        if network is None:
            wrong.append(Refusal(setting, "%r is no network" % text[:60], "write one as in 172.29.0.1/24, or remove the setting"))
        elif clash is not None:
            wrong.append(
                Refusal(
                    setting, "%s overlaps %s of the cluster or the hosts" % (text, clash), "take another, or remove the setting"
                )
            )
    if wrong:
        raise DockerSettingsError(wrong)
    taken_by_us = known + [network for network in (_network(text) for _setting, text in given) if network is not None]
    free = [one for one in map(parse_network, _CANDIDATES) if not any(one.overlaps(other) for other in taken_by_us)]
    if not free and not (bip and pools):
        remedy = "write container_runtime_docker_bip and container_runtime_docker_address_pools"
        raise DockerSettingsError([Refusal("container_runtime_docker_bip", "none of %s is free" % ", ".join(_CANDIDATES), remedy)])
    return {
        "bip": bip or "%s/24" % (free[0].network_address + 1),
        # The upper half: docker0 has its /24 in the lower one.
        "pools": [dict(pool) for pool in pools] or [{"base": str(list(free[0].subnets(1))[1]), "size": 24}],
    }


def _network(text: str) -> Optional[Network]:
    """The network, or that of an address with its mask."""
    address, _separator, prefix = str(text).partition("/")
    return network_of(address, int(prefix)) if is_digits(prefix) else None


def _words(value: Any) -> List[str]:
    """What a value names: a text, the texts of a list (with what stands before =), or the keys of a mapping."""
    if isinstance(value, Mapping):
        return [str(key) for key in value]
    return [str(one).partition("=")[0] for one in value] if isinstance(value, (list, tuple)) else [str(value)] if value else []
