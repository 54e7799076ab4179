# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has the lock of packages, and whom a host asks for names."""

from __future__ import annotations

import fcntl
import os
import pathlib
from typing import Dict, Optional

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node import package_manager
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.network import nameservers
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from fakes import FakeRunner


class Host(FakeRunner):
    """One whose lock of dpkg is inode 77."""

    def identity(self, path: str) -> Optional[str]:
        return "0 1 77" if path == "/var/lib/dpkg/lock-frontend" else None


def host(locks: str, **comm: str) -> Host:
    files: Dict[str, str] = {"/proc/locks": locks}
    files.update({"/proc/%s/comm" % pid[1:]: name + "\n" for pid, name in comm.items()})
    return Host(files)


def test_the_holder_of_the_lock_is_named() -> None:
    locks = "1: POSIX  ADVISORY  WRITE 700 08:01:12 0 EOF\n2: POSIX  ADVISORY  WRITE 812 08:01:77 0 EOF\n"
    assert package_manager.busy(host(locks, p812="unattended-upgr")) == "unattended-upgr (process 812)"


@pytest.mark.parametrize(
    "locks",
    [
        "",
        "1: POSIX  ADVISORY  READ 812 08:01:77 0 EOF\n",
        "1: -> POSIX  ADVISORY  WRITE 812 08:01:77 0 EOF\n",
        "1: POSIX  ADVISORY  WRITE 812 08:01:78 0 EOF\n",
        "1: POSIX  ADVISORY  WRITE 0 08:01:77 0 EOF\n",
    ],
)
def test_who_waits_or_reads_or_locks_another_file_has_it_not(locks: str) -> None:
    assert package_manager.busy(host(locks, p812="apt-get", p0="apt-get")) == ""


def test_a_database_that_has_the_number_on_another_disk_is_no_package_manager() -> None:
    assert package_manager.busy(host("1: POSIX ADVISORY WRITE 812 08:02:77 0 EOF\n", p812="mysqld")) == ""


def test_dnf_leaves_its_number_and_only_counts_while_it_lives() -> None:
    files = {"/var/cache/dnf/metadata_lock.pid": "431", "/proc/431/comm": "dnf\n"}
    assert package_manager.busy(FakeRunner(files)) == "dnf (process 431)"
    del files["/proc/431/comm"]
    assert package_manager.busy(FakeRunner(files)) == ""


def test_the_kernel_tells_of_a_lock_as_we_read_it(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock"
    monkeypatch.setattr(package_manager, "LOCKS", (str(path),))
    monkeypatch.setattr(package_manager, "PROGRAMS", (pathlib.Path("/proc/self/comm").read_text().strip(),))
    with open(path, "w") as stream:
        assert package_manager.busy(HostRunner()) == ""
        fcntl.lockf(stream, fcntl.LOCK_EX)
        assert package_manager.busy(HostRunner()).endswith("(process %d)" % os.getpid())


def test_nameservers_are_addresses() -> None:
    text = "# nameserver 192.0.2.1\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\nnameserver\nnameserver x\nsearch example.org\n"
    assert nameservers(text) == ["192.0.2.53", "fe80::1"]
