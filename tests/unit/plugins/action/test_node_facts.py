# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""node_facts through ansible-playbook: the module runs on the host, and the controller bounds its clock."""

from __future__ import annotations

import json
import pathlib
import sys
import textwrap
from typing import Any, Dict

from playbook_run import run_playbook

PLAYBOOK = """
- name: Read
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Read the state of the node
      baremetal.kubernetes.node_facts:
        timeout: %s
      register: node_state
      ignore_errors: true
    - name: Keep it
      ansible.builtin.copy:
        dest: "{{ result_path }}"
        content: "{{ node_state | to_json }}"
        mode: "0600"
"""


def result_of(folder: pathlib.Path, timeout: str, python: str = sys.executable) -> Dict[str, Any]:
    (folder / "play.yml").write_text(PLAYBOOK % timeout)
    extra = json.dumps({"result_path": str(folder / "result.json")})
    run = run_playbook(folder / "play.yml", "--extra-vars", extra, ANSIBLE_PYTHON_INTERPRETER=python)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    result: Dict[str, Any] = json.loads((folder / "result.json").read_text())
    return result


def test_a_host_with_the_controllers_own_clock_is_not_ahead_of_it_however_slowly_it_starts(tmp_path: pathlib.Path) -> None:
    slow = tmp_path / "python"
    slow.write_text(
        textwrap.dedent("""\
            #!/bin/sh
            sleep 1
            exec %s "$@"
            """)
        % sys.executable
    )
    slow.chmod(0o755)
    facts = result_of(tmp_path, "10", str(slow))["ansible_facts"]["kubernetes_node"]
    bounds = facts["clock_ahead"]
    assert bounds["least"] <= 0 <= bounds["most"]
    # It started late, and was not read at the moment when it was asked.
    assert bounds["most"] >= 1
    assert bounds["most"] - bounds["least"] < 60 and facts["reading_seconds"] > 0


def test_a_failure_stays_as_the_module_told_it(tmp_path: pathlib.Path) -> None:
    result = result_of(tmp_path, "soon")
    assert result["failed"] and "ansible_facts" not in result and "timeout" in result["msg"]
