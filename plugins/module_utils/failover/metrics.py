# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's state in the text format of Prometheus, for node_exporter's textfile collector. Pure."""

from __future__ import annotations

from typing import Any, List, Mapping

PREFIX = "kubernetes_failover_ip_"
#: name -> type and help.
HELP = {
    "evidence": ("gauge", "What a node needs to move the address: it holds it, its API server is ready, it sees etcd's quorum."),
    "entitled": ("gauge", "Whether this node may move the address now."),
    "fit": ("gauge", "Whether keepalived is told that this node may hold the address."),
    "dry_run": ("gauge", "Whether the agent only says what it would do."),
    "routed_here": ("gauge", "Whether the provider sends the address to this node, by its last word."),
    "moves_total": ("counter", "Moves that this node ordered and saw done."),
    "provider_errors_total": ("counter", "Tries that the provider refused or did not answer."),
    "confirmed_timestamp_seconds": ("gauge", "When the provider last said where the address goes."),
    "step_timestamp_seconds": ("gauge", "When the agent last looked at everything."),
}


def text(state: Mapping[str, Any], wall: float) -> str:
    """The whole file."""
    samples: List[str] = []
    for name in HELP:
        kind, words = HELP[name]
        samples.append("# HELP %s%s %s\n# TYPE %s%s %s" % (PREFIX, name, words, PREFIX, name, kind))
        samples.extend("%s%s%s %s" % (PREFIX, name, labels, _number(value)) for labels, value in _values(name, state, wall))
    return "\n".join(samples) + "\n"


def _values(name: str, state: Mapping[str, Any], wall: float) -> Any:
    if name == "evidence":
        return [('{kind="%s"}' % kind, good) for kind, good in sorted(state["evidence"].items())]
    if name == "step_timestamp_seconds":
        return [("", wall)]
    if name in ("entitled", "fit", "dry_run"):
        return [("", state[name])]
    key = {
        "routed_here": "here",
        "moves_total": "moves",
        "provider_errors_total": "errors",
        "confirmed_timestamp_seconds": "confirmed",
    }[name]
    return [('{address="%s"}' % entry["address"], entry[key]) for entry in state["addresses"]]


def _number(value: Any) -> str:
    return "%d" % value if isinstance(value, (bool, int)) else "%.3f" % value
