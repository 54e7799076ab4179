# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one playbook leaves to another has to be imported with it."""

from __future__ import annotations

import pathlib

import pytest
from conftest import ROOT
from yaml_files import read_yaml

PLAYBOOKS = [path for path in sorted((ROOT / "playbooks").glob("*.yml")) if "import_playbook: cluster.yml" in path.read_text()]


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_nodes_of_the_cluster_get_their_state_between_the_plan_and_the_cluster(path: pathlib.Path) -> None:
    # The pod network passes over nodes to which members.yml has brought it, alone or at the head of prepare.yml.
    imported = [play.get("ansible.builtin.import_playbook") for play in read_yaml(path)]
    after = imported[len(imported) - imported[::-1].index("preflight.yml") : imported.index("cluster.yml")]
    assert {"members.yml", "prepare.yml"} & set(after)


def test_what_belongs_to_the_cluster_has_no_host_without_a_plan() -> None:
    # A restore in check mode makes no second plan, and nobody may have work in what follows.
    patterns = [
        play["hosts"]
        for name in ("members", "cluster", "pod_network")
        for play in read_yaml(ROOT / "playbooks" / (name + ".yml"))
        if "hosts" in play
    ]
    assert patterns and not [pattern for pattern in patterns if not pattern.startswith("plan_")]


def test_nobody_is_prepared_without_a_plan() -> None:
    (pattern,) = [play["hosts"] for play in read_yaml(ROOT / "playbooks" / "prepare.yml") if "hosts" in play]
    assert "plan_prepare" in pattern and "control_plane" not in pattern
