# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever people write and hosts say, the check answers in words and never with a traceback."""

from __future__ import annotations

import copy
from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.check import check_topology
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.settings import KINDS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SNIPPETS = [
    "10.244.0.0/16",
    "10.0.0.1",
    "::/0",
    "fd00::1",
    "[::1]:6443",
    "1.33.6",
    "cp1:8443",
    ":",
    "/",
    "ipvs",
    "all",
    "{{ x }}",
    "\u0663",
]
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(SNIPPETS), st.text(max_size=12))
values = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3))
)


@pytest.fixture
def right(stacked_ha: Any) -> Dict[str, Any]:
    return stacked_ha.data


def answer(data: Dict[str, Any]) -> None:
    outcome = check_topology(data)
    for problem in outcome.problems + outcome.warnings:
        assert problem.setting
        assert problem.problem
        assert problem.remedy
    assert isinstance(outcome.plan["summary"], list)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(drawn=st.dictionaries(st.sampled_from(sorted(KINDS)), values, max_size=4))
def test_any_value_of_any_setting_is_answered_in_words(right: Dict[str, Any], drawn: Dict[str, Any]) -> None:
    data = copy.deepcopy(right)
    data["settings"].update(drawn)
    answer(data)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    drawn=st.dictionaries(
        st.sampled_from(["node_address", "node_name", "physical_host", "keepalived_router_id", "cni_flannel_backend"]), values
    )
)
def test_any_value_of_a_hosts_variables_is_answered_in_words(right: Dict[str, Any], drawn: Dict[str, Any]) -> None:
    data = copy.deepcopy(right)
    data["hosts"]["cp2"]["vars"].update(drawn)
    answer(data)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_facts_of_any_form_are_survived(right: Dict[str, Any], data: Any) -> None:
    inventory = copy.deepcopy(right)
    facts = inventory["hosts"]["cp1"]["facts"]
    for name in data.draw(st.lists(st.sampled_from(sorted(facts)), max_size=4)):
        if isinstance(facts[name], list) and data.draw(st.booleans()):
            fields = st.sampled_from(
                ["interface", "address", "prefix", "destination", "gateway", "mount", "free_bytes", "name", "image"]
            )
            facts[name] = [data.draw(st.dictionaries(fields, values, max_size=5))]
        else:
            facts[name] = data.draw(values)
    answer(inventory)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["settings", "hosts", "playbook", "resolved", "other"]), values))
def test_data_of_any_form_is_survived(drawn: Dict[str, Any]) -> None:
    answer(drawn)
