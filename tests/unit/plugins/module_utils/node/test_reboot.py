"""Whether a host has to be rebooted, from what stands on it."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.reboot import reason
from fakes import FakeRunner


@pytest.mark.parametrize(
    ("installed", "running", "newest"),
    [
        (["6.1.0-18-amd64", "6.1.0-9-amd64"], "6.1.0-18-amd64", ""),
        (["6.1.0-18-amd64", "6.1.0-9-amd64"], "6.1.0-9-amd64", "6.1.0-18-amd64"),
        # Debian's other flavours are not what this host boots.
        (["6.1.0-18-cloud-amd64", "6.1.0-9-amd64"], "6.1.0-9-amd64", ""),
        (["5.15.0-101-generic", "5.15.0-97-generic"], "5.15.0-97-generic", "5.15.0-101-generic"),
        (["5.14.0-427.el9.x86_64", "5.14.0-427.13.1.el9_4.x86_64"], "5.14.0-427.13.1.el9_4.x86_64", ""),
        (["0-rescue-0b5e", "5.14.0-427.13.1.el9_4.x86_64", "5.14.0-427.20.1.el9_4.x86_64"], "5.14.0-427.13.1.el9_4.x86_64",
         "5.14.0-427.20.1.el9_4.x86_64"),
        # In a container, or where the kernel comes from elsewhere.
        (["6.1.0-18-amd64"], "6.6.1", ""),
        ([], "6.1.0-18-amd64", ""),
    ],
)  # fmt: skip
def test_a_newer_kernel_of_the_same_kind_asks_for_it(installed: "list[str]", running: str, newest: str) -> None:
    found = reason(FakeRunner({"/boot/vmlinuz-" + release: "" for release in installed}), running)
    assert found == ("kernel %s is installed, and %s runs" % (newest, running) if newest else "")


def test_a_package_may_ask_for_it() -> None:
    files = {"/run/reboot-required": "*** System restart required ***\n", "/run/reboot-required.pkgs": "libc6\nlinux-base\nlibc6\n"}
    assert reason(FakeRunner(files), "6.1.0") == "/run/reboot-required asks for it: libc6, linux-base"
