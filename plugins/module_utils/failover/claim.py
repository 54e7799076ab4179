# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who of the nodes may move the address: a Lease that is changed only by compare-and-swap. Pure.

It keeps apart two nodes that both have good reason to think that they hold the address, as where VRRP's packets are dropped between
them while etcd's pass. And it remembers the last takeovers, so that no pair of nodes can throw the address to and fro.
"""

from __future__ import annotations

import json
import time
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json

TAKEOVERS = "failover-ip.baremetal.kubernetes/takeovers"
LAST = "failover-ip.baremetal.kubernetes/last-holder"
#: Takeovers older than this are forgotten.
MEMORY = 3600.0


class Claim(NamedTuple):
    """What the Lease says. ``holder`` "" is nobody; ``last`` is who held it last, and so has the address."""

    holder: str
    last: str = ""
    takeovers: List[float] = []
    renewed: str = ""
    duration: int = 3
    transitions: int = 0
    version: str = ""


class BackOff(NamedTuple):
    """Seconds between two takeovers: none before the first within the memory, then ``first``, doubled each time up to ``most``."""

    first: float = 30.0
    most: float = 900.0

    def until(self, takeovers: List[float], wall: float) -> float:
        """The moment (seconds since the epoch) before which there is no further one; 0 for none."""
        recent = [min(moment, wall) for moment in takeovers if wall - moment < MEMORY]
        if not recent:
            return 0.0
        return max(recent) + min(self.first * 2 ** (len(recent) - 1), self.most)


class Verdict(NamedTuple):
    """``may`` is whether the claim may be written with our name; ``new`` whether that moves the address from somebody else."""

    may: bool
    new: bool
    why: str


class Watch:
    """Says when a holder has gone silent, by our own clock alone: the others' may be wrong."""

    def __init__(self) -> None:
        self._seen: Optional[str] = None
        self._since = 0.0

    def saw(self, claim: Optional[Claim], now: float) -> None:
        mark = None if claim is None else "%s %s" % (claim.holder, claim.renewed)
        if mark != self._seen:
            self._seen, self._since = mark, now

    def silent(self, claim: Claim, now: float) -> bool:
        return now - self._since > claim.duration


def decide(claim: Optional[Claim], me: str, silent: bool, wall: float, back_off: BackOff) -> Verdict:
    """Whether ``me``, who has every other reason to hold the address, may claim it now."""
    if claim is None:
        return Verdict(True, False, "nobody has claimed it yet")
    if claim.holder == me:
        return Verdict(True, False, "it is ours")
    if claim.holder and not silent:
        return Verdict(False, False, "%s has the claim and renews it" % claim.holder)
    if claim.last == me and not claim.holder:
        return Verdict(True, False, "we had it last, and nobody since")
    until = back_off.until(claim.takeovers, wall)
    if wall < until:
        return Verdict(False, False, "so many takeovers within the hour that the next is not before %s" % _stamp(until))
    return Verdict(True, True, "%s gave it up" % claim.last if not claim.holder else "%s has gone silent" % claim.holder)


def taken(claim: Optional[Claim], me: str, new: bool, wall: float, duration: int) -> Claim:
    """The claim as it is written to take or to renew it."""
    before = claim or Claim("")
    takeovers = [moment for moment in before.takeovers if wall - moment < MEMORY]
    if new:
        takeovers = (takeovers + [round(wall, 3)])[-20:]
    return before._replace(
        holder=me,
        last=me,
        takeovers=takeovers,
        renewed=_stamp(wall),
        duration=duration,
        transitions=before.transitions + (1 if before.holder != me else 0),
    )


def released(claim: Claim, wall: float) -> Claim:
    """The claim as who stops writes it."""
    return claim._replace(holder="", renewed=_stamp(wall))


def read(data: Mapping[str, Any]) -> Claim:
    """From the API's object."""
    metadata, spec = data.get("metadata") or {}, data.get("spec") or {}
    notes = metadata.get("annotations") or {}
    try:
        takeovers = [float(moment) for moment in from_json(notes.get(TAKEOVERS) or "[]")]
    except (TypeError, ValueError):
        takeovers = []
    return Claim(
        holder=str(spec.get("holderIdentity") or ""),
        last=str(notes.get(LAST) or ""),
        takeovers=takeovers,
        renewed=str(spec.get("renewTime") or ""),
        duration=int(spec.get("leaseDurationSeconds") or 1),
        transitions=int(spec.get("leaseTransitions") or 0),
        version=str(metadata.get("resourceVersion") or ""),
    )


def write(claim: Claim, namespace: str, name: str) -> Dict[str, Any]:
    """To the API's object; with the version that was read, so that the API refuses it where somebody was faster."""
    metadata: Dict[str, Any] = {
        "namespace": namespace,
        "name": name,
        "annotations": {TAKEOVERS: json.dumps(claim.takeovers), LAST: claim.last},
    }
    if claim.version:
        metadata["resourceVersion"] = claim.version
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": {
            "holderIdentity": claim.holder,
            "leaseDurationSeconds": claim.duration,
            "renewTime": claim.renewed,
            "leaseTransitions": claim.transitions,
        },
    }


def _stamp(wall: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(wall)) + ".%06dZ" % int(wall % 1 * 1_000_000)
