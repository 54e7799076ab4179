# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every rule is given: the finished documents, read without a care for types that the field tables refuse already."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.errors import Problem
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.translate import Translation
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import Release
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import parse_address

INIT = "InitConfiguration"
CLUSTER = "ClusterConfiguration"
JOIN = "JoinConfiguration"
RESET = "ResetConfiguration"
UPGRADE = "UpgradeConfiguration"
KUBELET = "KubeletConfiguration"
KUBE_PROXY = "KubeProxyConfiguration"

#: RFC 1123 as Kubernetes reads it (K8S apimachinery/pkg/util/validation).
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(r"%s(\.%s)*$" % (_LABEL, _LABEL))


class Context:
    """The documents by kind, the release, and where problems and warnings go."""

    def __init__(
        self,
        documents: Mapping[str, Mapping[str, Any]],
        translation: Translation,
        release: Release,
        allow_public_metrics: bool,
        cgroup_version: Optional[int],
    ) -> None:
        self.documents = documents
        self.release = release
        self.allow_public_metrics = allow_public_metrics
        self.cgroup_version = cgroup_version
        self.problems: List[Problem] = []
        self.warnings: List[str] = []
        self._translation = translation

    def name(self, kind: str, path: str) -> str:
        return self._translation.name_of(kind, tuple(path.split(".")))

    def wrong(self, kind: str, path: str, problem: str, remedy: str) -> None:
        self.problems.append(Problem(self.name(kind, path), problem, remedy))

    def warn(self, kind: str, path: str, text: str) -> None:
        self.warnings.append("%s: %s" % (self.name(kind, path), text))

    def get(self, kind: str, path: str) -> Any:
        value: Any = self.documents.get(kind, {})
        for name in path.split("."):
            if not isinstance(value, Mapping):
                return None
            value = value.get(name)
        return value

    def text(self, kind: str, path: str) -> str:
        value = self.get(kind, path)
        return value if isinstance(value, str) else ""

    def texts(self, kind: str, path: str) -> List[str]:
        return [item for item in self.items(kind, path) if isinstance(item, str)]

    def items(self, kind: str, path: str) -> List[Any]:
        value = self.get(kind, path)
        return list(value) if isinstance(value, (list, tuple)) else []

    def mapping(self, kind: str, path: str) -> Dict[str, Any]:
        value = self.get(kind, path)
        return dict(value) if isinstance(value, Mapping) else {}

    def integer(self, kind: str, path: str) -> Optional[int]:
        value = self.get(kind, path)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def arguments(self, kind: str, path: str) -> List[Tuple[str, str]]:
        """The name and value of each argument, from either form."""
        value = self.get(kind, path)
        if isinstance(value, Mapping):
            pairs = list(value.items())
        else:
            pairs = [(item.get("name"), item.get("value")) for item in self.items(kind, path) if isinstance(item, Mapping)]
        return [(name, text) for name, text in pairs if isinstance(name, str) and isinstance(text, str)]


def is_subdomain(text: str) -> bool:
    """Whether the text is a DNS name as Kubernetes wants it: lower case, labels of letters, digits and inner dashes."""
    return len(text) <= 253 and bool(_SUBDOMAIN.match(text)) and all(len(label) <= 63 for label in text.split("."))


def port_of(text: Optional[str]) -> Optional[int]:
    """The port in the text, None where it is none."""
    if text is None or not re.match(r"[0-9]{1,5}$", text) or not 1 <= int(text) <= 65535:
        return None
    return int(text)


def is_everywhere(host: str) -> bool:
    """Whether listening there means on addresses that the Internet may reach: unspecified, or a public address."""
    address = parse_address(host.strip("[]"))
    if address is None:
        return False
    if address.is_unspecified:
        return True
    shared = address.version == 4 and address in ipaddress.ip_network("100.64.0.0/10")
    return not (address.is_private or address.is_loopback or address.is_link_local or shared)
