# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the cluster's networks, which kubeadm checks in part and its `config validate` not at all.

Sizes: K8S cmd/kubeadm/app/apis/kubeadm/validation/validation.go and constants.go.
"""

from __future__ import annotations

from typing import Dict, List

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.rules.context import (
    CLUSTER,
    INIT,
    JOIN,
    KUBE_PROXY,
    KUBELET,
    Context,
    is_subdomain,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import (
    DOCKER_DEFAULT_POOLS,
    NamedNetwork,
    Network,
    NetworkError,
    contains,
    is_private,
    overlaps,
    parse_address,
    parse_network,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

_POD = "networking.podSubnet"
_SERVICE = "networking.serviceSubnet"

#: Subnets that kubeadm takes where none is given.
_DEFAULT_SERVICE = "10.96.0.0/12"

_NODE_MASK = {4: 24, 6: 64}
_LARGEST_DIFFERENCE = 16
_SERVICE_BITS = 20
_MINIMUM_ADDRESSES = {_POD: 14, _SERVICE: 10}


def networks(context: Context) -> None:
    if CLUSTER not in context.documents:
        return
    found = {path: _parse(context, path) for path in (_POD, _SERVICE)}
    pods, services = found[_POD], found[_SERVICE]
    for path, several in found.items():
        _families(context, path, several)
        for network in several:
            _space(context, path, network)
    for network in services:
        bits = network.max_prefixlen - network.prefixlen
        if bits > _SERVICE_BITS:
            context.wrong(
                CLUSTER,
                _SERVICE,
                "%s has 2^%d addresses, kubeadm takes at most 2^%d." % (network, bits, _SERVICE_BITS),
                "Write a prefix length of /%d or longer." % (network.max_prefixlen - _SERVICE_BITS),
            )
    if len(services) == 2 and len(pods) == 1:
        context.wrong(
            CLUSTER,
            _SERVICE,
            "services have two families and pods only IPv%d." % pods[0].version,
            "Give the pod subnet a second network, or the service subnet one.",
        )
    _dual_stack(context, pods, services)
    _masks(context, pods)
    named = [NamedNetwork(context.name(CLUSTER, _POD), network, True) for network in pods]
    default = [] if context.text(CLUSTER, _SERVICE) else [parse_network(_DEFAULT_SERVICE)]
    named += [NamedNetwork(context.name(CLUSTER, _SERVICE), network, True) for network in services + default]
    for overlap in overlaps(named):
        context.wrong(
            CLUSTER,
            _SERVICE,
            "%s (%s) and %s (%s) overlap; kubeadm doesn't look."
            % (overlap.outer.name, overlap.outer.network, overlap.inner.name, overlap.inner.network),
            "Write networks that share no address, as in 10.244.0.0/16 and 10.96.0.0/16.",
        )
    _addresses(context, pods, services)
    for network in pods:
        pools = [pool for pool in DOCKER_DEFAULT_POOLS if contains(parse_network(pool), network)]
        if pools and network.version == 4:
            context.warn(CLUSTER, _POD, "%s lies in %s, which Docker hands out by default." % (network, pools[0]))


def _parse(context: Context, path: str) -> List[Network]:
    parsed = []
    for part in context.text(CLUSTER, path).split(","):
        if not part:
            continue
        try:
            network = parse_network(part)
        except NetworkError as error:
            context.wrong(CLUSTER, path, "%s %s." % (error.text, error.problem), _sentence(error.remedy))
            continue
        if part != part.strip():
            context.wrong(CLUSTER, path, "there is a space in it.", "Write the two networks with a comma alone between them.")
        minimum = _MINIMUM_ADDRESSES[path]
        if network.num_addresses < minimum:
            context.wrong(
                CLUSTER,
                path,
                "%s has %d addresses, kubeadm wants %d at least." % (network, network.num_addresses, minimum),
                "Write a shorter prefix length.",
            )
        parsed.append(network)
    return parsed


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _families(context: Context, path: str, several: List[Network]) -> None:
    if len(several) > 2 or (len(several) == 2 and several[0].version == several[1].version):
        context.wrong(
            CLUSTER,
            path,
            "dual stack is exactly two networks, one of each family.",
            "Write one IPv4 and one IPv6 network with a comma between them.",
        )


def _space(context: Context, path: str, network: Network) -> None:
    if network.version == 4 and not is_private(network):
        context.wrong(
            CLUSTER,
            path,
            "%s is public address space: pods would never reach the hosts on the Internet that have it." % network,
            "Write a network out of 10.0.0.0/8, 172.16.0.0/12 (which ends at 172.31.255.255) or 192.168.0.0/16.",
        )


def _dual_stack(context: Context, pods: List[Network], services: List[Network]) -> None:
    gate = context.release.dual_stack_gate
    if gate and (len(pods) == 2 or len(services) == 2) and context.get(CLUSTER, "featureGates." + gate) is not True:
        context.wrong(
            CLUSTER,
            "featureGates",
            "dual stack is alpha in Kubernetes %s." % context.release.version.minor_text,
            "Write {%s: true}." % gate,
        )


def _masks(context: Context, pods: List[Network]) -> None:
    arguments = dict(context.arguments(CLUSTER, "controllerManager.extraArgs"))
    if arguments.get("allocate-node-cidrs") == "false":
        return
    path = "controllerManager.extraArgs"
    if len(pods) == 2 and "node-cidr-mask-size" in arguments:
        context.wrong(
            CLUSTER,
            path,
            "node-cidr-mask-size is refused by the controller manager of a dual-stack cluster.",
            "Write node-cidr-mask-size-ipv4 and node-cidr-mask-size-ipv6.",
        )
    masks: Dict[int, int] = {}
    for network in pods:
        names = ["node-cidr-mask-size-ipv%d" % network.version] + (["node-cidr-mask-size"] if len(pods) == 1 else [])
        text = next((arguments[name] for name in names if name in arguments), str(_NODE_MASK[network.version]))
        if not is_digits(text) or int(text) > network.max_prefixlen:
            context.wrong(
                CLUSTER,
                path,
                "%r is no prefix length of a node's pods." % text,
                "Write a number, as in 24 (IPv4) or 64 (IPv6).",
            )
            continue
        mask = masks[network.version] = int(text)
        if mask < network.prefixlen:
            context.wrong(
                CLUSTER,
                _POD,
                "%s is smaller than the /%d that every node gets out of it." % (network, mask),
                "Write a larger network, or a longer node mask.",
            )
        elif mask - network.prefixlen > _LARGEST_DIFFERENCE:
            context.wrong(
                CLUSTER,
                _POD,
                "%s in parts of /%d is more than 2^%d nodes, which kubeadm refuses." % (network, mask, _LARGEST_DIFFERENCE),
                "Write a pod subnet of /%d or longer, or a shorter node mask." % (mask - _LARGEST_DIFFERENCE),
            )
    pods_wanted = context.integer(KUBELET, "maxPods")
    if pods_wanted and 4 in masks and pods_wanted > max(0, (1 << (32 - masks[4])) - 3):
        context.wrong(
            KUBELET,
            "maxPods",
            "a node's /%d has %d addresses for pods." % (masks[4], max(0, (1 << (32 - masks[4])) - 3)),
            "Write fewer pods, or a shorter node mask.",
        )


def _addresses(context: Context, pods: List[Network], services: List[Network]) -> None:
    for kind, path in (
        (INIT, "localAPIEndpoint.advertiseAddress"),
        (JOIN, "controlPlane.localAPIEndpoint.advertiseAddress"),
    ):
        address = parse_address(context.text(kind, path))
        for network in pods + services:
            if address is not None and contains(network, address):
                context.wrong(
                    kind,
                    path,
                    "%s lies in %s, which the cluster hands out itself." % (address, network),
                    "Move that subnet.",
                )
    cluster_cidr = context.text(KUBE_PROXY, "clusterCIDR")
    if cluster_cidr and context.text(CLUSTER, _POD) and cluster_cidr != context.text(CLUSTER, _POD):
        context.wrong(
            KUBE_PROXY,
            "clusterCIDR",
            "%s is not the pod subnet %s." % (cluster_cidr, context.text(CLUSTER, _POD)),
            "Leave it out: kubeadm sets it.",
        )


def domains(context: Context) -> None:
    domain = context.text(CLUSTER, "networking.dnsDomain")
    if domain and not is_subdomain(domain):
        context.wrong(CLUSTER, "networking.dnsDomain", "%r is no DNS domain." % domain, "Write one such as cluster.local.")
    of_kubelet = context.text(KUBELET, "clusterDomain")
    if of_kubelet and domain and of_kubelet != domain:
        context.wrong(
            KUBELET,
            "clusterDomain",
            "%s is not the cluster's domain %s." % (of_kubelet, domain),
            "Leave it out: kubeadm sets it.",
        )
    for index, address in enumerate(context.texts(KUBELET, "clusterDNS")):
        if parse_address(address) is None:
            context.wrong(KUBELET, "clusterDNS.[%d]" % index, "%r is no IP address." % address, "Write the address of the DNS.")


RULES = (networks, domains)
