# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task that nobody runs is never killed: the tasks that kill_and_resume.py names are those of the topology's own playbook."""

from __future__ import annotations

import importlib.util
import pathlib
from typing import Any, Dict, Iterator, List, Mapping, Tuple

import pytest
from conftest import ROOT
from yaml_files import read_yaml

#: Letters that a task's name must have before its first template, so that not every text begins like it.
FEWEST = 10


#: Where scenarios name them: those of topologies, and those of nodes that come and go.
FILES = ("shared/kill_and_resume.py", "replace/tests/kills.py")


def kills() -> Dict[str, List[Tuple[str, float]]]:
    found: Dict[str, List[Tuple[str, float]]] = {}
    for file in FILES:
        found.update(load(file).KILLS)
    found["upgrade"] = load("upgrade/kill_and_upgrade.py").KILLS
    found["certificates"] = [(task, after) for _until, task, after in load("certificates/rotate_while_serving.py").PHASES]
    return found


def load(file: str) -> Any:
    specification = importlib.util.spec_from_file_location("kills", ROOT / "molecule" / file)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def names_of_playbook(file: str) -> Iterator[str]:
    """The names of the tasks that a playbook comes to, whatever the conditions of these are."""
    for play in read_yaml(ROOT / "playbooks" / file):
        inner = play.get("ansible.builtin.import_playbook")
        if inner:
            yield from names_of_playbook(inner)
        for section in ("pre_tasks", "tasks", "post_tasks"):
            yield from names_of_tasks(play.get(section) or [], ROOT / "playbooks")


def names_of_tasks(tasks: List[Mapping[str, Any]], folder: pathlib.Path) -> Iterator[str]:
    for task in tasks:
        for section in ("block", "rescue", "always"):
            yield from names_of_tasks(task.get(section) or [], folder)
        for word in ("import", "include"):
            place, file, role = folder, task.get("ansible.builtin.%s_tasks" % word), task.get("ansible.builtin.%s_role" % word)
            if role:
                place = ROOT / "roles" / role["name"].rpartition(".")[2] / "tasks"
                file = role.get("tasks_from", "main.yml")
            if file:
                yield from names_of_tasks(read_yaml(place / file), place)
        # What imports others has no line of its own in Ansible's output.
        if not any(key.startswith("ansible.builtin.import_") for key in task) and "block" not in task:
            yield str(task.get("name", ""))


def begins(task: str, names: List[str]) -> bool:
    """Whether one of the names, once its templates are filled in, may have the text in it."""
    for name in names:
        known = name.partition("{{")[0]
        if task in name or (known != name and len(known) >= FEWEST and task.startswith(known)):
            return True
    return False


@pytest.mark.parametrize("topology", sorted(kills()))
def test_every_task_that_is_killed_is_one_of_the_topologys_playbook(topology: str) -> None:
    names = list(names_of_playbook(topology + ".yml"))
    assert [task for task, _after in kills()[topology] if not begins(task, names)] == []


def test_a_task_of_no_play_is_found_out() -> None:
    names = list(names_of_playbook("external_etcd.yml"))
    assert begins("Join the cluster as control plane", names)
    # The task of a role that the playbook does not enter, and one of nobody.
    assert not begins("Join this control plane", names)
    assert not begins("Make coffee", names)
