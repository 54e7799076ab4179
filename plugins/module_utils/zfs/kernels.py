# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a kernel has the module of ZFS: one that DKMS did not build for leaves a host without its pools after the next boot."""

from __future__ import annotations

from typing import Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.updates import RUNNING_KERNEL, newest_kernel
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner


class KernelError(ProblemError):
    """``subject`` is a kernel."""


def has_module(runner: Runner, kernel: str) -> bool:
    return runner.run(["modinfo", "-k", kernel, "-F", "version", "zfs"], timeout=60).rc == 0


def kernel_without_module(runner: Runner) -> Optional[KernelError]:
    """What is wrong with the kernel that the next boot takes, on a host that uses ZFS; None where nothing is."""
    if not runner.exists("/sys/module/zfs"):
        return None
    kernel = newest_kernel(runner) or (runner.read(RUNNING_KERNEL) or "").strip()
    if has_module(runner, kernel):
        return None
    status = runner.run(["dkms", "status", "zfs"], timeout=60).stdout.strip()
    said = "; DKMS says: %s" % "; ".join(status.splitlines()) if status else ""
    return KernelError(
        "kernel %s" % kernel,
        "it has no module zfs, and the next boot would leave this host without its pools%s" % said,
        "install the headers of this kernel, then run dkms autoinstall -k %s" % kernel,
    )
