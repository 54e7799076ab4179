# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Power that a drill took by a command of the user's: who lost it, in a file on the controller, and how it is given back."""

from __future__ import annotations

import json
import os
from typing import Dict, List, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import object_or_empty
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

FILE = "powered-off.json"
PATIENCE = 300.0


def read(runner: Runner, path: str) -> Dict[str, List[str]]:
    """Host -> the command that gives it its power back; empty where nobody lost it."""
    data = object_or_empty(runner.read(path))
    return {str(host): [str(part) for part in command] for host, command in data.items() if isinstance(command, list)}


def remember(path: str, commands: Mapping[str, List[str]]) -> None:
    """Before the power goes. The file is private: a command may hold more than it should."""
    replace_file(path, json.dumps(commands, sort_keys=True), 0o600)


def forget(path: str) -> None:
    """When all have it back."""
    if os.path.exists(path):
        os.remove(path)


def give_back(runner: Runner, path: str) -> List[str]:
    """Run every command in the file; the errors of those that failed. They stay in the file, for the next drill."""
    errors: List[str] = []
    left: Dict[str, List[str]] = {}
    for host, command in read(runner, path).items():
        # The user's own search path: the command is theirs.
        result = runner.run(command, timeout=PATIENCE, env={"PATH": os.environ.get("PATH", "")})
        if result.rc != 0:
            left[host] = command
            errors.append("%s: %s" % (host, (result.stderr or result.stdout).strip() or "exit code %d" % result.rc))
    if left:
        remember(path, left)
    else:
        forget(path)
    return errors
