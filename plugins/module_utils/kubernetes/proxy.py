# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kube-proxy of a cluster that lives: another mode, or none, and what a mode leaves behind on a node.

Sources: K8S pkg/proxy/{iptables,ipvs,nftables} for the chains and tables, cmd/kube-proxy/app for what each mode cleans by itself
(nothing of ipvs but with --cleanup); cilium Documentation/network/kubernetes/kubeproxy-free.rst for the objects that have to go.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.compare import parse
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.yaml_reader import YamlError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.yaml_writer import dump
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, KubernetesError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node_cleanup.plan import Step
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node_cleanup.traces import (
    FAMILIES,
    parse_nft_tables,
    rules_without_kubernetes,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import merged

NAMESPACE, NAME, KEY = "kube-system", "kube-proxy", "config.conf"
DISABLED = "disabled"
#: Only kube-proxy's: the kubelet has KUBE- chains of its own, and makes them again.
CHAIN = re.compile(
    r"KUBE-(SERVICES|EXTERNAL-SERVICES|NODEPORTS|FORWARD|PROXY-CANARY|PROXY-FIREWALL|NODE-PORT|SOURCE-RANGES-FIREWALL"
    r"|LOAD-BALANCER.*|IPVS-.*|(SVC|SVL|SEP|FW|XLB|EXT)-[A-Z0-9]{16})"
)
#: Mode -> whose rules a node must not have beside it. Of iptables' chains ipvs uses many itself.
LEFT_BEHIND = {
    DISABLED: ("iptables", "nftables", "ipvs"),
    "nftables": ("iptables", "ipvs"),
    "iptables": ("nftables", "ipvs"),
    "ipvs": ("nftables",),
}


def wanted_config(item: Mapping[str, Any], fields: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    """The ConfigMap with the fields in its document, or None where it has them.

    :raises KubernetesError: its document can't be read.
    """
    data = dict(item.get("data") or {})
    try:
        document = parse(str(data.get(KEY, "")))
    except (YamlError, ValueError) as error:
        raise KubernetesError("ConfigMap kube-proxy", "its %s can't be read: %s" % (KEY, error), "look at it with kubectl")
    if not isinstance(document, dict):
        raise KubernetesError("ConfigMap kube-proxy", "it has no %s" % KEY, "run kubeadm init phase addon kube-proxy")
    wanted = merged(document, fields)
    if wanted == document:
        return None
    return {**item, "data": {**data, KEY: dump(wanted)}}


def config_map(kubectl: Kubectl) -> Optional[Dict[str, Any]]:
    """kube-proxy's ConfigMap, or None where there is none."""
    found = kubectl.objects("configmaps", "--namespace=" + NAMESPACE, "--field-selector=metadata.name=" + NAME)
    return found[0] if found else None


def leftovers(kubectl: Kubectl) -> List[str]:
    """kubectl's names of the objects that run kube-proxy, or would let an upgrade bring it back."""
    found = []
    for kind in ("daemonset", "configmap"):
        if kubectl.objects(kind + "s", "--namespace=" + NAMESPACE, "--field-selector=metadata.name=" + NAME):
            found.append("%s/%s" % (kind, NAME))
    return found


def plan_cleaning(runner: Runner, mode: str) -> List[Step]:
    """What has to go from this node so that nothing but the mode answers for Services."""
    steps: List[Step] = []
    others = LEFT_BEHIND[mode]
    if "ipvs" in others and runner.exists("/sys/class/net/kube-ipvs0"):
        # Other people's virtual servers are in the same table; only kube-proxy makes this link.
        if runner.run(["ipvsadm", "--save", "--numeric"], timeout=30).stdout.strip():
            steps.append(Step("clear kube-proxy's virtual servers", ["ipvsadm", "--clear"]))
        steps.append(Step("delete link kube-ipvs0", ["ip", "link", "delete", "kube-ipvs0"]))
    for family, program in FAMILIES if "iptables" in others else ():
        rules = rules_without_kubernetes(runner.run([program + "-save"], timeout=60).stdout, CHAIN)
        if rules:
            argv = [program + "-restore", "--noflush", "--wait"]
            steps.append(Step("remove kube-proxy's chains from %s (IPv%s)" % (program, family), argv, rules))
    if "nftables" in others:
        for family, table in parse_nft_tables(runner.run(["nft", "list", "tables"], timeout=60).stdout):
            if table == NAME:
                steps.append(Step("delete nftables table %s %s" % (family, table), ["nft", "delete", "table", family, table]))
    return steps
