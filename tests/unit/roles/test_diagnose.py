"""The role diagnose as a whole: this machine stands for a host that answers, an address of nobody for one that does not."""

from __future__ import annotations

import os
import pathlib
import stat
import tarfile

from playbook_run import run_playbook

PLAYBOOK = """
- name: Look
  hosts: control_plane
  gather_facts: false
  tasks:
    - name: Look
      ansible.builtin.import_role:
        name: baremetal.kubernetes.diagnose
"""
INVENTORY = """
control_plane:
  hosts:
    silent: {ansible_host: 192.0.2.1, ansible_ssh_common_args: -o ConnectTimeout=1}
    cp1: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  vars: {cluster_name: test, diagnose_lines: 5, diagnose_since: 1 minute ago}
"""


def test_one_archive_and_a_page_are_written_though_a_host_does_not_answer(tmp_path: pathlib.Path) -> None:
    (tmp_path / "hosts.yml").write_text(INVENTORY)
    (tmp_path / "playbook.yml").write_text(PLAYBOOK)
    run = run_playbook(tmp_path / "playbook.yml", "--inventory", str(tmp_path / "hosts.yml"))
    folder = tmp_path / ".reports" / "diagnose-test"
    assert folder.is_dir(), run.stdout + run.stderr
    assert "changed=0" in run.stdout
    (archive,), (page,) = folder.glob("*.tar.gz"), folder.glob("*.md")
    assert [stat.S_IMODE(os.stat(path).st_mode) for path in (archive, page)] == [0o600, 0o600]
    assert "1 of 2 hosts answered. NOT: silent." in page.read_text()
    with tarfile.open(archive) as content:
        names = content.getnames()
    assert "page.md" in names and "cp1/facts.json" in names
    assert not [name for name in names if name.startswith("silent/")]
