# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""External etcd: its hosts, data that is not where it should be, its authority, and a cluster that somebody else runs."""

from __future__ import annotations

import base64
import ipaddress
import re
import urllib.parse
from typing import Dict, Iterator, List

from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.runtime import numbers
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.members import known_as
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.operation import opt_in
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import CERTIFICATE_DAYS, RENEW_BEFORE_DAYS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.external_etcd import (
    configured,
    etcd_facts,
    founding,
    has_data,
    host_facts,
    in_pod,
    live_members,
    lost,
    peer,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import (
    Topology,
    entries,
    number,
    text,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, did_you_mean, grouped, listed
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.restoring import RESTORE

PORTS = (2379, 2380)
#: The object identifier rsaEncryption (1.2.840.113549.1.1.1) in DER.
RSA = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
#: How a PEM text of each file begins, and what it is.
PEM = {
    "cluster_etcd_ca_file": ("-----BEGIN CERTIFICATE-----", "certificate"),
    "cluster_etcd_certificate_file": ("-----BEGIN CERTIFICATE-----", "certificate"),
    "cluster_etcd_key_file": ("PRIVATE KEY-----", "private key without a passphrase"),
}
UPGRADE = "upgrade"
#: So many times over the limit of fdatasync a member would lose its leader at every burst of writes.
HOPELESS = 10
#: etcd ends at once outside of these (embed/config.go, Validate).
ELECTION_FACTOR, LONGEST_ELECTION = 5, 50000


def check(topology: Topology) -> Iterator[Problem]:
    yield from _disks(topology)
    if topology.settings.etcd_mode == "stacked":
        yield from _without_external(topology)
    if topology.settings.etcd_mode != "external":
        return
    if topology.settings.etcd_endpoints:
        yield from _given(topology)
        return
    yield from _hosts(topology)
    yield from _foreign(topology)
    yield from _versions(topology)
    if topology.playbook != RESTORE:
        # A restore sets aside whatever is left of their data.
        yield from _lost(topology)
        yield from _members(topology)
    yield from _authority(topology)
    yield from _values(topology)


def _disks(topology: Topology) -> Iterator[Problem]:
    limit = topology.settings.etcd_disk_limit_ms
    slow: Dict[bool, List[str]] = {}
    hosts: Dict[bool, List[str]] = {}
    for node in topology.etcd_members:
        found = number(host_facts(node).get("disk_p99_ms"))
        if found is not None and found > limit:
            hopeless = found > HOPELESS * limit
            slow.setdefault(hopeless, []).append("%.1f ms on %s" % (found, node.host))
            hosts.setdefault(hopeless, []).append(node.host)
    for hopeless, words in slow.items():
        yield Problem(
            "cluster_etcd_disk_limit_ms",
            "fdatasync on the disk for etcd's data takes %s in the slowest of a hundred writes, and etcd asks for less than 10 ms%s"
            % (listed(words, 3), ": it would lose its leader whenever much is written" if hopeless else ""),
            "put the data on an SSD or NVMe disk that nothing else writes to; to accept it write cluster_etcd_disk_limit_ms: %d"
            % _next_limit(words),
            tuple(hosts[hopeless]),
            warning=not hopeless,
        )


def _versions(topology: Topology) -> Iterator[Problem]:
    """kubeadm refuses an older etcd, minutes later; distributions keep lines that etcd itself has long given up."""
    release = topology.release
    if release is None or topology.playbook == UPGRADE:
        # Module upgrade_plan says what an upgrade needs of it.
        return
    old: Dict[str, List[str]] = {}
    for node in topology.group("etcd"):
        version = node.package("etcd") if text(node.setting("etcd_deployment")) != "static_pod" else ""
        if numbers(version) and numbers(version) < numbers(release.etcd_minimum):
            old.setdefault(version, []).append(node.host)
    for version, hosts in old.items():
        yield Problem(
            "etcd_deployment",
            "etcd %s is installed on %s, and kubeadm of Kubernetes %s takes %s or newer"
            % (version, listed(hosts), release.version.minor_text, release.etcd_minimum),
            "write static_pod, which brings the image that belongs to the version; or install a newer one and name it in "
            "etcd_program",
            tuple(hosts),
        )


def _next_limit(words: List[str]) -> int:
    return int(max(float(word.split(" ")[0]) for word in words)) + 1


def _without_external(topology: Topology) -> Iterator[Problem]:
    if topology.settings.etcd_endpoints:
        yield Problem(
            "cluster_etcd_endpoints",
            "cluster_etcd_mode is stacked, so nobody would use this etcd",
            "set cluster_etcd_mode: external, or remove cluster_etcd_endpoints",
        )


def _given(topology: Topology) -> Iterator[Problem]:
    settings = topology.settings
    for url in settings.etcd_endpoints:
        yield from _endpoint(text(url))
    names = {
        "cluster_etcd_ca_file": settings.etcd_ca_file,
        "cluster_etcd_certificate_file": settings.etcd_certificate_file,
        "cluster_etcd_key_file": settings.etcd_key_file,
    }
    for name, path in names.items():
        if not path:
            yield Problem(
                name,
                "it is not set, and the API servers reach the etcd in cluster_etcd_endpoints by TLS only",
                "name the file on this computer that holds it, as PEM",
            )
        elif not text(topology.files.get(path)):
            yield Problem(
                name,
                "there is no readable file %s on this computer" % path,
                "correct the path, or make it readable for the user that runs this",
            )
        elif PEM[name][0] not in text(topology.files.get(path)) or "ENCRYPTED" in text(topology.files.get(path)):
            yield Problem(name, "%s holds no %s as PEM" % (path, PEM[name][1]), "name another file")
        elif name == "cluster_etcd_key_file" and not _kubeadm_reads(text(topology.files.get(path))):
            yield Problem(
                name,
                "%s holds a key in PKCS #8 that is not RSA: kubeadm can't pass it on to control planes that join" % path,
                "for elliptic curves: openssl ec -in %s -out NEW_FILE, and name that one" % path,
            )
    hosts = tuple(node.host for node in topology.group("etcd"))
    if hosts:
        yield Problem(
            "group etcd",
            "cluster_etcd_endpoints names an etcd that somebody else runs, and here are hosts for one of our own",
            "take the hosts out of group etcd, or remove cluster_etcd_endpoints",
            hosts,
        )


def _kubeadm_reads(key: str) -> bool:
    """Whether kubeadm's upload-certs and join understand the key: PKCS #8 of RSA alone, or the older forms of RSA and EC."""
    block = re.search(r"-----BEGIN PRIVATE KEY-----(.*?)-----END PRIVATE KEY-----", key, re.DOTALL)
    if block is None:
        return True
    try:
        return RSA in base64.b64decode("".join(block.group(1).split()))[:40]
    except ValueError:
        return False


def _endpoint(url: str) -> Iterator[Problem]:
    remedy = "write it as https://192.0.2.31:2379"
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urllib.parse.urlsplit(""), None, None
    if parts.scheme != "https" or not host or not port or parts.path not in ("", "/"):
        yield Problem("cluster_etcd_endpoints", "%r is no https URL with a host and a port" % url, remedy)
        return
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if loopback:
        yield Problem("cluster_etcd_endpoints", "%s is each control plane itself" % url, remedy)


def _hosts(topology: Topology) -> Iterator[Problem]:
    nodes = topology.group("etcd")
    both = tuple(node.host for node in nodes if node.in_cluster)
    if both:
        yield Problem(
            "group etcd",
            "%s would be Kubernetes nodes and hosts of external etcd at once" % listed(both),
            "give etcd hosts of its own; for etcd on the control planes set cluster_etcd_mode: stacked",
            both,
        )
    for name, hosts in grouped((node.name, node.host) for node in nodes).items():
        if len(hosts) > 1:
            yield Problem(
                "node_name",
                "%s are all called %s, and etcd knows its members by name" % (listed(hosts), name),
                "give each its own",
                tuple(hosts),
            )
    taken = [node.host for node in nodes if not configured(node) and set(PORTS) & set(entries(node.facts.get("listening")))]
    if taken:
        yield Problem(
            "port 2379",
            "a program listens on it or on 2380 on %s, where this collection has not set up etcd" % listed(taken),
            "find it with `ss -ltnp 'sport = :2379'`; if it is an etcd that a package started: systemctl disable --now etcd",
            tuple(taken),
        )
    closed = [node.host for node in nodes if text(node.facts.get("firewall")) in ("firewalld", "ufw", "nftables")]
    if closed:
        yield Problem(
            "firewall",
            "one is active on %s, and role host sets none up on hosts of etcd" % listed(closed),
            "open 2379/tcp to the control planes and the other members, and 2380/tcp to the other members",
            tuple(closed),
            warning=True,
        )


def _foreign(topology: Topology) -> Iterator[Problem]:
    for node in topology.group("etcd"):
        if has_data(node) and not configured(node):
            folder = text(etcd_facts(node).get("data_dir")) or "/var/lib/etcd"
            yield Problem(
                "etcd on %s" % node.host,
                "%s/member holds data of an etcd that this collection did not set up" % folder,
                "if nothing in it is needed: mv %s/member %s/member.old, then run again" % (folder, folder),
                (node.host,),
            )
        elif configured(node) and has_data(node) and in_pod(node) != (host_facts(node).get("static_pod") is True):
            yield Problem(
                "etcd_deployment",
                "the member on %s runs as a %s, and is to be a %s: that is not changed in its place"
                % ((node.host,) + (("service", "static pod") if in_pod(node) else ("static pod", "service"))),
                "keep it as it is, or replace member after member on blank hosts of the same addresses (etcd_replace_member)",
                (node.host,),
            )
        elif configured(node) and has_data(node) and etcd_facts(node).get("healthy") is not True and live_members(topology):
            yield Problem(
                "etcd on %s" % node.host,
                "the member has data but is not healthy: %s" % (text(etcd_facts(node).get("message")) or "no reason is known"),
                "the run starts it; if that does not help, journalctl -u etcd there, or %s" % opt_in(node.name),
                (node.host,),
                warning=True,
            )


def _lost(topology: Topology) -> Iterator[Problem]:
    nodes = topology.group("etcd")
    wanted = {text(node.setting("etcd_replace_member")) for node in topology.nodes.values()} - {""}
    names = [node.name for node in nodes]
    for name in sorted(wanted):
        if name not in names and name not in [node.host for node in nodes]:
            meant = did_you_mean(name, names)
            yield Problem(
                "etcd_replace_member",
                "%r is in no host of group etcd%s" % (name, ", did you mean %s?" % meant if meant else ""),
                "write one of %s" % listed(names),
            )
    if len(wanted) > 1:
        yield Problem("etcd_replace_member", "it names %s" % listed(sorted(wanted)), "replace one member a run")
    gone = lost(topology)
    for node in gone:
        if not {node.name, node.host} & wanted:
            yield Problem(
                "etcd on %s" % node.host,
                "the other members know it as %s, but its data is not there" % node.name,
                "if a disk is not mounted, mount it; %s" % opt_in(node.name),
                (node.host,),
            )
    if live_members(topology) is None and not founding(topology):
        ready = [node.host for node in nodes if has_data(node)]
        empty = [node.host for node in nodes if node.readable and not has_data(node)]
        if empty and len(ready) <= len(nodes) // 2:
            yield Problem(
                "etcd",
                "no member answers, and only %s %s data: that is no majority of %d"
                % (listed(ready), "has" if len(ready) == 1 else "have", len(nodes)),
                "mount the disks of %s; where their data is lost for good, restore a snapshot" % listed(empty),
                tuple(empty),
            )


def _members(topology: Topology) -> Iterator[Problem]:
    members = live_members(topology)
    if members is None:
        return
    nodes = topology.group("etcd")
    known = {node.host: known_as(members, peer(node)) for node in nodes}
    strange = [
        member.name or "unstarted, %s" % listed(member.peer_urls) for member in members if member not in known.values()
    ]
    if strange:
        yield Problem(
            "group etcd",
            "etcd has members that are not in it: %s" % listed(strange),
            "put their hosts into the group; if they are gone for good: etcdctl member remove, on another member",
            warning=True,
        )
    for node in nodes:
        member = known[node.host]
        if member is not None and has_data(node) and peer(node).peer_url not in member.peer_urls:
            yield Problem(
                "node_address",
                "the member on %s is known at %s, and would be at %s"
                % (node.host, listed(member.peer_urls), peer(node).peer_url),
                "restore the address; %s" % opt_in(node.name),
                (node.host,),
            )


def _authority(topology: Topology) -> Iterator[Problem]:
    seen = grouped((text(host_facts(node).get("authority")), node.host) for node in topology.group("etcd"))
    seen.pop("", None)
    if len(seen) > 1:
        ordered = sorted(seen.values(), key=len, reverse=True)
        yield Problem(
            "/etc/etcd/pki/ca.crt",
            "the hosts of etcd have different authorities: %s" % "; ".join(listed(hosts) for hosts in ordered),
            "copy ca.crt and ca.key from %s to the others, and remove the certificates beside them there" % ordered[0][0],
            tuple(host for hosts in ordered[1:] for host in hosts),
        )
    elif seen and not any(host_facts(node).get("authority_key") is True for node in topology.group("etcd")):
        yield Problem(
            "/etc/etcd/pki/ca.key",
            "no host of etcd has it, so no certificate can be issued or renewed",
            "restore it from a backup to one of them",
            tuple(host for hosts in seen.values() for host in hosts),
        )


def _values(topology: Topology) -> Iterator[Problem]:
    nodes = topology.group("etcd")
    for name in ("etcd_heartbeat_interval", "etcd_election_timeout"):
        values = {node.number_setting(name) for node in nodes}
        if len(values) > 1:
            yield Problem(
                name,
                "the members have different values",
                "set it once for all of them: elections depend on it",
                tuple(node.host for node in nodes),
            )
    for node in nodes[:1]:
        heartbeat, election = node.number_setting("etcd_heartbeat_interval"), node.number_setting("etcd_election_timeout")
        if election and (election < ELECTION_FACTOR * (heartbeat or 100) or election > LONGEST_ELECTION):
            yield Problem(
                "etcd_election_timeout",
                "etcd does not start with %d ms: it takes %d times the heartbeat (%d ms) to %d ms"
                % (election, ELECTION_FACTOR, heartbeat or 100, LONGEST_ELECTION),
                "write %d, or 0 to have it measured" % (10 * (heartbeat or 100)),
            )
        days = node.number_setting("etcd_certificate_days")
        before = node.number_setting("etcd_certificate_renew_before_days")
        lasting, renewed = CERTIFICATE_DAYS if days is None else days, RENEW_BEFORE_DAYS if before is None else before
        if renewed >= lasting:
            yield Problem(
                "etcd_certificate_renew_before_days",
                "certificates last %d days and would be issued again %d days before their end, in every run" % (lasting, renewed),
                "write less than etcd_certificate_days",
            )
    public = sorted({text(url) for node in nodes for url in entries(node.setting("etcd_metrics_urls")) if not _local(text(url))})
    if public:
        yield Problem(
            "etcd_metrics_urls",
            "%s is open to everybody who reaches it, without TLS or a password" % listed(public),
            "let a firewall allow the monitoring alone, or write http://127.0.0.1:2381",
            warning=True,
        )


def _local(url: str) -> bool:
    try:
        host = urllib.parse.urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host == "localhost" or host.startswith("127.") or host == "::1"
