# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host has to be rebooted before what was installed on it is what runs."""

from __future__ import annotations

import re
from typing import List, Tuple, Union

from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

#: What packages of Debian and Ubuntu leave there (update-notifier-common, unattended-upgrades).
REQUIRED, REQUIRED_BY = "/run/reboot-required", "/run/reboot-required.pkgs"
BOOT = "/boot"
KERNEL = "vmlinuz-"


def reason(runner: Runner, running: str) -> str:
    """Why, in words; empty where the host need not.

    :param running: the release of the running kernel, as in ``6.1.0-18-amd64``.
    """
    if runner.exists(REQUIRED):
        packages = sorted(set((runner.read(REQUIRED_BY) or "").split()))
        return "%s asks for it%s" % (REQUIRED, ": " + ", ".join(packages) if packages else "")
    installed = [name[len(KERNEL):] for name in runner.list_dir(BOOT) if name.startswith(KERNEL) and "rescue" not in name]
    # A container has the kernel of its machine, which is not in its own /boot.
    if running not in installed:
        return ""
    newest = max((release for release in installed if _flavour(release) == _flavour(running)), key=_order)
    return "kernel %s is installed, and %s runs" % (newest, running) if _order(newest) > _order(running) else ""


def _flavour(release: str) -> str:
    """What kind of kernel: the words of its release, as in ``amd64`` or ``el_x``, whatever the numbers are."""
    return re.sub(r"[0-9.+~-]+", " ", release).strip()


def _order(release: str) -> List[Tuple[int, Union[int, str]]]:
    return [(1, int(part)) if part.isdigit() else (0, part) for part in re.findall(r"[0-9]+|[a-zA-Z]+", release)]
