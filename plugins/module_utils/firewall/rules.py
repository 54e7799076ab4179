# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sources may reach which ports of a node, in the files of three firewalls.

firewalld and ufw close a node by themselves, so there a rule opens a port. nftables has no such ground, and a rule of one table
can't open what another closes: our table only closes the listed ports to sources that are not listed.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence

_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?\Z")
PROTOCOLS = ("tcp", "udp", "vrrp")
NFTABLES_FILE = "/etc/baremetal-kubernetes/firewall.nft"
NFTABLES_UNIT = "baremetal-kubernetes-firewall.service"
_HEADER = "Written by baremetal.kubernetes.host. Changes made here are lost."


class FirewallError(ValueError):
    """A rule that no firewall could hold; ``remedy`` says what to write."""

    def __init__(self, setting: str, problem: str, remedy: str) -> None:
        self.setting = setting
        self.problem = problem
        self.remedy = remedy
        super().__init__("%s: %s %s" % (setting, problem, remedy))


class Rule(NamedTuple):
    """One port, or a range of them ("30000-32767"), open to ``sources``; none means to everybody."""

    port: str
    protocol: str
    sources: List[str]

    def sources_of(self, family: int) -> List[str]:
        return of_family(self.sources, family)


def of_family(subnets: Sequence[str], family: int) -> List[str]:
    """The subnets that are IPv4 (4) or IPv6 (6)."""
    return [subnet for subnet in subnets if ipaddress.ip_network(subnet).version == family]


def parse_rules(ports: Sequence[Mapping[str, Any]]) -> List[Rule]:
    """The rules in host_firewall_ports.

    :raises FirewallError: a port, protocol or subnet is none.
    """
    rules = []
    for entry in ports:
        protocol = str(entry.get("protocol") or "tcp")
        if protocol not in PROTOCOLS:
            raise FirewallError(
                "host_firewall_ports, protocol %r" % protocol, "it is unknown.", "Choose from %s." % ", ".join(PROTOCOLS)
            )
        port = "" if entry.get("port") is None else str(entry["port"])
        match = _PORT.match(port)
        if protocol == "vrrp":
            if port:
                raise FirewallError("host_firewall_ports, port %s" % port, "VRRP has no ports.", "Leave port out.")
        elif not match or not 0 < int(match.group(1)) <= int(match.group(2) or match.group(1)) < 65536:
            raise FirewallError(
                "host_firewall_ports, port %r" % port, "this is no port.", 'Write 6443, or "30000-32767" for a range.'
            )
        rules.append(Rule(port, protocol, parse_subnets(entry.get("sources") or [], "host_firewall_ports, sources")))
    return rules


def parse_subnets(subnets: Sequence[Any], setting: str) -> List[str]:
    """The subnets in their plain form; a single address is a subnet of one."""
    plain = []
    for subnet in subnets:
        try:
            plain.append(str(ipaddress.ip_network(str(subnet).strip(), strict=False)))
        except ValueError:
            raise FirewallError("%s %r" % (setting, subnet), "this is no subnet.", "Write one as in 192.0.2.0/24.")
    return plain


def firewall_state(ports: Sequence[Mapping[str, Any]], kind: str, trusted: Sequence[str]) -> Dict[str, List[Dict[str, Any]]]:
    """Files and services as host_state takes them, for one of firewalld, nftables, ufw; nothing for unmanaged."""
    rules = parse_rules(ports)
    subnets = parse_subnets(trusted, "host_firewall_trusted_subnets")
    if kind == "nftables":
        return _nftables(rules, subnets)
    if kind == "firewalld":
        return _firewalld(rules, subnets)
    if kind == "ufw":
        return _ufw(rules, subnets)
    return {"files": [], "services": []}


def nftables_text(rules: Sequence[Rule], trusted: Sequence[str]) -> str:
    """A table of our own. Loading it replaces the one before in one transaction."""
    lines = ["iifname lo accept", "ct state established,related accept"]
    for keyword, family in (("ip", 4), ("ip6", 6)):
        lines += ["%s saddr { %s } accept" % (keyword, ", ".join(subnets)) for subnets in [of_family(trusted, family)] if subnets]
    for rule in rules:
        if not rule.sources:
            lines.append("%s accept" % _nft_match(rule))
        for keyword, family in (("ip", 4), ("ip6", 6)):
            subnets = rule.sources_of(family)
            if subnets:
                lines.append("%s saddr { %s } %s accept" % (keyword, ", ".join(subnets), _nft_match(rule)))
    for match in sorted({_nft_match(rule) for rule in rules if rule.sources}):
        lines.append("%s drop" % match)
    body = "\n".join("    " + line for line in lines)
    name = "table inet baremetal_kubernetes"
    return (
        "# %s\n# The first line makes the table where there is none, so that the second can always take it away.\n"
        "%s\ndelete %s\n%s {\n  chain input {\n    type filter hook input priority -5; policy accept;\n%s\n  }\n}\n"
        % (_HEADER, name, name, name, body)
    )


def firewalld_policy(rules: Sequence[Rule]) -> str:
    """A policy for what comes from any zone to the host itself (firewalld 0.9 and newer)."""
    lines = []
    for rule in rules:
        what = (
            '<protocol value="vrrp"/>'
            if rule.protocol == "vrrp"
            else '<port port="%s" protocol="%s"/>' % (rule.port, rule.protocol)
        )
        if not rule.sources:
            lines.append("<rule>%s<accept/></rule>" % what)
        for subnet in rule.sources:
            family = "ipv%d" % ipaddress.ip_network(subnet).version
            lines.append('<rule family="%s"><source address="%s"/>%s<accept/></rule>' % (family, subnet, what))
    body = "".join("  %s\n" % line for line in lines)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<!-- %s -->\n<policy priority="-100" target="CONTINUE">\n'
        '  <short>Kubernetes</short>\n  <ingress-zone name="ANY"/>\n  <egress-zone name="HOST"/>\n%s</policy>\n' % (_HEADER, body)
    )


def firewalld_zone(trusted: Sequence[str]) -> str:
    """A zone that accepts all that comes from the trusted subnets, which are those of the pods."""
    body = "".join('  <source address="%s"/>\n' % subnet for subnet in trusted)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<!-- %s -->\n<zone target="ACCEPT">\n'
        "  <short>Kubernetes pods</short>\n%s</zone>\n" % (_HEADER, body)
    )


def ufw_block(rules: Sequence[Rule], trusted: Sequence[str], family: int) -> str:
    """Rules for the end of ufw's before.rules (family 4) or before6.rules (6)."""
    prefix = "ufw-before" if family == 4 else "ufw6-before"
    lines = []
    for subnet in of_family(trusted, family):
        lines.append("-A %s-input -s %s -j ACCEPT" % (prefix, subnet))
        lines += ["-A %s-forward -%s %s -j ACCEPT" % (prefix, side, subnet) for side in ("s", "d")]
    for rule in rules:
        match = "-p vrrp" if rule.protocol == "vrrp" else "-p %s --dport %s" % (rule.protocol, rule.port.replace("-", ":"))
        sources = rule.sources_of(family)
        lines += ["-A %s-input -s %s %s -j ACCEPT" % (prefix, subnet, match) for subnet in sources]
        if not rule.sources:
            lines.append("-A %s-input %s -j ACCEPT" % (prefix, match))
    return "\n".join(["*filter"] + lines + ["COMMIT"]) + "\n" if lines else ""


def _nft_match(rule: Rule) -> str:
    return "meta l4proto vrrp" if rule.protocol == "vrrp" else "%s dport %s" % (rule.protocol, rule.port)


def _nftables(rules: Sequence[Rule], trusted: Sequence[str]) -> Dict[str, List[Dict[str, Any]]]:
    unit_path = "/etc/systemd/system/" + NFTABLES_UNIT
    unit = (
        "# %s\n[Unit]\nDescription=Firewall rules for Kubernetes' ports\n"
        "Wants=network-pre.target\nBefore=network-pre.target\n"
        "After=nftables.service\n\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/sbin/nft -f %s\n"
        "ExecReload=/usr/sbin/nft -f %s\n"
        "ExecStop=/usr/sbin/nft delete table inet baremetal_kubernetes\n\n[Install]\nWantedBy=multi-user.target\n"
        % (_HEADER, NFTABLES_FILE, NFTABLES_FILE)
    )
    return {
        "files": [
            {"path": NFTABLES_FILE, "content": nftables_text(rules, trusted), "validate": "nft -c -f %s"},
            {"path": unit_path, "content": unit},
        ],
        "services": [{"name": NFTABLES_UNIT, "state": "started", "enabled": True, "reload_on": [NFTABLES_FILE]}],
    }


def _firewalld(rules: Sequence[Rule], trusted: Sequence[str]) -> Dict[str, List[Dict[str, Any]]]:
    policy = "/etc/firewalld/policies/kubernetes.xml"
    zone = "/etc/firewalld/zones/kubernetes-pods.xml"
    return {
        "files": [
            {"path": policy, "content": firewalld_policy(rules)},
            {"path": zone, "content": firewalld_zone(trusted)},
        ],
        "services": [{"name": "firewalld", "state": "started", "enabled": True, "reload_on": [policy, zone]}],
    }


def _ufw(rules: Sequence[Rule], trusted: Sequence[str]) -> Dict[str, List[Dict[str, Any]]]:
    files = [
        {"path": "/etc/ufw/%s" % name, "block": "kubernetes", "mode": "0640", "content": ufw_block(rules, trusted, family)}
        for name, family in (("before.rules", 4), ("before6.rules", 6))
    ]
    paths = [entry["path"] for entry in files]
    return {"files": files, "services": [{"name": "ufw", "state": "started", "enabled": True, "restart_on": paths}]}
