# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of all roles are checked at once, and each value once however many hosts have it."""

from __future__ import annotations

import pathlib
from typing import Any, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils import role_settings
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.role_settings import RoleOption, check_role_settings

OPTIONS = {
    "keepalived_advert_interval": RoleOption("keepalived", {"type": "float"}),
    "keepalived_authentication": RoleOption("keepalived", {"type": "str", "choices": ["none", "hmac"], "required": True}),
    "container_runtime_registries": RoleOption(
        "container_runtime", {"type": "list", "elements": "dict", "options": {"name": {"type": "str", "required": True}}}
    ),
    "host_firewall": RoleOption("host", {"type": "str"}),
}


def problems(**variables: Any) -> List[Problem]:
    return check_role_settings({"cp1": dict(variables), "cp2": dict(variables)}, OPTIONS)


def test_right_values_and_other_peoples_variables_pass() -> None:
    registries = [{"name": "docker.io"}]
    assert (
        problems(keepalived_advert_interval="0.5", container_runtime_registries=registries, my_setting=1, worker_pool="a")
        == []
    )


def test_a_required_setting_of_another_role_is_not_asked_for() -> None:
    assert problems(keepalived_advert_interval=1) == []


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"keepalived_advert_interval": "often"}, "a number is needed"),
        ({"keepalived_authentication": "md5"}, "none, hmac"),
        ({"container_runtime_registries": [{"server": "x"}]}, "name"),
    ],
)
def test_a_wrong_value_is_said_once_for_all_hosts(variables: Dict[str, Any], words: str) -> None:
    found = problems(**variables)
    assert found
    assert all(one.hosts == ("cp1", "cp2") and not one.warning for one in found)
    assert any(words in one.problem for one in found)


def test_a_misspelt_setting_is_refused_with_the_one_that_was_meant() -> None:
    (found,) = problems(keepalived_advert_intervall=1)
    assert "did you mean keepalived_advert_interval?" in found.problem
    assert not found.warning


def test_what_an_earlier_task_of_the_run_came_to_is_no_setting() -> None:
    registered = {"changed": True, "failed": False, "host": "cp1"}
    assert problems(keepalived_advert_intervals=registered, host_done=registered) == []


def test_a_variable_that_only_begins_like_a_role_is_a_warning() -> None:
    (found,) = problems(keepalived_colour="red")
    assert found.warning


def test_variables_that_begin_with_host_are_peoples_own() -> None:
    assert problems(host_owner="me") == []
    (found,) = problems(host_firewal="ufw")
    assert found.warning
    assert "host_firewall" in found.problem


def test_a_setting_without_a_value_is_refused() -> None:
    (found,) = problems(keepalived_advert_interval=None)
    assert "nothing is written there" in found.problem
    assert "ansible-doc -t role baremetal.kubernetes.keepalived" in found.remedy


def test_what_is_wrong_is_taken_out_for_the_checks_to_come() -> None:
    hosts: Dict[str, Dict[str, Any]] = {
        "cp1": {"keepalived_authentication": "md5", "container_runtime_registries": [{"name": "docker.io"}, "x"]},
        "cp2": {"keepalived_authentication": "hmac"},
    }
    assert len(check_role_settings(hosts, OPTIONS)) == 2
    assert hosts == {"cp1": {"container_runtime_registries": [{"name": "docker.io"}]}, "cp2": {"keepalived_authentication": "hmac"}}


def test_a_name_of_the_whole_cluster_behind_a_roles_prefix_is_known() -> None:
    (found,) = problems(keepalived_vip="192.0.2.100")
    assert "did you mean cluster_vip?" in found.problem
    assert found.warning
    assert problems(host_name="mine") == []


def test_only_what_is_alike_behind_the_prefix_was_meant() -> None:
    (found,) = problems(container_runtime_releases="x")
    assert found.warning


def test_the_specifications_of_this_collection_can_all_be_read_and_defaults_fit() -> None:
    roles = pathlib.Path(__file__).resolve().parents[4] / "roles"
    options = role_settings.load_options(str(roles))
    assert "container_runtime_registries" in options
    for role in role_settings.ROLES:
        defaults = role_settings.load_yaml(str(roles / role / "defaults" / "main.yml")) or {}
        plain = {name: value for name, value in defaults.items() if "{{" not in str(value) and value != ""}
        assert check_role_settings({"host1": plain}, options) == [], role


def test_every_role_with_settings_of_its_own_is_checked() -> None:
    roles = pathlib.Path(__file__).resolve().parents[4] / "roles"
    # cluster_* are module_utils/topology's.
    assert {path.name for path in roles.iterdir()} - {"cluster"} == set(role_settings.ROLES)
