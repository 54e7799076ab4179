# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kube-proxy's document changed field by field, and a node rid of what another mode left, with the kubelet's own chains kept."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.proxy import plan_cleaning, wanted_config
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result

DOCUMENT = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: iptables\nconntrack:\n  min: 0\n"
MAP = {"metadata": {"name": "kube-proxy", "resourceVersion": "7"}, "data": {"config.conf": DOCUMENT, "kubeconfig.conf": "x"}}
SAVED = """*nat
:PREROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-NPX46M4PTMTKRN6Y - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
:KUBE-MARK-MASQ - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -j KUBE-SVC-NPX46M4PTMTKRN6Y
COMMIT
"""


class Node:
    """A node with rules of every mode."""

    def __init__(self) -> None:
        self.asked: List[Sequence[str]] = []

    def exists(self, path: str) -> bool:
        return path == "/sys/class/net/kube-ipvs0"

    def run(self, argv: Sequence[str], timeout: Optional[float] = None, stdin: Optional[str] = None, env: Any = None) -> Result:
        said = {"iptables-save": SAVED, "ipvsadm": "-A -t 10.96.0.1:443", "nft": "table ip kube-proxy\ntable inet filter\n"}
        return Result(0, said.get(argv[0], ""), "")


def test_a_field_changes_and_all_else_of_the_document_stays() -> None:
    made = wanted_config(MAP, {"mode": "nftables", "conntrack": {"maxPerCore": 0}})
    assert made is not None and made["metadata"] == MAP["metadata"] and made["data"]["kubeconfig.conf"] == "x"
    assert "mode: nftables" in made["data"]["config.conf"] and "min: 0" in made["data"]["config.conf"]
    assert wanted_config(made, {"mode": "nftables", "conntrack": {"maxPerCore": 0}}) is None


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("disabled", ["virtual servers", "kube-ipvs0", "iptables", "nftables table ip kube-proxy"]),
        ("nftables", ["virtual servers", "kube-ipvs0", "iptables"]),
        ("iptables", ["virtual servers", "kube-ipvs0", "nftables table ip kube-proxy"]),
        ("ipvs", ["nftables table ip kube-proxy"]),
    ],
)
def test_what_other_modes_left_goes(mode: str, words: List[str]) -> None:
    steps = [step.text for step in plan_cleaning(Node(), mode)]  # type: ignore[arg-type]
    assert len(steps) == len(words) and all(word in step for word, step in zip(words, steps))


def test_the_kubelets_chains_stay_since_it_would_make_them_again() -> None:
    found: Dict[str, Any] = {step.text: step.stdin for step in plan_cleaning(Node(), "nftables")}  # type: ignore[arg-type]
    (rules,) = [stdin for stdin in found.values() if stdin]
    assert "-X KUBE-SVC-NPX46M4PTMTKRN6Y" in rules and "-D PREROUTING" in rules
    assert "CANARY" not in rules and "KUBE-MARK-MASQ" not in rules
