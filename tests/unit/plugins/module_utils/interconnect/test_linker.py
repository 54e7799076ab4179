# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a host's link, in which order, and what a failure says."""

from __future__ import annotations

import os
import pathlib
from typing import Any, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.interconnect import link as core
from ansible_collections.baremetal.kubernetes.plugins.module_utils.interconnect.settings import Link, link_text
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner, Result

OLD = link_text(Link("vlan", "vlan4000", "10.20.0.11/24", 1500, "eno2", 4000))
NEW = core.Wanted(link_text(Link("wireguard", "wg0", "10.20.0.11/24", 1440)), "ListenPort = 51900\n", ["10.20.0.12"])


class Host(HostRunner):
    """The machine of the tests, whose programs only say what they were asked."""

    def __init__(self, **codes: int) -> None:
        self.asked: List[List[str]] = []
        self.codes = codes

    def run(self, argv: Any, timeout: Any = None, stdin: Any = None, env: Any = None) -> Result:
        self.asked.append(list(argv))
        said = "the kernel has no WireGuard\n" if argv[0] == "journalctl" else ""
        return Result(self.codes.get(argv[0].replace("-", "_"), 0), said, "failed\n")


@pytest.fixture(name="folder")
def _folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(core, "FOLDER", str(tmp_path))
    return tmp_path


def modes(folder: pathlib.Path) -> Dict[str, int]:
    return {path.name: os.stat(path).st_mode & 0o777 for path in folder.iterdir()}


def test_a_first_link_is_written_and_comes_up_by_its_service(folder: pathlib.Path) -> None:
    host = Host()
    steps = core.plan(NEW, core.read(host), in_use=False)
    core.Linker(host, NEW).carry_out(steps)
    assert modes(folder) == {"link": 0o600, "peers.conf": 0o600, "neighbours": 0o600}
    assert (folder / "link").read_text() == NEW.link and (folder / "neighbours").read_text() == "10.20.0.12\n"
    assert host.asked[-2:] == [
        ["systemctl", "enable", "--quiet", "kubernetes-interconnect"],
        ["systemctl", "restart", "kubernetes-interconnect"],
    ]


def test_a_member_of_a_cluster_keeps_its_link_until_the_moment_that_all_know(folder: pathlib.Path) -> None:
    (folder / "link").write_text(OLD)
    host = Host()
    steps = core.plan(NEW, core.read(host), in_use=True)
    core.Linker(host, NEW, 1_790_000_015).carry_out(steps)
    assert (folder / "link").read_text() == OLD, "at a boot in between the old one comes up"
    assert (folder / "link.next").read_text() == NEW.link
    started = host.asked[-1]
    assert started[0] == "systemd-run" and started[-2:] == ["switch", "1790000015"]
    assert not any(argv[:2] == ["systemctl", "restart"] for argv in host.asked)


def test_a_host_that_nobody_needs_changes_at_once_and_loses_the_old_interface(folder: pathlib.Path) -> None:
    (folder / "link").write_text(OLD)
    host = Host()
    core.Linker(host, NEW).carry_out(core.plan(NEW, core.read(host), in_use=False))
    assert host.asked[-1] == ["ip", "link", "delete", "dev", "vlan4000"]
    assert (folder / "link").read_text() == NEW.link


def test_a_host_that_was_killed_half_way_loses_the_old_interface_all_the_same(folder: pathlib.Path) -> None:
    (folder / "link").write_text(OLD)
    host = Host()
    linker = core.Linker(host, NEW)
    linker.write(core.plan(NEW, core.read(host), in_use=False))
    steps = core.plan(NEW, core.read(host), in_use=False)
    assert steps == ["replace"]
    linker.carry_out(steps)
    assert host.asked[-1] == ["ip", "link", "delete", "dev", "vlan4000"]
    assert "replace" not in core.plan(NEW, core.read(host), in_use=False)


def test_a_providers_card_is_never_deleted(folder: pathlib.Path) -> None:
    (folder / "link").write_text(link_text(Link("untagged", "eno2", "10.20.0.11/24", 1500)))
    host = Host()
    core.Linker(host, NEW).carry_out(core.plan(NEW, core.read(host), in_use=False))
    assert not any(argv[:3] == ["ip", "link", "delete"] for argv in host.asked)
    assert host.asked[-1] == ["ip", "address", "delete", "10.20.0.11/24", "dev", "eno2"], "two ways to one network"


def test_a_link_that_does_not_come_up_says_why(folder: pathlib.Path) -> None:
    host = Host(systemctl=1)
    with pytest.raises(core.LinkError, match="the kernel has no WireGuard"):
        core.Linker(host, NEW).carry_out(["write", "up"])


def test_an_exchange_that_does_not_start_says_so(folder: pathlib.Path) -> None:
    (folder / "link").write_text(OLD)
    with pytest.raises(core.LinkError, match="does not start"):
        core.Linker(Host(systemd_run=1), NEW, 1).carry_out(["write", "switch"])
