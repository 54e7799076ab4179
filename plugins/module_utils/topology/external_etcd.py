# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run does with external etcd: who begins together, who comes one by one, which control planes need a certificate. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.members import Member, known_as
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import RENEW_BEFORE_DAYS, Peer, Tuning, tuned
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import (
    Node,
    Topology,
    entries,
    mapping,
    number,
    text,
)

CLIENT_CERTIFICATE = "/etc/kubernetes/pki/apiserver-etcd-client.crt"


def etcd_facts(node: Node) -> Mapping[str, Any]:
    """What the host's own member says of itself and of the others."""
    return mapping(node.facts.get("etcd"))


def host_facts(node: Node) -> Mapping[str, Any]:
    """Settings, authority and measurements of the host."""
    return mapping(node.facts.get("etcd_host"))


def has_data(node: Node) -> bool:
    return etcd_facts(node).get("data_present") is True


def configured(node: Node) -> bool:
    """Whether this collection has set etcd up there."""
    return host_facts(node).get("configured") is True


def in_pod(node: Node) -> bool:
    """Whether a kubelet is to run the member."""
    return text(node.setting("etcd_deployment")) == "static_pod"


def peer(node: Node) -> Peer:
    return Peer(node.name, str(node.address or ""))


def live_members(topology: Topology) -> Optional[List[Member]]:
    """The members as a healthy one knows them; None where none is healthy."""
    for node in topology.group("etcd"):
        if etcd_facts(node).get("healthy") is True:
            return [_member(mapping(entry)) for entry in entries(etcd_facts(node).get("members"))]
    return None


def _member(entry: Mapping[str, Any]) -> Member:
    """A member from node_facts' description of it."""
    try:
        identity = int(text(entry.get("id")), 16)
    except ValueError:
        identity = 0
    peer_urls, client_urls = ([text(url) for url in entries(entry.get(name))] for name in ("peer_urls", "client_urls"))
    return Member(identity, text(entry.get("name")), peer_urls, client_urls, entry.get("learner") is True)


def founding(topology: Topology) -> bool:
    """Whether all begin together: nobody is healthy, and what data there is was begun by a run that did not end."""
    nodes = topology.group("etcd")
    return live_members(topology) is None and all(host_facts(node).get("beginning") == "new" for node in nodes if has_data(node))


def lost(topology: Topology) -> List[Node]:
    """Members that the others know from their own word, and whose data is not there."""
    members = live_members(topology) or []
    found = []
    for node in topology.group("etcd"):
        known = known_as(members, peer(node))
        if node.readable and not has_data(node) and known is not None and known.client_urls:
            found.append(node)
    return found


def authority_host(topology: Topology) -> Optional[Node]:
    """The host that has the authority with its key; else the first, which is to make it."""
    nodes = topology.group("etcd")
    holding = [node for node in nodes if host_facts(node).get("authority") and host_facts(node).get("authority_key") is True]
    return next(iter(holding or nodes), None)


def clients(topology: Topology) -> List[str]:
    """The control planes whose certificate for etcd is missing, another authority's, or near its end."""
    host = authority_host(topology)
    authority = text(host_facts(host).get("authority")) if host else ""
    return [node.host for node in topology.control_planes if not _has_client(node, authority, _renew_before(host))]


def _renew_before(host: Optional[Node]) -> float:
    value = host.number_setting("etcd_certificate_renew_before_days") if host else None
    return RENEW_BEFORE_DAYS if value is None else value


def _has_client(node: Node, authority: str, days: float) -> bool:
    known = [mapping(entry) for entry in entries(node.facts.get("certificates"))]
    left = [number(entry.get("days_left")) for entry in known if entry.get("path") == CLIENT_CERTIFICATE]
    current = bool(authority) and text(host_facts(node).get("client_authority")) == authority
    return current and bool(left) and left[0] is not None and left[0] >= days


def tuning(topology: Topology) -> Tuning:
    """Heartbeat and election for the longest round trip that was measured between two members."""
    nodes = topology.group("etcd")
    trips = [number(trip) or 0.0 for node in nodes for trip in mapping(host_facts(node).get("round_trips_ms")).values()]
    current = [
        Tuning(int(heartbeat), int(election))
        for node in nodes
        for heartbeat, election in [
            (number(host_facts(node).get("heartbeat_interval")), number(host_facts(node).get("election_timeout")))
        ]
        if heartbeat is not None and election is not None
    ]
    return tuned(max(trips, default=0.0), current)


def plan_etcd(topology: Topology) -> Dict[str, Any]:
    """The plan for external etcd as plain data; empty lists where etcd is stacked."""
    external = topology.settings.etcd_mode == "external"
    nodes = topology.group("etcd") if external else []
    given = [text(url) for url in topology.settings.etcd_endpoints] if external else []
    together = live_members(topology) is None
    bootstrap = together and founding(topology)
    begin = [node for node in nodes if together and (bootstrap or has_data(node))]
    others = [node for node in nodes if node not in begin]
    # Those that run first: whoever joins does so beside members that are as they should be.
    others.sort(key=lambda node: not has_data(node))
    host = authority_host(topology) if nodes else None
    needing = clients(topology) if nodes else []
    lacking = [node.host for node in nodes if not (host_facts(node).get("authority") and host_facts(node).get("authority_key"))]
    heartbeat, election = tuning(topology)
    return {
        "endpoints": given or [peer(node).client_url for node in nodes if node.address is not None],
        "given": [node.host for node in topology.control_planes] if given else [],
        "members": [peer(node)._asdict() for node in nodes],
        "bootstrap": bootstrap,
        "together": [node.host for node in begin],
        "one_by_one": [node.host for node in others],
        "pods": [node.host for node in nodes if in_pod(node)],
        "authority": host.host if host and (lacking or needing) else None,
        "clients": needing,
        "tuning": {"heartbeat_interval": heartbeat, "election_timeout": election},
        "round_trip_ms": max(
            (number(trip) or 0.0 for node in nodes for trip in mapping(host_facts(node).get("round_trips_ms")).values()),
            default=None,
        ),
    }


def summary(topology: Topology, plan: Mapping[str, Any]) -> List[str]:
    """One line for each etcd host, in the order in which things happen."""
    lines = []
    gone = lost(topology)
    for host in plan["together"]:
        node = topology.nodes[host]
        if plan["bootstrap"]:
            lines.append(
                "%s: begin etcd with the other members%s" % (host, " (finish what was begun)" if configured(node) else " (blank)")
            )
        else:
            lines.append("%s: start etcd again" % host)
    for host in plan["one_by_one"]:
        node = topology.nodes[host]
        if node in gone:
            lines.append("%s: replace the etcd member, whose data is gone, by a learner" % host)
        elif not has_data(node):
            lines.append("%s: join etcd as a learner" % host)
        else:
            lines.append("%s: etcd member, keep it as it should be" % host)
    return lines
