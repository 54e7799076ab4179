# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says about external etcd, and the measurements of its disk and of the way to the other members."""

from __future__ import annotations

import os
import pathlib
import socket
from typing import Any

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import (
    Peer,
    Tuning,
    beginning_of,
    environment_text,
    settings_of,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node import external_etcd, health
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.problems import Problems
from fakes import FakeRunner

SETTINGS = environment_text(settings_of(Peer("etcd1", "192.0.2.31"), "/data/etcd", Tuning(150, 1500), [], {}))


def test_a_blank_host_says_so() -> None:
    assert external_etcd.read(FakeRunner(), Problems()) == {
        "configured": False,
        "static_pod": False,
        "beginning": None,
        "heartbeat_interval": None,
        "election_timeout": None,
        "authority": None,
        "authority_key": False,
        "client_authority": None,
    }


def test_a_member_that_begins_says_how() -> None:
    beginning = environment_text(beginning_of("new", "prod", [("etcd1", "https://192.0.2.31:2380")]))
    files = {"/etc/etcd/etcd.env": SETTINGS, "/etc/etcd/beginning.env": beginning, "/etc/etcd/pki/ca.key": "secret"}
    found = external_etcd.read(FakeRunner(files=files), Problems())
    assert (found["configured"], found["beginning"], found["authority_key"]) == (True, "new", True)
    assert (found["heartbeat_interval"], found["election_timeout"]) == (150, 1500)
    assert "secret" not in str(found)


def test_a_damaged_authority_is_a_problem_and_no_exception() -> None:
    problems = Problems()
    assert external_etcd.read(FakeRunner(files={"/etc/etcd/pki/ca.crt": "nonsense"}), problems)["authority"] is None
    assert "/etc/etcd/pki/ca.crt" in problems.texts[0]


def test_a_member_under_systemd_is_asked_with_its_own_certificates() -> None:
    asked = []

    def connect(*words: Any) -> Any:
        asked.append(words)
        raise EtcdError("https://127.0.0.1:2379", "refused", "start it")

    files = {"/etc/etcd/etcd.env": SETTINGS, "/data/etcd/member/wal/0.wal": "x"}
    files.update({"/etc/etcd/pki/" + name: "x" for name in ("ca.crt", "healthcheck-client.crt", "healthcheck-client.key")})
    found = health.read_etcd(FakeRunner(files=files), connect=connect)
    assert found is not None and (found["data_dir"], found["data_present"], found["healthy"]) == ("/data/etcd", True, False)
    client = "/etc/etcd/pki/healthcheck-client"
    assert asked[0][:4] == ("https://127.0.0.1:2379", "/etc/etcd/pki/ca.crt", client + ".crt", client + ".key")


def test_a_host_that_is_set_up_and_has_no_data_is_not_taken_for_a_member() -> None:
    assert health.read_etcd(FakeRunner(files={"/etc/etcd/etcd.env": SETTINGS})) is None


@pytest.mark.parametrize(("values", "expected"), [([5.0], 5.0), (list(range(1, 101)), 99), (list(range(1, 301)), 297)])
def test_ninety_nine_of_a_hundred(values: "list[float]", expected: float) -> None:
    assert external_etcd.percentile(values, 99) == expected


def test_the_disk_is_measured_where_the_data_will_be_and_nothing_is_left(tmp_path: pathlib.Path) -> None:
    found = external_etcd.disk_p99(str(tmp_path / "not" / "yet" / "there"))
    assert found is not None and found > 0
    assert os.listdir(tmp_path) == []


def test_a_slow_disk_is_not_waited_for_longer_than_four_seconds(tmp_path: pathlib.Path) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.1
        return now[0]

    assert external_etcd.disk_p99(str(tmp_path), clock) == pytest.approx(100.0)
    assert now[0] < 5


def test_a_refused_connection_is_a_round_trip_too() -> None:
    found = external_etcd.round_trip("127.81.9.9")
    assert found is not None and 0 <= found < 1000


def test_an_address_that_does_not_answer_has_no_round_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_arguments: Any, **_more: Any) -> Any:
        raise socket.timeout

    monkeypatch.setattr(socket, "create_connection", lost)
    assert external_etcd.round_trip("192.0.2.99") is None
    assert external_etcd.measure("/", ["192.0.2.99"], disk=False) == {"disk_p99_ms": None, "round_trips_ms": {}}
