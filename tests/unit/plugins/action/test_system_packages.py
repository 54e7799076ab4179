# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""system_packages through ansible-playbook, with an apt that can do nothing: what it makes of that, and that it chose apt."""

from __future__ import annotations

import pathlib
import re
import shutil

import pytest
from conftest import ROOT
from playbook_run import run_playbook

PLAYBOOK = """
- name: Install
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Know the family
      ansible.builtin.set_fact:
        kubernetes_node: {os: {family: %(family)s}}
        cacheable: true
      when: %(known)s

    - name: Install what is not there
      baremetal.kubernetes.system_packages:
        names: [no-such-package-of-anybody]
        apt: {no_such_argument: 1}
        dnf: {no_such_argument: 2}
"""


def said_by(folder: pathlib.Path, family: str = "") -> str:
    (folder / "play.yml").write_text(PLAYBOOK % {"family": family or "none", "known": str(bool(family)).lower()})
    run = run_playbook(folder / "play.yml")
    assert run.returncode != 0
    return run.stdout + run.stderr


def test_the_family_chooses_who_installs_and_a_failure_is_put_into_words(tmp_path: pathlib.Path) -> None:
    for family, module in (("debian", "ansible.builtin.apt"), ("redhat", "dnf")):
        said = said_by(tmp_path, family)
        assert "Packages on localhost (no-such-package-of-anybody) were not installed" in said
        assert module in said and "What to do: " in said


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs a Debian or Ubuntu")
def test_a_host_of_which_nobody_has_read_the_family_is_asked(tmp_path: pathlib.Path) -> None:
    assert "ansible.builtin.apt" in said_by(tmp_path)


def test_roles_install_in_no_other_way() -> None:
    """Else a busy package manager would not be waited for there, and a failure not be put into words."""
    other = re.compile(r"^ *(?:ansible\.builtin\.)?(?:package|apt|dnf):\n(?: +\w+: .*\n)*? +name:", re.MULTILINE)
    tasks = sorted((ROOT / "roles").glob("*/tasks/*.yml"))
    assert tasks and other.search("  ansible.builtin.apt:\n    state: present\n    name: socat\n")
    assert [str(path) for path in tasks if other.search(path.read_text())] == []
