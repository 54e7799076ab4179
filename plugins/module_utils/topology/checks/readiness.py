# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether each machine can carry its part: system, size, clock, disk space, ports, firewall, kernel modules."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Set, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import parse_address
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.clock import Ahead, apart
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.checks.runtimes import data_path
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import (
    MEMBER_STATES,
    Node,
    Topology,
    entries,
    mapping,
    number,
    text,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, grouped, listed

#: kubeadm's own limits for a control plane (K8S cmd/kubeadm/app/constants: ControlPlaneNumCPU, ControlPlaneMem).
CONTROL_PLANE_CPUS = 2
CONTROL_PLANE_MEMORY_MB = 1700

#: Clocks that differ by more break certificates that were made a moment ago (kubeadm back-dates by 5 minutes) and etcd leases.
CLOCK_WARNING_SECONDS = 5.0
CLOCK_ERROR_SECONDS = 60.0

GIB = 1 << 30
#: Where data grows (a runtime has its own place) -> who needs it. Less than 2 GiB free and packages, image pulls or etcd's first
#: snapshot fill the disk.
DATA_PATHS = (("/var/lib/etcd", "etcd"), ("", "node"), ("/var/lib/kubelet", "node"), ("/usr", "packages"))
DISK_WARNING = 2 * GIB
DISK_ERROR = GIB // 2

#: Ports (Kubernetes, "Ports and Protocols") that must be free on a blank node and open between nodes.
KUBELET_PORTS = (10250,)
ETCD_PORTS = (2379, 2380)

IPVS_MODULES = ("ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh", "nf_conntrack")


def check(topology: Topology) -> Iterator[Problem]:
    yield from check_machines(topology)
    yield from _disks(topology)
    yield from _ports(topology)
    yield from _firewall(topology)
    yield from _ipvs(topology)


def check_machines(topology: Topology) -> Iterator[Problem]:
    """What holds whatever makes the cluster."""
    yield from _system(topology)
    yield from _size(topology)
    yield from _swap(topology)
    yield from _clocks(topology)
    yield from _names(topology)
    yield from _package_managers(topology)


def _names(topology: Topology) -> Iterator[Problem]:
    """A host that asks nobody finds no repository; one that asks itself makes CoreDNS ask itself, for ever."""
    silent: List[str] = []
    own: List[str] = []
    for node in topology.cluster_nodes:
        if not isinstance(node.facts.get("nameservers"), list):
            continue
        servers = [parse_address(text(server)) for server in entries(node.facts.get("nameservers"))]
        if not servers:
            silent.append(node.host)
        elif node.facts.get("resolved") is not True and all(one is not None and one.is_loopback for one in servers):
            own.append(node.host)
    if silent and topology.settings.packages_source != "bundle":
        yield Problem(
            "/etc/resolv.conf",
            "it names no DNS server on %s, so no repository and no registry is found by its name" % listed(silent),
            "write one there (nameserver 192.0.2.53), or let DHCP or netplan do it; without internet write "
            "cluster_packages_source: bundle",
            tuple(silent),
            warning=True,
        )
    if own:
        yield Problem(
            "/etc/resolv.conf",
            "it names only %s itself, and pods get it: CoreDNS would ask itself, find the loop and end" % listed(own),
            "name the servers behind it in a file and set resolvConf in cluster_kubelet_settings to its path",
            tuple(own),
            warning=True,
        )


def _package_managers(topology: Topology) -> Iterator[Problem]:
    busy = grouped((text(node.facts.get("package_manager")), node.host) for node in topology.readable_nodes)
    busy.pop("", None)
    for program, hosts in busy.items():
        yield Problem(
            "package manager",
            "%s is at work on %s, and only one can be: often unattended-upgrades, or cloud-init after the first boot"
            % (program, listed(hosts)),
            "installing waits for it up to five minutes; where it takes longer, run again when it has ended, and never "
            "delete the lock",
            tuple(hosts),
            warning=True,
        )


def _ignored(topology: Topology, name: str) -> bool:
    return name.lower() in [text(one).lower() for one in topology.settings.ignore_preflight_errors]


def _system(topology: Topology) -> Iterator[Problem]:
    ended: List[str] = []
    unknown: Dict[str, List[str]] = {}
    for node in topology.readable_nodes:
        system = mapping(node.facts.get("os"))
        identity, version = text(system.get("id")), text(system.get("version_id"))
        if identity in ("centos", "rhel", "ol", "scientific") and version.split(".")[0] in ("6", "7"):
            ended.append(node.host)
        elif text(system.get("family")) == "other":
            unknown.setdefault(text(system.get("pretty")) or identity or "an unknown system", []).append(node.host)
    if ended:
        yield Problem(
            "operating system",
            "%s run%s CentOS or RHEL 7, out of support since June 2024: kernel 3.10, cgroup v1, an old glibc"
            % (listed(ended), "s" if len(ended) == 1 else ""),
            "install a current system (Debian 12, Ubuntu 24.04, Rocky or RHEL 9 or newer)",
            tuple(ended),
        )
    for name, hosts in unknown.items():
        yield Problem(
            "operating system",
            "%s is neither of the Debian nor of the Red Hat family, and nobody has tried it" % name,
            "expect to install packages yourself, or use Debian, Ubuntu, Rocky or RHEL",
            tuple(hosts),
            warning=True,
        )


def _size(topology: Topology) -> Iterator[Problem]:
    limits: Tuple[Tuple[str, str, int, str], ...] = (
        ("cpus", "NumCPU", CONTROL_PLANE_CPUS, "CPUs"),
        ("memory_mb", "Mem", CONTROL_PLANE_MEMORY_MB, "MB of memory"),
    )
    for fact, preflight, limit, unit in limits:
        small: Dict[float, List[str]] = {}
        for node in topology.control_planes:
            value = number(node.facts.get(fact))
            if value is not None and value < limit:
                small.setdefault(value, []).append(node.host)
        for value, hosts in small.items():
            yield Problem(
                "hardware",
                "a control plane needs %d %s, and %s has %d" % (limit, unit, listed(hosts), value),
                "take a larger machine; for a trial add %s to cluster_ignore_preflight_errors" % preflight,
                tuple(hosts),
                warning=_ignored(topology, preflight) or node_is_member(topology, hosts),
            )


def node_is_member(topology: Topology, hosts: List[str]) -> bool:
    """Whether all of them are control planes already: a machine that works is not refused for its size."""
    return all(topology.nodes[host].state == "control_plane" for host in hosts)


def _swap(topology: Topology) -> Iterator[Problem]:
    on: List[str] = []
    kept: List[str] = []
    for node in topology.cluster_nodes:
        if entries(node.facts.get("swap")):
            (kept if text(node.setting("host_swap")) == "unmanaged" else on).append(node.host)
    if on:
        yield Problem(
            "swap",
            "it is on, and role host will turn it off",
            "nothing; `--check --diff` shows the lines of /etc/fstab",
            tuple(on),
            warning=True,
        )
    if kept and topology.settings.kubelet_settings.get("failSwapOn") is not False:
        yield Problem(
            "host_swap",
            "swap stays on, and the kubelet does not start with swap unless it is told to",
            "set failSwapOn: false in cluster_kubelet_settings, or remove host_swap",
            tuple(kept),
        )


def _clocks(topology: Topology) -> Iterator[Problem]:
    """Each clock against what most agree on: the one that is wrong is named, not its victims. In doubt it is right."""
    known: Dict[str, Ahead] = {}
    for node in topology.readable_nodes:
        bounds = mapping(node.facts.get("clock_ahead"))
        least, most = number(bounds.get("least")), number(bounds.get("most"))
        if least is not None and most is not None:
            known[node.host] = Ahead(least, most)
    for host, difference in apart(known) if known else []:
        if abs(difference) > CLOCK_WARNING_SECONDS:
            yield Problem(
                "clock of %s" % host,
                "it is %.0f s %s that of the other nodes" % (abs(difference), "ahead of" if difference > 0 else "behind"),
                "let chrony or systemd-timesyncd set it (`chronyc makestep`), then run again",
                (host,),
                warning=abs(difference) <= CLOCK_ERROR_SECONDS,
            )
    loose = [
        node.host for node in topology.readable_nodes if mapping(node.facts.get("time_sync")).get("synchronized") is False
    ]
    if loose:
        yield Problem(
            "time synchronisation",
            "the clock is not synchronised: certificates and leases fail when clocks drift apart",
            "role host sets up a time service; see that the nodes reach an NTP server",
            tuple(loose),
            warning=True,
        )


def free_bytes(facts: Mapping[str, Any], path: str) -> Tuple[Optional[float], str]:
    """Free bytes of the file system that holds the path, and its mount point."""
    best: Tuple[Optional[float], str] = (None, "")
    for entry in entries(facts.get("filesystems")):
        mount = text(mapping(entry).get("mount"))
        if mount and (path == mount or path.startswith(mount.rstrip("/") + "/")) and len(mount) > len(best[1]):
            best = (number(mapping(entry).get("free_bytes")), mount)
    return best


def _disks(topology: Topology) -> Iterator[Problem]:
    members = {node.host for node in topology.etcd_members}
    tight: Dict[Tuple[str, bool], Tuple[List[str], List[str]]] = {}
    for node in topology.readable_nodes:
        seen: Set[str] = set()
        for place, part in DATA_PATHS:
            path = place or data_path(node, topology)
            if (part == "etcd" and node.host not in members) or (part != "etcd" and not node.in_cluster):
                continue
            free, mount = free_bytes(node.facts, path)
            # Once for a file system, by the first that needs it.
            if free is not None and free < DISK_WARNING and mount not in seen:
                seen.add(mount)
                # Where the packages are, no room for them keeps nobody from a backup or a restore.
                enough = free >= DISK_ERROR or (part == "packages" and node.state in MEMBER_STATES)
                hosts, words = tight.setdefault((path, enough), ([], []))
                hosts.append(node.host)
                words.append("%s has %.1f GiB free on %s" % (node.host, free / GIB, mount))
    for (path, enough), (hosts, words) in tight.items():
        yield Problem(
            path,
            "%s; less than 2 GiB fills soon" % listed(words, 3),
            "free space there, or mount a larger file system",
            tuple(hosts),
            enough,
        )


def _ports(topology: Topology) -> Iterator[Problem]:
    taken: Dict[int, List[str]] = {}
    members = {node.host for node in topology.etcd_members}
    for node in topology.cluster_nodes:
        if node.state != "blank":
            continue
        needed = list(KUBELET_PORTS)
        if "control_plane" in node.groups:
            needed.append(topology.settings.api_port)
        if node.host in members:
            needed += ETCD_PORTS
        listening = {one for one in entries(node.facts.get("listening")) if isinstance(one, int)}
        for port in needed:
            if port in listening:
                taken.setdefault(port, []).append(node.host)
    for port, hosts in sorted(taken.items()):
        yield Problem(
            "port %d" % port,
            "a program listens on it on %s, where Kubernetes is not installed yet" % listed(hosts),
            "find it with `ss -ltnp 'sport = :%d'` and stop it, or take the host out of the inventory" % port,
            tuple(hosts),
        )


def _firewall(topology: Topology) -> Iterator[Problem]:
    active: Dict[str, List[Node]] = {}
    for node in topology.cluster_nodes:
        firewall = text(node.facts.get("firewall"))
        if firewall in ("firewalld", "ufw", "nftables") and node.setting("host_firewall") in (
            None,
            "",
            False,
            "unmanaged",
            "none",
        ):
            active.setdefault(firewall, []).append(node)
    settings = topology.settings
    for firewall, nodes in active.items():
        ports = ["%d/tcp (API)" % settings.api_port, "2379-2380/tcp (etcd)", "10250/tcp (kubelet)"]
        if topology.vip is not None:
            ports += ["%d/tcp (HAProxy)" % settings.load_balancer_port, "protocol 112 (VRRP)"]
        ports += {"flannel": ["8472/udp (VXLAN)"], "cilium": ["8472/udp (VXLAN)", "4240/tcp (health)"]}.get(settings.cni, [])
        hosts = [node.host for node in nodes]
        yield Problem(
            "host_firewall",
            "%s is active on %s, and nothing opens what the nodes need of each other" % (firewall, listed(hosts)),
            "set host_firewall so that role host opens the ports, or open them yourself: %s" % ", ".join(ports),
            tuple(hosts),
            warning=True,
        )


def _ipvs(topology: Topology) -> Iterator[Problem]:
    if topology.settings.proxy_mode != "ipvs":
        return
    scheduler = text(mapping(topology.settings.kube_proxy_settings.get("ipvs")).get("scheduler"))
    needed = IPVS_MODULES + (("ip_vs_" + scheduler,) if scheduler and "ip_vs_" + scheduler not in IPVS_MODULES else ())
    for node in topology.cluster_nodes:
        loaded = [text(name) for name in entries(node.facts.get("kernel_modules"))]
        missing = [name for name in needed if name not in loaded]
        if node.facts and missing:
            yield Problem(
                "cluster_proxy_mode",
                "ipvs needs the kernel modules %s, which %s has not loaded; kube-proxy ends where it can't have them"
                % (", ".join(missing), node.host),
                "see that `modprobe %s` works there (package linux-modules-extra on Ubuntu), or write iptables or nftables"
                % missing[0],
                (node.host,),
                warning=True,
            )
