# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of external etcd: what a member is told, what is read back, and times that fit the network."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import (
    CERTIFICATE_DAYS,
    RENEW_BEFORE_DAYS,
    Peer,
    Tuning,
    beginning_of,
    certificate_paths,
    environment_text,
    parse_environment,
    settings_of,
    tuned,
)
from conftest import ROOT
from yaml_files import read_yaml

LAN = Tuning(100, 1000)


def test_a_member_that_finds_its_data_gone_is_never_told_to_be_a_new_cluster() -> None:
    assert settings_of(Peer("etcd1", "192.0.2.31"), "/var/lib/etcd", LAN, [], {})["initial-cluster-state"] == "existing"


def test_clients_and_peers_must_show_a_certificate_and_nothing_listens_without_tls() -> None:
    flags = settings_of(Peer("etcd1", "192.0.2.31"), "/var/lib/etcd", LAN, [], {})
    assert (flags["client-cert-auth"], flags["peer-client-cert-auth"]) == ("true", "true")
    assert [url for name, value in flags.items() for url in value.split(",") if url.startswith("http:")] == []
    assert "listen-metrics-urls" not in flags


def test_an_argument_of_the_user_wins() -> None:
    flags = settings_of(Peer("etcd1", "192.0.2.31"), "/d", LAN, ["http://127.0.0.1:2381"], {"snapshot-count": 5, "debug": True})
    assert (flags["snapshot-count"], flags["debug"], flags["listen-metrics-urls"]) == ("5", "true", "http://127.0.0.1:2381")


def test_what_is_written_is_read_back() -> None:
    flags = settings_of(Peer("etcd1", "2001:db8::31"), "/var/lib/etcd", LAN, [], {"quota-backend-bytes": 8589934592})
    assert flags["listen-peer-urls"] == "https://[2001:db8::31]:2380"
    assert parse_environment(environment_text(flags)) == flags


def test_members_begin_with_one_text_on_all_hosts() -> None:
    pairs = [("etcd1", "https://192.0.2.31:2380"), ("etcd2", "https://192.0.2.32:2380")]
    assert beginning_of("new", "prod", pairs)["initial-cluster"] == "etcd1=https://192.0.2.31:2380,etcd2=https://192.0.2.32:2380"


@pytest.mark.parametrize(
    ("rtt", "current", "expected"),
    [
        (0.3, [], LAN),
        (0.0, [Tuning(200, 2000)], Tuning(200, 2000)),
        (100.0, [], LAN),
        (123.4, [], Tuning(130, 1300)),
        # Within 0.5 to 1.5 times the round trip nothing is changed, since every change restarts every member.
        (150.0, [Tuning(130, 1300)] * 3, Tuning(130, 1300)),
        (90.0, [Tuning(130, 1300)] * 3, Tuning(130, 1300)),
        (80.0, [Tuning(130, 1300)] * 3, LAN),
        (270.0, [Tuning(130, 1300)] * 3, Tuning(270, 2700)),
        (199.0, [LAN] * 3, LAN),
        (201.0, [LAN] * 3, Tuning(210, 2100)),
        # Members that differ agree again.
        (120.0, [LAN, Tuning(130, 1300)], Tuning(120, 1200)),
        (90000.0, [], Tuning(5000, 50000)),
    ],
)
def test_the_heartbeat_follows_the_round_trip_and_the_election_is_ten_times_as_long(
    rtt: float, current: "list[Tuning]", expected: Tuning
) -> None:
    assert tuned(rtt, current) == expected


def test_a_servers_certificate_is_good_for_the_gateway_and_a_clients_is_for_clients_only() -> None:
    found = {
        path: (names, serves)
        for path, _common_name, names, serves in certificate_paths(Peer("etcd1", "192.0.2.31"), ["e1.example.org"])
    }
    assert found["/etc/etcd/pki/server"] == (["etcd1", "192.0.2.31", "localhost", "127.0.0.1", "::1", "e1.example.org"], True)
    assert found["/etc/etcd/pki/healthcheck-client"] == ([], False)


def test_the_days_of_certificates_are_the_roles() -> None:
    role = ROOT / "roles" / "etcd"
    options = read_yaml(role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    defaults = read_yaml(role / "defaults" / "main.yml")
    days = {"etcd_certificate_days": CERTIFICATE_DAYS, "etcd_certificate_renew_before_days": RENEW_BEFORE_DAYS}
    assert {name: defaults[name] for name in days} == days
    assert {name: options[name]["default"] for name in days} == days
