"""What role interconnect brings: a program that a shell takes, a unit that systemd takes, and texts that the program reads."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any, Dict

import pytest
from roles_render import ROOT, expression
from yaml_files import read_yaml

ROLE = ROOT / "roles" / "interconnect"
KEYS = {"cp1": "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=", "cp2": "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="}


def end(number: int, kind: str = "wireguard") -> Dict[str, Any]:
    return {
        "type": kind,
        "interface": "wg0",
        "address": "10.20.0.1%d/24" % number,
        "mtu": 1440,
        "parent": "",
        "vlan": 0,
        "userspace": "",
        "name": "cp%d" % number,
        "endpoint": "198.51.100.1%d" % number,
        "port": 51900,
        "keepalive": 0,
        "in_use": False,
    }


def test_a_host_gets_its_own_end_and_the_others_as_peers() -> None:
    plan = {"cp1": end(1), "cp2": end(2)}
    made = expression("interconnect", "{{ plan | baremetal.kubernetes.interconnect_settings('cp1', keys) }}", plan=plan, keys=KEYS)
    assert made["neighbours"] == ["10.20.0.12"]
    assert KEYS["cp2"] in made["peers"] and KEYS["cp1"] not in made["peers"]
    assert "ADDRESS='10.20.0.11/24'" in made["link"]


def test_a_key_that_is_not_known_is_refused_and_a_vlan_needs_none() -> None:
    with pytest.raises(Exception, match="public key of cp2 is not known"):
        expression(
            "interconnect", "{{ plan | baremetal.kubernetes.interconnect_settings('cp1') }}", plan={"cp1": end(1), "cp2": end(2)}
        )
    plan = {"cp1": end(1, "vlan"), "cp2": end(2, "vlan")}
    assert expression("interconnect", "{{ (plan | baremetal.kubernetes.interconnect_settings('cp1')).peers }}", plan=plan) == ""


def test_wireguards_tools_are_installed_only_where_they_are_used() -> None:
    packages = read_yaml(ROLE / "defaults" / "main.yml")["interconnect_packages"]
    assert expression("interconnect", packages) == ["iputils-ping"]
    assert "wireguard-tools" in expression("interconnect", packages, interconnect_type="wireguard")


def test_systemd_takes_the_unit() -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here to ask")
    path = str(ROLE / "files" / "kubernetes-interconnect.service")
    said = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, check=False)
    # The program itself is not installed on this machine.
    wrong = [line for line in said.stderr.splitlines() if "kubernetes-interconnect" in line and "is not executable" not in line]
    assert wrong == []


def test_the_program_is_plain_shell() -> None:
    path = str(ROLE / "files" / "kubernetes-interconnect")
    assert subprocess.run(["sh", "-n", path], check=False).returncode == 0
    if shutil.which("shellcheck"):
        said = subprocess.run(["shellcheck", path], capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stdout
