"""Starts ansible-playbook on the working tree, with the settings that the tests share."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from typing import Any

from conftest import COLLECTIONS, ROOT


def run_playbook(
    playbook: pathlib.Path, *words: str, cwd: pathlib.Path = ROOT, **settings: Any
) -> "subprocess.CompletedProcess[str]":
    """What it says, and how it ends.

    :param words: further words of the command line; without an inventory of their own it is this machine.
    :param settings: variables of the environment, over those of the working tree.
    """
    given = {"-i", "--inventory"} & set(words)
    environment = {
        "ANSIBLE_CONFIG": ROOT / "ansible.cfg",
        "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS,
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_NOCOLOR": "1",
        # Beside an inventory of the repository is no place for reports of tests.
        "BAREMETAL_KUBERNETES_REPORTS": "false",
        **settings,
    }
    return subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", *(() if given else ("-i", "localhost,")), *words, str(playbook)],
        cwd=cwd,
        env={**os.environ, **{name: str(value) for name, value in environment.items()}},
        capture_output=True,
        text=True,
        timeout=900,
    )
