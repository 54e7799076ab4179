# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watched hardware in the plan, and failover plans that could not be carried out refused before a host is touched."""

from __future__ import annotations

from typing import Any

import pytest

HOSTS = ("cp1", "cp2", "cp3", "worker1")
ALL = {
    "hardware_watch_enabled": True,
    "node_problem_detector_enabled": True,
    "hardware_watch_cordon": True,
    "hardware_watch_drain": True,
    "hardware_watch_move_address": True,
}


def test_nobody_watches_until_it_is_asked_for(stacked_ha: Any) -> None:
    assert stacked_ha.group("plan_hardware_watch") == []
    stacked_ha.set_all(hardware_watch_enabled="false")
    assert stacked_ha.group("plan_hardware_watch") == []


def test_every_host_that_says_so_watches_its_hardware(stacked_ha: Any) -> None:
    stacked_ha.set_all(**ALL)
    assert stacked_ha.problems == [] and stacked_ha.group("plan_hardware_watch") == list(HOSTS)
    stacked_ha.host("cp2")["vars"]["hardware_watch_enabled"] = "no"
    stacked_ha.refused(
        "hardware_watch_enabled", "hardware_watch_cordon, hardware_watch_drain and hardware_watch_move_address is set"
    )
    stacked_ha.set_all(**{name: False for name in ALL if name.startswith("hardware_watch_") and "enabled" not in name})
    stacked_ha.host("cp2")["vars"]["hardware_watch_enabled"] = "no"
    assert stacked_ha.problems == [] and stacked_ha.group("plan_hardware_watch") == ["cp1", "cp3", "worker1"]


def test_where_nodes_join_the_others_are_not_touched(stacked_ha: Any) -> None:
    stacked_ha.set_all(hardware_watch_enabled=True)
    stacked_ha.data["playbook"] = "join"
    joining = stacked_ha.group("plan_join_control_planes") + stacked_ha.group("plan_join_workers")
    assert sorted(stacked_ha.group("plan_hardware_watch")) == sorted(joining)


def test_without_conditions_of_nodes_control_planes_would_never_know(stacked_ha: Any) -> None:
    stacked_ha.set_all(**ALL)
    stacked_ha.set_all(node_problem_detector_enabled=False)
    stacked_ha.refused("node_problem_detector_enabled", "nobody tells the API of failing hardware")


def test_control_planes_that_differ_are_refused(stacked_ha: Any) -> None:
    stacked_ha.set_all(**ALL)
    stacked_ha.host("cp3")["vars"]["hardware_watch_dry_run"] = False
    stacked_ha.refused("hardware_watch_dry_run", "the control planes differ in it")


def test_an_address_that_keepalived_does_not_hold_can_not_be_moved(stacked_ha: Any, single: Any) -> None:
    single.set_all(**ALL)
    single.refused("hardware_watch_move_address", "no virtual address that could move")
    stacked_ha.set_all(**ALL)
    stacked_ha.set(vip_provider="kube_vip")
    stacked_ha.refused("hardware_watch_move_address", "kube-vip holds the address")


@pytest.mark.parametrize(
    ("variables", "setting"),
    [
        ({"hardware_watch_drain": True}, "hardware_watch_cordon"),
        ({"hardware_watch_thresholds": {"disk_heat": {"warning": 5}}}, "hardware_watch_thresholds.disk_heat"),
        ({"hardware_watch_interval": "3"}, "hardware_watch_interval"),
        ({"hardware_watch_keep_healthy": 0}, "hardware_watch_keep_healthy"),
    ],
)
def test_settings_that_make_no_sense_are_refused_once_for_all_hosts(stacked_ha: Any, variables: Any, setting: str) -> None:
    stacked_ha.set_all(hardware_watch_enabled=True, node_problem_detector_enabled=True, **variables)
    assert stacked_ha.refused(setting, "").hosts == HOSTS


def test_problems_and_metrics_are_brought_by_one_control_plane_where_they_are_asked_for(stacked_ha: Any) -> None:
    assert stacked_ha.group("plan_node_problem_detector") == stacked_ha.group("plan_monitoring") == []
    stacked_ha.set_all(node_problem_detector_enabled="yes", monitoring_mode="stack")
    assert stacked_ha.problems == []
    assert stacked_ha.group("plan_node_problem_detector") == stacked_ha.group("plan_monitoring") == ["cp1"]


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("node_problem_detector_image", "npd", "names no image with a version"),
        ("monitoring_webhook_url", "hooks.example.org", "no address of a web server"),
        ("monitoring_retention", "two weeks", "no time"),
    ],
)
def test_what_the_roles_would_refuse_is_refused_here(stacked_ha: Any, setting: str, value: str, words: str) -> None:
    stacked_ha.set_all(**{setting: value})
    stacked_ha.refused(setting, words)


def test_one_cluster_has_one_monitoring(stacked_ha: Any) -> None:
    stacked_ha.set_all(monitoring_mode="stack")
    stacked_ha.host("cp2")["vars"]["monitoring_mode"] = "existing"
    stacked_ha.refused("monitoring_mode", "the control planes differ in it")
