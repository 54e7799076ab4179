# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kubeadm reset leaves on a node, and which of it is Kubernetes' or ours. Nothing else is ever looked at as removable.

Sources: kubeadm reset's own closing words (CNI configuration, iptables, IPVS and kubeconfigs stay); the names that kube-proxy, the
kubelet, flannel, Cilium and the CNI plugins give to their chains, links and files.
"""

from __future__ import annotations

import re
from typing import Dict, List, NamedTuple, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.bridge import PROTOCOL
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.services import read_services
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.kubernetes import JOIN_TOKEN_MARKER
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

#: The first line of every configuration file that this collection owns.
OURS = "Written by baremetal.kubernetes"

#: Services that this collection configures -> the file whose text says that it did. The kubelet has none: it is Kubernetes' own.
SERVICES: Sequence[Tuple[str, str]] = (
    # Before keepalived: it would have the provider send the address to a node that has just lost it.
    ("kubernetes-failover-ip", "/etc/systemd/system/kubernetes-failover-ip.service"),
    # Before keepalived as well, to which it writes.
    ("kubernetes-hardware-failover.timer", "/etc/systemd/system/kubernetes-hardware-failover.timer"),
    ("kubernetes-hardware-watch.timer", "/etc/systemd/system/kubernetes-hardware-watch.timer"),
    ("keepalived", "/etc/keepalived/keepalived.conf"),
    ("haproxy", "/etc/haproxy/haproxy.cfg"),
    ("kubernetes-pod-network", "/etc/systemd/system/kubernetes-pod-network.service"),
    ("kubernetes-return-routes", "/etc/systemd/system/kubernetes-return-routes.service"),
)
#: Files that only this collection or a pod network of Kubernetes writes.
FILES = (
    "/etc/keepalived/check-apiserver.sh",
    "/etc/keepalived/hmac.key",
    "/etc/keepalived/note-state.sh",
    "/etc/tmpfiles.d/kubernetes-keepalived.conf",
    "/etc/tmpfiles.d/kubernetes-failover-ip.conf",
    "/usr/local/libexec/kubernetes-failover-ip.pyz",
    "/etc/systemd/system/kubernetes-hardware-failover.service",
    "/etc/systemd/system/kubernetes-hardware-watch.service",
    "/etc/tmpfiles.d/kubernetes-hardware-watch.conf",
    "/run/kubernetes-hardware-unfit",
    JOIN_TOKEN_MARKER,
    "/var/lib/prometheus/node-exporter/kubernetes_hardware.prom",
    "/var/lib/prometheus/node-exporter/kubernetes_hardware_failover.prom",
    "/usr/local/lib/baremetal-kubernetes/hardware-watch.pyz",
    "/etc/haproxy/kubernetes-ca.crt",
    "/usr/local/sbin/kubernetes-pod-network",
    "/usr/local/sbin/kubernetes-return-routes",
    "/etc/sysctl.d/60-kubernetes-return-routes.conf",
    "/usr/local/sbin/kubernetes-watch-routes",
    "/etc/systemd/networkd.conf.d/60-kubernetes-routes.conf",
    "/etc/cni/net.d/10-pods.conflist",
    "/etc/cni/net.d/10-flannel.conflist",
    "/etc/cni/net.d/10-calico.conflist",
    "/etc/cni/net.d/calico-kubeconfig",
    "/etc/cni/net.d/05-cilium.conflist",
    "/etc/cni/net.d/05-cilium.conf",
    "/etc/kubernetes/kubeadm-init.yaml",
    "/etc/kubernetes/kubeadm-join.yaml",
)
#: Folders that hold nothing but a pod network's or an unfinished cluster's state.
FOLDERS = (
    "/var/lib/cni",
    "/run/flannel",
    "/var/lib/calico",
    "/run/calico",
    "/var/run/calico",
    "/run/cilium",
    "/var/run/cilium",
    "/etc/kubernetes/pki",
    "/etc/kubernetes/security",
    "/etc/kubernetes/kube-vip",
    "/etc/kubernetes-failover-ip",
    "/etc/kubernetes-pod-network",
    "/etc/kubernetes-return-routes",
    "/run/kubernetes-failover-ip",
    "/etc/kubernetes-hardware-watch",
    "/run/kubernetes-hardware-watch",
    "/var/lib/baremetal-kubernetes/hardware-watch",
)
LINK = re.compile(
    r"cni0|flannel\.\d+|flannel-v6\.\d+|flannel-wg|flannel-wg-v6|flannel\.ipip|cilium_\w+|lxc_health|lxc[0-9a-f]{12,}|kube-ipvs0"
    r"|cali[0-9a-f]{11}|vxlan(-v6)?\.calico|wireguard\.cali|wg-v6\.cali|bpf(in|out)\.cali"
)
#: Chains of kube-proxy and the kubelet, flannel, the portmap plugin and the bridge's masquerading, Cilium, Calico, and our own.
CHAIN = re.compile(r"(KUBE|FLANNEL|CNI|CILIUM|OLD_CILIUM|cali|BAREMETAL-POD)[-_].*")
NFT_TABLES = ("kube-proxy", "flannel-ipv4", "flannel-ipv6")
#: The mark of our routes.
ROUTE_PROTOCOL = str(PROTOCOL)
FAMILIES = (("4", "iptables"), ("6", "ip6tables"))
USER_KUBECONFIG = "/root/.kube/config"


class Found(NamedTuple):
    """What is there. Families are "4" and "6"; ``services`` maps a unit to (runs, starts at boot)."""

    services: Dict[str, Tuple[bool, bool]]
    files: List[str]
    folders: List[str]
    links: List[str]
    addresses: List[Tuple[str, str]]
    rules: Dict[str, str]
    nft_tables: List[Tuple[str, str]]
    routes: List[str]
    ipvs: bool


def read(runner: Runner, virtual_addresses: Sequence[str], endpoint: str) -> Found:
    """All of it; programs that the node lacks have left nothing."""
    ours = [(unit, path) for unit, path in SERVICES if OURS in (runner.read(path) or "")]
    units = [unit for unit, path in ours] + ["kubelet"]
    states = read_services(runner, units)
    files = [path for unit, path in ours] + [path for path in FILES if runner.exists(path)]
    if endpoint and "server: https://%s\n" % endpoint in (runner.read(USER_KUBECONFIG) or ""):
        files.append(USER_KUBECONFIG)
    links = [name for name in runner.list_dir("/sys/class/net") if LINK.fullmatch(name)]
    return Found(
        services={unit: (states[unit].active, states[unit].enabled) for unit in units},
        files=files,
        folders=sorted({runner.realpath(path) for path in FOLDERS if runner.list_dir(path)}),
        links=links,
        addresses=_addresses(runner, virtual_addresses),
        rules={family: runner.run([program + "-save"], timeout=60).stdout for family, program in FAMILIES},
        nft_tables=parse_nft_tables(runner.run(["nft", "list", "tables"], timeout=60).stdout),
        routes=[
            family
            for family, program in FAMILIES
            if runner.run(["ip", "-" + family, "route", "show", "proto", ROUTE_PROTOCOL], timeout=30).stdout.strip()
        ],
        # Other people's virtual servers (a director's) are in the same table: only kube-proxy makes this link.
        ipvs="kube-ipvs0" in links and bool(runner.run(["ipvsadm", "--save", "--numeric"], timeout=30).stdout.strip()),
    )


def parse_nft_tables(text: str) -> List[Tuple[str, str]]:
    """(family, name) of Kubernetes' tables in the output of ``nft list tables``."""
    words = [line.split() for line in text.splitlines()]
    return [(line[1], line[2]) for line in words if len(line) == 3 and line[0] == "table" and line[2] in NFT_TABLES]


def rules_without_kubernetes(saved: str, ours: "re.Pattern[str]" = CHAIN) -> str:
    """Input for ``iptables-restore --noflush`` that removes Kubernetes' chains and what leads into them, and nothing else.

    :param saved: what iptables-save printed.
    :param ours: the chains that go.
    :return: empty where there is nothing to remove.
    """
    lines: List[str] = []
    for table, chains, rules in _tables(saved):
        doomed = [chain for chain in chains if ours.fullmatch(chain)]
        leading = [rule for rule in rules if not ours.fullmatch(rule.split(" ")[1]) and _target(rule) in doomed]
        if doomed:
            # All are emptied before the first is deleted, since they refer to each other.
            lines += ["*" + table] + ["-D" + rule[2:] for rule in leading]
            lines += ["-F " + chain for chain in doomed] + ["-X " + chain for chain in doomed] + ["COMMIT"]
    return "\n".join(lines) + "\n" if lines else ""


def _tables(saved: str) -> List[Tuple[str, List[str], List[str]]]:
    tables: List[Tuple[str, List[str], List[str]]] = []
    for line in saved.splitlines():
        if line.startswith("*"):
            tables.append((line[1:].strip(), [], []))
        elif line.startswith(":") and tables:
            tables[-1][1].append(line[1:].split(" ")[0])
        elif line.startswith("-A ") and tables:
            tables[-1][2].append(line)
    return tables


def _target(rule: str) -> str:
    found = re.search(r" (?:-j|-g|--jump|--goto) (\S+)", rule)
    return found.group(1) if found else ""


def _addresses(runner: Runner, wanted: Sequence[str]) -> List[Tuple[str, str]]:
    found = []
    for text in wanted:
        address = text.partition("/")[0]
        for line in runner.run(["ip", "-oneline", "address", "show", "to", address], timeout=30).stdout.splitlines():
            words = line.split()
            if len(words) > 3:
                found.append((words[1], words[3]))
    return found
