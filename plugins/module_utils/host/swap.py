# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Swap: what is in use, what would bring it back at the next boot, and how both end without harm to anything else."""

from __future__ import annotations

from typing import List, NamedTuple, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.files import WantedFile
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

DISABLED = "# swap off for Kubernetes: "
#: zram-generator reads the first of these; an empty file in /etc overrides the vendor's (zram-generator.conf(5)).
ZRAM_GENERATOR = ("/etc/systemd/zram-generator.conf", "/usr/lib/systemd/zram-generator.conf")
#: Folders in which systemd's generators leave swap units (fstab, GPT auto-discovery, zram).
GENERATED_UNITS = ("/run/systemd/generator", "/run/systemd/generator.late", "/etc/systemd/system")
#: The service of Debian's zram-tools.
ZRAM_SERVICE_LINK = "/etc/systemd/system/multi-user.target.wants/zramswap.service"


class SwapPlan(NamedTuple):
    """What ends swap: in-use devices, files to write, units to mask, and whether Debian's zram service must go."""

    devices: List[str]
    files: List[WantedFile]
    mask: List[str]
    disable_zram_service: bool

    @property
    def empty(self) -> bool:
        return not (self.devices or self.files or self.mask or self.disable_zram_service)


def active_devices(proc_swaps: str) -> List[str]:
    """The devices and files in use, from the text of /proc/swaps."""
    return [line.split()[0] for line in proc_swaps.splitlines()[1:] if line.strip()]


def fstab_without_swap(fstab: str) -> str:
    """The text with every entry of *type* swap turned into a comment; paths and comments that name swap stay."""
    lines = []
    for line in fstab.splitlines():
        fields = line.split()
        is_swap = len(fields) >= 3 and not fields[0].startswith("#") and fields[2] == "swap"
        lines.append(DISABLED + line if is_swap else line)
    return "\n".join(lines) + "\n" if lines else fstab


def plan_swap_off(runner: Runner) -> SwapPlan:
    """What has to be done so that no swap is in use now or after a boot."""
    files = []
    fstab = runner.read("/etc/fstab") or ""
    without = fstab_without_swap(fstab)
    if without.rstrip("\n") != fstab.rstrip("\n"):
        files.append(WantedFile("/etc/fstab", content=without))
    generator = _first_text(runner, ZRAM_GENERATOR)
    if generator is not None and any(line.strip().startswith("[") for line in generator.splitlines()):
        files.append(WantedFile(ZRAM_GENERATOR[0], content="# empty on purpose: no zram swap on a Kubernetes node\n"))
    units = {name for folder in GENERATED_UNITS for name in runner.list_dir(folder) if name.endswith(".swap")}
    masked = {name for name in units if runner.realpath("/etc/systemd/system/%s" % name) == "/dev/null"}
    return SwapPlan(
        active_devices(runner.read("/proc/swaps") or ""), files, sorted(units - masked), runner.exists(ZRAM_SERVICE_LINK)
    )


def end_swap(plan: SwapPlan, runner: Runner) -> None:
    """Switch off what is in use and what would start again; the plan's files are written by the caller before.

    :raises HostStateError: memory can't take back what is swapped out.
    """
    if plan.disable_zram_service:
        runner.run(["systemctl", "disable", "--now", "zramswap.service"], timeout=60)
    if plan.mask:
        runner.run(["systemctl", "mask", "--"] + plan.mask, timeout=60)
    if not plan.devices:
        return
    result = runner.run(["swapoff", "-a"], timeout=600)
    left = active_devices(runner.read("/proc/swaps") or "")
    if left:
        raise HostStateError(
            "swap on %s" % ", ".join(left),
            "swapoff did not end it: %s" % (result.stderr.strip() or "no message"),
            "free memory on the node, or reboot it: the boot will come up without swap",
        )


def _first_text(runner: Runner, paths: "tuple[str, ...]") -> Optional[str]:
    for path in paths:
        text = runner.read(path)
        if text is not None:
            return text
    return None
