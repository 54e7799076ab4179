# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What roles put beside the inventory must not become a part of it: of a directory, Ansible takes each file for an inventory."""

from __future__ import annotations

import pathlib
import subprocess
from typing import Dict

import pytest
import yaml
from conftest import ROOT

BESIDE = "{{ inventory_dir }}/"
DEFAULTS: Dict[str, str] = {
    name: value[len(BESIDE) :].replace("{{ cluster_name }}", "prod")
    for path in sorted(ROOT.glob("roles/*/defaults/main.yml"))
    for name, value in (yaml.safe_load(path.read_text()) or {}).items()
    if isinstance(value, str) and value.startswith("{{ inventory_dir }}")
}


def test_there_are_such_settings() -> None:
    assert {"cluster_kubeconfig", "drill_report_directory", "diagnose_directory", "monitoring_files_directory"} <= set(DEFAULTS)


@pytest.mark.parametrize("name", DEFAULTS)
def test_ansible_reads_none_of_it_as_inventory(name: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "hosts.yml").write_text("all: {hosts: {server1: {}}}\n")
    place = tmp_path / DEFAULTS[name]
    if not place.suffix:
        place = place / "run" / "report.yml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("all: {hosts: {intruder: {}}}\n")
    listed = subprocess.run(
        ["ansible-inventory", "--inventory", str(tmp_path), "--graph"], check=True, capture_output=True, text=True
    )
    assert "server1" in listed.stdout and "intruder" not in listed.stdout
