# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kubelets' settings on a cluster that lives, and the serving certificates that they ask for."""

from __future__ import annotations

import base64
from typing import Any, List, Mapping, NamedTuple, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.compare import parse
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.yaml_reader import YamlError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits
from ansible_collections.baremetal.kubernetes.plugins.module_utils.x509 import X509Error, parse_request

CONFIG = "/var/lib/kubelet/config.yaml"
SIGNER = "kubernetes.io/kubelet-serving"
#: What the signer asks for (kubernetes.io certificate-signing-requests: kubelet-serving); an ECDSA key has no key encipherment.
USAGES = {"digital signature", "key encipherment", "server auth"}


def differing(text: str, wanted: Mapping[str, Any]) -> List[str]:
    """Fields of a KubeletConfiguration that are not as wanted."""
    try:
        found = parse(text) if text.strip() else {}
    except (YamlError, ValueError):
        found = {}
    fields: Mapping[str, Any] = found if isinstance(found, dict) else {}
    return sorted(name for name, value in wanted.items() if fields.get(name) != value)


def cluster_text(kubectl: Kubectl) -> str:
    """The KubeletConfiguration that nodes get, from the newest of kubeadm's ConfigMaps (before 1.25 one for each minor)."""
    items = kubectl.objects("configmaps", "--namespace=kube-system")
    named = {item["metadata"]["name"]: item for item in items if item["metadata"]["name"].startswith("kubelet-config")}
    if not named:
        return ""
    newest = max(
        named, key=lambda name: (name == "kubelet-config", [int(one) for one in name.split("-")[-1].split(".") if is_digits(one)])
    )
    return str((named[newest].get("data") or {}).get("kubelet", ""))


class Verdict(NamedTuple):
    """A pending request: approve it where ``why_not`` is empty."""

    name: str
    node: str
    why_not: str


def judge(items: Sequence[Mapping[str, Any]], nodes: Mapping[str, Sequence[str]]) -> List[Verdict]:
    """What to do about each pending request of a kubelet for a serving certificate.

    :param nodes: name -> every address that the node may have a certificate for.
    """
    found = []
    for item in items:
        spec = item.get("spec") or {}
        conditions = (item.get("status") or {}).get("conditions") or []
        if spec.get("signerName") == SIGNER and not conditions:
            node = str(spec.get("username", "")).rpartition(":")[2]
            found.append(Verdict(item["metadata"]["name"], node, _why_not(spec, node, nodes)))
    return found


def _why_not(spec: Mapping[str, Any], node: str, nodes: Mapping[str, Sequence[str]]) -> str:
    if spec.get("username") != "system:node:" + node or "system:nodes" not in (spec.get("groups") or []):
        return "%s is not a kubelet" % spec.get("username")
    if node not in nodes:
        return "the inventory has no node %s" % node
    usages = set(spec.get("usages") or [])
    if "server auth" not in usages or not usages <= USAGES:
        return "it asks for other usages: %s" % ", ".join(sorted(usages))
    try:
        request = parse_request(base64.b64decode(str(spec.get("request", ""))).decode(), "request")
    except (X509Error, ValueError) as error:
        return "it can't be read: %s" % error
    if request.common_name != spec["username"] or request.organizations != ["system:nodes"]:
        return "its subject is not the kubelet's"
    others = sorted((set(request.dns_names) - {node}) | (set(request.ip_addresses) - set(nodes[node])))
    if others:
        return "it names %s, which the inventory does not know as the node's" % ", ".join(others)
    return "" if request.dns_names or request.ip_addresses else "it names nothing"


def pending(kubectl: Kubectl, nodes: Mapping[str, Sequence[str]]) -> List[Verdict]:
    """The verdicts on what is asked for now.

    :raises KubernetesError: the API does not answer.
    """
    return judge(kubectl.objects("certificatesigningrequests"), nodes)
