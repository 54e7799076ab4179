"""A copy of the collection in which what would touch a node is a stand-in, for playbooks that are run as a whole.

A stand-in is an action: a module would be a process of its own for each host and task, most of such a test's time. It takes
what the real module takes, so a playbook that passes anything else fails.
"""

from __future__ import annotations

import pathlib
import shutil
from typing import Sequence

from conftest import ROOT
from module_arguments import specification

ACTION = """
import json
import os

from ansible.plugins.action import ActionBase

NAME, SPECIFICATION, FOLDER = %r, %r, os.environ["STAND_IN_FOLDER"]


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        _checked, taken = self.validate_argument_spec(**SPECIFICATION)
        given = {key: plain(value) for key, value in taken.items() if value is not None}
        result = {"changed": False}
        behave(task_vars["inventory_hostname"], given, self._task.check_mode, result)
        return result


def plain(value):
    # Without the lazy templates of ansible-core 2.19.
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


"""


def collection_with(folder: pathlib.Path, modules: Sequence[str], behaviour: str) -> pathlib.Path:
    """A directory for ANSIBLE_COLLECTIONS_PATH.

    :param behaviour: Python text with ``behave(host, given, check_mode, result)``, which fills in what the module ``NAME`` returns.
        It keeps what it has to remember in ``FOLDER``, which a run gets as STAND_IN_FOLDER.
    """
    made = folder / "ansible_collections" / "baremetal" / "kubernetes"
    for part in ("plugins", "playbooks"):
        shutil.copytree(ROOT / part, made / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("roles", "meta", "galaxy.yml"):
        (made / part).symlink_to(ROOT / part)
    for name in modules:
        (made / "plugins" / "action" / (name + ".py")).write_text(ACTION % (name, specification(name)) + behaviour)
    return folder
