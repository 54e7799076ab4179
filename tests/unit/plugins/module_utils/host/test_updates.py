"""What is newer for a host, by lines that apt-get of Debian 12 and dnf of Rocky 9 print, and when it has to be started anew."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.updates import (
    APT,
    UpdateError,
    install,
    read,
    reboot_reason,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from fakes import FakeRunner

SIMULATE = ("apt-get", "--simulate", "dist-upgrade")
UPDATE = tuple(APT + ["update"])
APT_SAYS = """Reading package lists...
The following NEW packages will be installed:
  linux-image-6.1.0-41-amd64
Inst base-files [12.4+deb12u5] (12.4+deb12u12 Debian:12.12/oldstable [amd64])
Inst linux-image-6.1.0-41-amd64 (6.1.158-1 Debian-Security:12/oldstable-security [amd64])
Conf base-files (12.4+deb12u12 Debian:12.12/oldstable [amd64])
"""
DNF_SAYS = """
kernel.x86_64                       5.14.0-570.12.1.el9_6            baseos
python3.9-libs.x86_64               3.9.21-2.el9                     appstream
Obsoleting Packages
grub2-tools.x86_64                  1:2.06-104.el9                   baseos
"""
CHECK = ("dnf", "--quiet", "check-update")


def debian(says: str, **files: Any) -> FakeRunner:
    return FakeRunner(files=files, commands={SIMULATE: says, UPDATE: "", ("apt-get",): ""})


def test_apts_simulation_tells_names_and_new_versions() -> None:
    found = read(debian(APT_SAYS), 60)
    assert found.packages == ["base-files 12.4+deb12u12", "linux-image-6.1.0-41-amd64 6.1.158-1"]
    assert found.pending and found.kubernetes == [] and found.reboot == ""


def test_the_repositories_are_not_asked_where_that_is_not_wanted() -> None:
    runner = debian(APT_SAYS)
    read(runner, 60, refresh=False)
    assert UPDATE not in runner.calls


def test_dnfs_list_ends_where_its_obsoleted_packages_begin() -> None:
    runner = FakeRunner(commands={CHECK: Result(100, DNF_SAYS, ""), ("dnf",): ""})
    assert read(runner, 60, refresh=False).packages == ["kernel 5.14.0-570.12.1.el9_6", "python3.9-libs 3.9.21-2.el9"]
    nothing = FakeRunner(commands={CHECK: Result(0, "Last metadata expiration check: x\n", ""), ("dnf",): ""})
    assert not read(nothing, 60, refresh=False).pending


def test_kubernetes_packages_are_told_apart() -> None:
    text = "Inst kubelet [1.33.1-1.1] (1.33.6-1.1 isv:kubernetes:core:stable:v1.33 [amd64])\n"
    assert read(debian(text), 60).kubernetes == ["kubelet"]


def test_a_package_manager_that_fails_is_quoted_and_a_host_without_one_is_named() -> None:
    runner = FakeRunner(commands={SIMULATE: Result(100, "", "E: dpkg was interrupted"), ("apt-get",): ""})
    with pytest.raises(UpdateError, match="E: dpkg was interrupted"):
        read(runner, 60, refresh=False)
    with pytest.raises(UpdateError, match="neither apt-get nor dnf"):
        read(FakeRunner(), 60)


KERNELS = {"/lib/modules/%s/x" % name: "" for name in ("6.1.0-9-amd64", "6.1.0-41-amd64")}


@pytest.mark.parametrize(
    "running, reason",
    [("6.1.0-9-amd64", "kernel 6.1.0-41-amd64 is installed, and 6.1.0-9-amd64 runs"), ("6.1.0-41-amd64", ""), ("6.6.1-own", "")],
)
def test_a_newer_kernel_than_the_running_one_wants_a_reboot(running: str, reason: str) -> None:
    boot = {"/boot/vmlinuz-" + name: "" for name in ("6.1.0-9-amd64", "6.1.0-41-amd64")}
    runner = FakeRunner(files={**KERNELS, **boot, "/proc/sys/kernel/osrelease": running + "\n"})
    assert reboot_reason(runner) == reason


def test_a_kernel_whose_image_is_gone_wants_none() -> None:
    files = {**KERNELS, "/boot/vmlinuz-6.1.0-9-amd64": "", "/proc/sys/kernel/osrelease": "6.1.0-9-amd64\n"}
    assert reboot_reason(FakeRunner(files=files)) == ""


def test_the_distributions_own_word_counts() -> None:
    assert "/run/reboot-required" in reboot_reason(FakeRunner(files={"/run/reboot-required": ""}))
    hint = {("needs-restarting", "--reboothint"): Result(1, "Reboot is required", "")}
    assert reboot_reason(FakeRunner(commands=hint)) == "needs-restarting says so"


def test_what_was_left_half_configured_is_completed_before_anything_is_installed() -> None:
    runner = debian("")
    with pytest.raises(UpdateError, match="dpkg"):
        install(runner, 60)
    assert runner.calls[-1][0] == "dpkg"
