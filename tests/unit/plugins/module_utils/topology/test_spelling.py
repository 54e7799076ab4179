# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that nobody reads are told with the one that was meant, and other people's variables are left alone."""

from __future__ import annotations

from typing import Any, List, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import GROUPS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.settings import KINDS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.spelling import (
    OTHER_GROUPS,
    OTHER_WORDS,
    PREFIX,
    meant_group,
    meant_setting,
    stray_settings,
)

KNOWN = {*KINDS, "keepalived_preempt", "failover_ip_provider", "zfs_pools"}


def strays(name: str, value: Any = "x", given: Tuple[str, ...] = ()) -> List[str]:
    return [one.problem for one in stray_settings({name: (value, ["cp1"])}, KNOWN, set(given)) if one.warning]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("cluster_podsubnet", "cluster_pod_subnet"),
        ("cluster_pod_cidr", "cluster_pod_subnet"),
        ("cluster_cidr", "cluster_pod_subnet"),
        ("cluster_control_plane_endpoint", "cluster_endpoint"),
        ("cluster_kubernets_version", "cluster_kubernetes_version"),
        ("cluster_colour", ""),
    ],
)
def test_a_setting_of_the_cluster_by_another_name_is_known(name: str, meant: str) -> None:
    assert meant_setting(name, sorted(KINDS), PREFIX) == meant


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("kubernetes_version", "cluster_kubernetes_version"),
        ("pod_cidr", "cluster_pod_subnet"),
        ("vip", "cluster_vip"),
        ("Cluster_VIP", "cluster_vip"),
        ("cluster-cni", "cluster_cni"),
        ("clustr_vip", "cluster_vip"),
        ("failover_provider", "failover_ip_provider"),
        ("keepalive_preempt", "keepalived_preempt"),
    ],
)
def test_a_variable_that_only_looks_like_a_setting_is_told(name: str, meant: str) -> None:
    (problem,) = strays(name)
    assert "did you mean %s?" % meant in problem


def test_settings_within_a_mapping_are_told() -> None:
    (problem,) = strays("keepalived", {"preempt": False, "mine": 1})
    assert "did you mean keepalived_preempt?" in problem


def test_who_has_written_the_setting_may_have_a_variable_like_it() -> None:
    assert strays("vip", given=("cluster_vip",)) == []


@pytest.mark.parametrize("name", ["name", "audit", "my_servers", "vault_token", "backup_host", "users", "ntp_servers"])
def test_other_peoples_variables_are_left_alone(name: str) -> None:
    assert strays(name) == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [("masters", "control_plane"), ("control-plane", "control_plane"), ("Worker", "workers"), ("lb", "load_balancers"), ("db", "")],
)
def test_a_group_by_another_name_is_known(name: str, meant: str) -> None:
    assert meant_group(name, GROUPS) == meant


def test_other_words_stand_for_names_that_exist() -> None:
    assert {PREFIX + ours for ours in OTHER_WORDS.values()} <= set(KINDS)
    assert set(OTHER_GROUPS.values()) <= set(GROUPS)
    assert not {PREFIX + theirs for theirs in OTHER_WORDS} & set(KINDS)
