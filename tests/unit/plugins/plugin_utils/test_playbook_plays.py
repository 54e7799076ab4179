"""The phases that a plan tells of: which plays of a playbook have work, and on which hosts."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Set

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.phases import LATER, Play, matched, phases, with_plan
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.playbook_plays import plays_after_preflight
from conftest import ROOT
from documentation import playbook_texts
from roles_render import ansible_collections
from yaml_files import read_yaml

GROUPS = {"control_plane": ["cp1", "cp2", "cp3"], "workers": ["w1"], "plan_members": ["cp1", "w1"]}
PLAN_GROUP = re.compile(r"\bplan_\w+")


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [
        ("control_plane", ["cp1", "cp2", "cp3"]),
        ("control_plane:workers:!plan_members", ["cp2", "cp3"]),
        ("!plan_members:control_plane", ["cp2", "cp3"]),
        ("control_plane:&plan_members", ["cp1"]),
        ("plan_nobody", []),
        ("plan_upgrade_workers", None),
        ("control_plane:!plan_upgrade_os_ask", None),
    ],
)
def test_a_pattern_is_taken_as_ansible_takes_it(pattern: str, hosts: Optional[List[str]]) -> None:
    assert matched(pattern, GROUPS) == hosts


def test_after_another_plan_its_groups_are_not_known() -> None:
    plays = [Play("First", "plan_members"), Play("Again", "plan_members", True), Play("All", "workers", True), Play("?", None)]
    assert phases(plays, GROUPS) == [
        {"name": "First", "hosts": ["cp1", "w1"]},
        {"name": "Again", "hosts": None},
        {"name": "All", "hosts": ["w1"]},
        {"name": "?", "hosts": None},
    ]


def test_groups_of_an_earlier_plan_are_none_of_this_one() -> None:
    inventory = {"workers": ["w1"], "plan_init": ["old"]}
    assert with_plan(inventory, [{"host": "cp1", "groups": ["plan_init"]}]) == {"workers": ["w1"], "plan_init": ["cp1"]}


def plays(playbook: str, **variables: Any) -> List[Play]:
    with ansible_collections():
        return list(plays_after_preflight(DataLoader(), playbook, variables))


def test_the_plays_are_those_of_the_playbook_and_of_what_it_imports() -> None:
    names = [play.name for play in plays("stacked_ha")]
    assert names[0] == "Bring up pools and datasets"
    assert names.index("Hold the virtual address") < names.index("Make the first control plane") < names.index("Verify the cluster")
    assert "Read every node, then check the whole plan before any of them is touched" not in names


def test_variables_of_an_import_are_those_of_its_hosts() -> None:
    prepare = "Prepare"
    hosts = {name: [play.pattern for play in plays(name) if play.name.startswith(prepare)] for name in ("stacked_ha", "join")}
    assert "plan_prepare" in hosts["stacked_ha"]
    assert "plan_arriving" in hosts["join"]
    patterns: Dict[str, Optional[str]] = {play.name: play.pattern for play in plays("certificates")}
    assert patterns["Revoke the token"] is not None
    assert any(pattern and pattern.startswith("plan_rotate_") for pattern in patterns.values())


def test_restore_plans_again_on_its_way() -> None:
    known = {play.replanned for play in plays("restore")}
    assert known == {False, True}


@pytest.mark.parametrize("name", ["", "nowhere", "../../etc/passwd", "verify"])
def test_where_no_playbook_is_named_there_are_no_phases_or_those_of_its_own(name: str) -> None:
    assert [play.name for play in plays(name)] == (["Verify the cluster", "Verify a cluster of RKE2"] if name == "verify" else [])


@pytest.mark.parametrize("playbook", sorted(playbook_texts()))
def test_every_playbook_is_one_whose_plays_can_be_told(playbook: str) -> None:
    for play in read_yaml(ROOT / "playbooks" / (playbook + ".yml")):
        # A condition of an import is one of each of its tasks: their hosts would be told in vain.
        if "ansible.builtin.import_playbook" in play and play["ansible.builtin.import_playbook"] != "preflight.yml":
            assert "when" not in play
    assert all(play.name and play.pattern for play in plays(playbook))


def test_every_group_is_known_by_the_plan_or_decided_later() -> None:
    named: Set[str] = set()
    for playbook in playbook_texts():
        for play in plays(playbook):
            named.update(PLAN_GROUP.findall(play.pattern or ""))
    sources = [path.read_text() for path in (ROOT / "plugins" / "module_utils" / "topology").rglob("*.py")]
    known = {group for source in sources for group in re.findall(r'"(plan_\w+)"', source) if group not in LATER}
    assert named & known
    assert {group for group in named - known if not group.startswith(LATER)} == set()
    assert {group for group in known if group.startswith(LATER)} == set()
