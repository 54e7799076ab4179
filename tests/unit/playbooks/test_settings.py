# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings in the plays of playbooks. The defaults of cluster_* are those of a role, and hold where one runs."""

from __future__ import annotations

import pathlib
import re
from typing import Any, Dict, Iterator, List, Tuple

import pytest
import yaml
from yaml_files import read_yaml

PLAYBOOKS = pathlib.Path(__file__).resolve().parents[3] / "playbooks"
ROLES = ("ansible.builtin.import_role", "ansible.builtin.include_role")
#: A setting of the cluster that has no default behind it.
BARE = re.compile(r"\bcluster_[a-z_]+\b(?! *\| *default)")


def plays() -> Iterator[Tuple[str, Dict[str, Any]]]:
    for path in sorted(PLAYBOOKS.glob("*.yml")):
        for play in read_yaml(path):
            if "tasks" in play:
                yield "%s: %s" % (path.stem, play["name"]), play


def without_roles(play: Dict[str, Any]) -> List[Any]:
    """The tasks and variables of a play that imports no role; an included one brings its defaults for itself alone."""
    if any(ROLES[0] in task for task in play["tasks"]):
        return []
    return [play.get("vars")] + [task for task in play["tasks"] if ROLES[1] not in task]


PLAYS = list(plays())


@pytest.mark.parametrize("name, play", PLAYS, ids=[name for name, _play in PLAYS])
def test_a_play_without_a_role_gives_the_clusters_settings_a_default(name: str, play: Dict[str, Any]) -> None:
    assert BARE.findall(yaml.safe_dump(without_roles(play), width=1000)) == []
