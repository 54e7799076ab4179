# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A value that a setting can't have is told where it stands, what it is, and what to write."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.forms import NOTHING, conform

VDEV: Dict[str, Any] = {
    "type": {"type": "str", "choices": ["single", "mirror"], "default": "single"},
    "disks": {"type": "list", "elements": "str", "required": True},
}
POOLS: Dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "options": {
        "name": {"type": "str", "required": True},
        "vdevs": {"type": "list", "elements": "dict", "required": True, "options": VDEV},
        "expand": {"type": "bool"},
    },
}
MIRROR = {"type": "mirror", "disks": ["/dev/a", "/dev/b"]}


def test_a_right_value_passes_as_it_is() -> None:
    pools = [{"name": "tank", "vdevs": [MIRROR], "expand": "yes"}]
    assert conform("zfs_pools", pools, POOLS) == ([{"name": "tank", "vdevs": [MIRROR], "expand": True}], [])


@pytest.mark.parametrize(
    ("value", "setting", "problem", "remedy"),
    [
        ("tank", "zfs_pools", "the text 'tank', and a list is needed", "- {name: …, vdevs: …}"),
        ({"tank": {}}, "zfs_pools", "it is a mapping", "each entry with a hyphen"),
        (["tank"], "zfs_pools[0]", "a mapping of names to values is needed", "{name: …, vdevs: …}"),
        ([{"name": "tank", "vdev": [MIRROR]}], "zfs_pools[0].vdev", "did you mean vdevs?", "write vdevs"),
        ([{"name": "tank"}], "zfs_pools[0]", "it has no vdevs", "add vdevs, which is a list"),
        ([{"name": "tank", "vdevs": [MIRROR], "expand": "soon"}], "zfs_pools[0].expand", "the text 'soon'", "write true or false"),
        ([{"name": "tank", "vdevs": [MIRROR, None]}], "zfs_pools[0].vdevs[1]", "nothing is written there", "or remove the line"),
        ([{"name": "tank", "vdevs": [{"disks": "/dev/a"}]}], "zfs_pools[0].vdevs[0].disks", "a list is needed", "write [/dev/a]"),
        (
            [{"name": "tank", "vdevs": [{"type": "miror", "disks": []}]}],
            "zfs_pools[0].vdevs[0].type",
            "none of single, mirror",
            "write mirror",
        ),
    ],
)
def test_each_fault_is_told_with_its_place(value: Any, setting: str, problem: str, remedy: str) -> None:
    (fault,) = conform("zfs_pools", value, POOLS)[1]
    assert fault.setting == setting
    assert problem in fault.problem
    assert remedy in fault.remedy


@pytest.mark.parametrize(
    ("value", "specification", "remedy"),
    [
        ("4h", {"type": "int", "default": 14400}, "without a unit, like 14400"),
        (2.5, {"type": "int"}, "write digits alone"),
        ("fast", {"type": "float", "default": 0.5}, "like 0.5"),
        (False, {"type": "str"}, 'put it in quotes, like "off"'),
        (["a"], {"type": "str"}, "write a"),
        (["a", "b"], {"type": "str"}, "in one line"),
        (9345, {"type": "list", "elements": "int"}, "write [9345]"),
        ("a, b", {"type": "list", "elements": "str"}, "write [a, b]"),
        ("cni=cilium", {"type": "dict"}, "{name: value}"),
    ],
)
def test_the_remedy_is_what_to_write(value: Any, specification: Dict[str, Any], remedy: str) -> None:
    (fault,) = conform("a_setting", value, specification)[1]
    assert remedy in fault.remedy


def test_a_version_that_yaml_read_as_a_number_has_lost_a_zero() -> None:
    (fault,) = conform("longhorn_version", 1.1, {"type": "str"})[1]
    assert "turns 1.30 into 1.3" in fault.problem


def test_a_word_that_yaml_reads_as_a_truth_value_is_the_choice_that_it_was() -> None:
    assert conform("a_setting", False, {"type": "str", "choices": ["off", "auto"]}) == ("off", [])


def test_numbers_and_truth_values_may_be_texts_as_on_the_command_line() -> None:
    assert conform("a_setting", "7", {"type": "int"}) == (7, [])
    assert conform("a_setting", "yes", {"type": "bool"}) == (True, [])


def test_a_list_may_be_a_text_only_where_the_command_line_gives_it() -> None:
    names = {"type": "list", "elements": "str"}
    assert conform("remove_nodes", "cp2, worker1", names, commas=True) == (["cp2", "worker1"], [])
    kept, faults = conform("remove_nodes", "cp2, worker1", names)
    assert kept == ["cp2", "worker1"]
    assert faults


def test_what_can_be_used_of_a_value_is_kept() -> None:
    pools = [{"name": "tank", "vdevs": [MIRROR, None, {"type": "striped", "disks": ["/dev/c"]}], "colour": "red"}, "x"]
    assert conform("zfs_pools", pools, POOLS)[0] == [{"name": "tank", "vdevs": [MIRROR, {"disks": ["/dev/c"]}]}]
    assert conform("zfs_pools", None, POOLS)[0] is NOTHING


def test_a_word_of_another_tool_stands_for_the_choice_that_was_meant() -> None:
    kept, (fault,) = conform("a_setting", "RAID1", {"type": "str", "choices": ["mirror", "raidz1"]})
    assert (kept, fault.remedy) == ("mirror", "write mirror")


@pytest.mark.parametrize("where", ["setting", "key"])
def test_a_value_that_may_be_a_password_is_not_shown(where: str) -> None:
    token, port = {"type": "str"}, {"type": "int"}
    credentials: Dict[str, Any] = {"type": "dict", "options": {"token": token, "port": port}}
    for secret in [credentials] if where == "setting" else [token, port]:
        secret["no_log"] = True
    for value in ("hunter2", {"token": ["hunter2"]}, {"port": "hunter2"}, [["hunter2"]]):
        faults = conform("failover_ip_credentials", value, credentials)[1]
        assert faults
        assert "hunter2" not in str(faults)
