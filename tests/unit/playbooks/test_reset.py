# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook reset through ansible-playbook: what it asks for before it reads a node."""

from __future__ import annotations

import pathlib
from typing import List

import pytest
from conftest import ROOT
from playbook_run import run_playbook

#: Nobody is there: who gets so far that a node is read is told so by Ansible.
HOSTS = """
control_plane:
  hosts:
    cp1: {ansible_host: 127.0.0.1, ansible_port: 1}
workers:
  hosts:
    worker1: {ansible_host: 127.0.0.1, ansible_port: 1}
"""


@pytest.mark.parametrize(
    ("inventory", "words", "said", "kept"),
    [
        (HOSTS, [], ["--limit: it is missing", "cp1, worker1 would be", "run again with -e reset_confirm=kubernetes"], []),
        (HOSTS, ["-e", "reset_confirm=kubernetes"], ["--limit worker1", "--limit all"], ["reset_confirm: it is"]),
        (HOSTS, ["--limit", "worker1"], ["to take worker1 out of Kubernetes"], ["--limit: it is missing", "cp1"]),
        (HOSTS, ["--limit", "all", "-e", "reset_confirm=yes"], ["yes", "the cluster is called"], []),
        ("control_plane:\n", [], ["no host is in group control_plane or workers"], ["--limit: it is missing"]),
    ],
)
def test_who_is_meant_is_said_before_a_node_is_read(
    tmp_path: pathlib.Path, inventory: str, words: List[str], said: List[str], kept: List[str]
) -> None:
    (tmp_path / "hosts.yml").write_text(inventory)
    done = run_playbook(ROOT / "playbooks" / "reset.yml", "-i", str(tmp_path / "hosts.yml"), *words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert all(one in done.stdout for one in said), done.stdout
    assert not [one for one in kept if one in done.stdout.partition("RECAP")[0]]
    assert "UNREACHABLE" not in done.stdout


def test_who_has_said_both_gets_to_the_node(tmp_path: pathlib.Path) -> None:
    (tmp_path / "hosts.yml").write_text(HOSTS)
    words = ["--limit", "worker1", "-e", "reset_confirm=kubernetes"]
    done = run_playbook(ROOT / "playbooks" / "reset.yml", "-i", str(tmp_path / "hosts.yml"), *words, ANSIBLE_SSH_RETRIES=0)
    assert "worker1]: UNREACHABLE" in done.stdout
    assert "cp1" not in done.stdout
