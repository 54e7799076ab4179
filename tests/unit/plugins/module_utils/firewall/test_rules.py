from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.firewall.rules import (
    FirewallError,
    firewall_state,
    firewalld_policy,
    firewalld_zone,
    nftables_text,
    parse_rules,
    ufw_block,
)

PORTS = [
    {"port": 6443},
    {"port": "2379-2380", "protocol": "tcp", "sources": ["10.0.0.11/24", "fd00:1::/64"]},
    {"protocol": "vrrp", "sources": ["10.0.0.11", "10.0.0.12"]},
    {"port": 8472, "protocol": "udp", "sources": ["10.0.0.0/24"]},
]


def test_nftables_closes_only_the_listed_ports_and_only_to_strangers() -> None:
    text = nftables_text(parse_rules(PORTS), ["10.244.0.0/16"])
    lines = [line.strip() for line in text.splitlines()]
    assert "tcp dport 6443 accept" in lines
    assert "ip saddr { 10.0.0.0/24 } tcp dport 2379-2380 accept" in lines
    assert "ip6 saddr { fd00:1::/64 } tcp dport 2379-2380 accept" in lines
    assert [line for line in lines if line.endswith("drop")] == [
        "meta l4proto vrrp drop",
        "tcp dport 2379-2380 drop",
        "udp dport 8472 drop",
    ]
    assert "policy accept;" in text


def test_two_entries_of_one_port_do_not_shut_each_other_out() -> None:
    rules = parse_rules([{"port": 10250, "sources": ["10.0.0.1"]}, {"port": 10250, "sources": ["10.0.1.0/24"]}])
    lines = [line.strip() for line in nftables_text(rules, []).splitlines()]
    first_drop = lines.index("tcp dport 10250 drop")
    assert lines.index("ip saddr { 10.0.1.0/24 } tcp dport 10250 accept") < first_drop


@pytest.mark.skipif(shutil.which("nft") is None, reason="no nft here")
def test_nft_itself_takes_the_text(tmp_path: Any) -> None:
    path = tmp_path / "firewall.nft"
    path.write_text(nftables_text(parse_rules(PORTS), ["10.244.0.0/16", "fd00::/48"]))
    done = subprocess.run(["nft", "-c", "-f", str(path)], capture_output=True, text=True, check=False)
    if "Operation not permitted" in done.stderr:
        pytest.skip("nft needs root")
    assert done.returncode == 0, done.stderr


def test_firewalld_gets_a_policy_towards_the_host_and_a_zone_of_the_pods() -> None:
    policy = ElementTree.fromstring(firewalld_policy(parse_rules(PORTS)))
    assert policy.find("egress-zone").get("name") == "HOST"  # type: ignore[union-attr]
    assert [rule.get("family") for rule in policy.findall("rule")] == [None, "ipv4", "ipv6", "ipv4", "ipv4", "ipv4"]
    zone = ElementTree.fromstring(firewalld_zone(["10.244.0.0/16"]))
    assert [source.get("address") for source in zone.findall("source")] == ["10.244.0.0/16"]


def test_ufw_gets_each_family_in_its_own_file() -> None:
    rules = parse_rules(PORTS)
    four, six = ufw_block(rules, ["10.244.0.0/16"], 4), ufw_block(rules, [], 6)
    assert "-A ufw-before-input -s 10.0.0.0/24 -p tcp --dport 2379:2380 -j ACCEPT" in four
    assert "-A ufw-before-forward -d 10.244.0.0/16 -j ACCEPT" in four
    assert "fd00" not in four
    assert six.splitlines() == [
        "*filter",
        "-A ufw6-before-input -p tcp --dport 6443 -j ACCEPT",
        "-A ufw6-before-input -s fd00:1::/64 -p tcp --dport 2379:2380 -j ACCEPT",
        "COMMIT",
    ]


def test_an_unmanaged_firewall_is_not_touched() -> None:
    assert firewall_state(PORTS, "unmanaged", []) == {"files": [], "services": []}


@pytest.mark.parametrize(
    ("port", "words"),
    [
        ({"port": 0}, "no port"),
        ({"port": 70000}, "no port"),
        ({"port": "100-50"}, "no port"),
        ({"port": "etcd"}, "no port"),
        ({}, "no port"),
        ({"port": 6443, "protocol": "icmp"}, "tcp, udp, vrrp"),
        ({"port": 112, "protocol": "vrrp"}, "Leave port out"),
        ({"port": 6443, "sources": ["10.0.0.0/33"]}, "no subnet"),
    ],
)
def test_what_is_no_rule_is_refused_with_what_to_write(port: Dict[str, Any], words: str) -> None:
    with pytest.raises(FirewallError, match=words):
        parse_rules([port])
