"""What role metallb writes on nodes: files that nft, sysctl and systemd take."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
from typing import Any, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node_cleanup import traces
from roles_render import ROOT, expression, template
from yaml_files import read_yaml

ROLE = ROOT / "roles" / "metallb"
ROUTES = [
    {"addresses": ["203.0.113.8/29"], "interface": "eno2", "gateway": "203.0.113.9"},
    {"addresses": ["2001:db8:1::/64"], "interface": "eno2.100", "gateway": "fe80::1", "onlink": True},
    {"addresses": ["198.51.100.7/32"], "interface": "eno2.100", "gateway": "198.51.100.1", "onlink": True},
]


def state(**given: Any) -> Dict[str, Any]:
    task = read_yaml(ROLE / "tasks" / "nodes.yml")[1]
    own = dict(task["vars"], metallb_return_routes=ROUTES, **given)
    # Their texts are read by lookups of a task.
    own["_metallb_program_files"] = [dict(one, content="") for one in own["_metallb_program_files"]]
    wanted = task["baremetal.kubernetes.host_state"]
    own["_metallb_return"] = expression("metallb", own["_metallb_return"], **own)
    texts = (wanted["files"], wanted["sysctls"], wanted["services"][0]["restart_on"])
    files, sysctls, restart_on = [expression("metallb", value, **own) for value in texts]
    return {"files": files, "sysctls": sysctls, "services": [dict(wanted["services"][0], restart_on=restart_on)]}


def text(made: Dict[str, Any], path: str) -> str:
    return str(next(one["content"] for one in made["files"] if one["path"] == path))


def test_the_service_is_restarted_for_every_file_that_it_reads() -> None:
    made = state()
    (service,) = made["services"]
    written = {one["path"] for one in made["files"]}
    read = {"/etc/kubernetes-return-routes/" + name for name in ("ipv4", "ipv6", "marks.nft")}
    read |= {"/usr/local/sbin/kubernetes-return-routes", "/usr/local/sbin/kubernetes-watch-routes"}
    read |= {"/etc/systemd/system/kubernetes-return-routes.service"}
    assert read <= set(service["restart_on"]) & written


def test_reverse_path_filters_are_loose_after_a_boot_as_well() -> None:
    made = state()
    lines = text(made, "/etc/sysctl.d/60-kubernetes-return-routes.conf").splitlines()
    assert lines[1:] == ["net.ipv4.conf.eno2.rp_filter = 2", "net.ipv4.conf.eno2/100.rp_filter = 2"]
    assert made["sysctls"] == {"net.ipv4.conf.eno2.rp_filter": "2", "net.ipv4.conf.eno2/100.rp_filter": "2"}


def test_networkd_is_told_to_leave_rules_that_are_not_its_own() -> None:
    lines: List[str] = text(state(), "/etc/systemd/networkd.conf.d/60-kubernetes-routes.conf").splitlines()
    assert lines[1:] == ["[Network]", "ManageForeignRoutingPolicyRules=no", "ManageForeignRoutes=no"]


def test_reset_takes_away_all_that_was_written() -> None:
    known = {*traces.FILES, *traces.FOLDERS, *(path for _unit, path in traces.SERVICES)}
    for one in state()["files"]:
        assert one["path"] in known or os.path.dirname(one["path"]) in known, one["path"]


def test_nft_takes_the_marks(tmp_path: pathlib.Path) -> None:
    if not shutil.which("nft"):
        pytest.skip("no nft here to ask")
    path = tmp_path / "marks.nft"
    path.write_text(text(state(), "/etc/kubernetes-return-routes/marks.nft"))
    said = subprocess.run(["unshare", "-n", "nft", "--check", "--file", str(path)], capture_output=True, text=True, check=False)
    if "Operation not permitted" in said.stderr:
        pytest.skip("not allowed to ask nft here")
    assert said.returncode == 0, said.stderr


def test_systemd_takes_the_unit(tmp_path: pathlib.Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here to ask")
    path = tmp_path / "kubernetes-return-routes.service"
    # Programs that are not on this machine.
    unit = re.sub("/usr/local/sbin/[a-z-]+", "/bin/sh", template("metallb", "kubernetes-return-routes.service.j2"))
    path.write_text(unit)
    said = subprocess.run(["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True, check=False)
    mine = [line for line in said.stderr.splitlines() if "kubernetes-return-routes" in line]
    assert mine == []


def test_the_objects_are_those_of_the_settings() -> None:
    own = read_yaml(ROLE / "vars" / "main.yml")
    pools = [{"name": "public", "addresses": ["192.0.2.10-192.0.2.20"]}]
    objects = expression(
        "metallb", "{{ (_metallb_settings | baremetal.kubernetes.metallb_settings).objects }}", **own, metallb_address_pools=pools
    )
    assert [one["kind"] for one in objects] == ["IPAddressPool", "L2Advertisement"]
    # A single server's plan makes it schedulable, and then MetalLB has to announce from it.
    values = expression(
        "metallb",
        "{{ (_metallb_settings | baremetal.kubernetes.metallb_settings)['values'] }}",
        **own,
        metallb_address_pools=pools,
        cluster_control_plane_schedulable="yes",
    )
    assert values["speaker"]["ignoreExcludeLB"] is True
