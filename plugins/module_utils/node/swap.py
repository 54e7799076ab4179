# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Swap: what is in use, and what would bring it at the next boot."""

from __future__ import annotations

from typing import Any, Dict, List

from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.swap import fstab_without_swap, plan_swap_off
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits


def read(runner: Runner) -> Dict[str, Any]:
    """swap, swap_fstab, swap_units and zram. What counts is decided where role host ends swap, in host/swap.py."""
    swaps = parse_swaps(runner.read("/proc/swaps") or "")
    plan = plan_swap_off(runner)
    generator = any(wanted.path.endswith("zram-generator.conf") for wanted in plan.files)
    return {
        "swap": swaps,
        "swap_fstab": swap_entries(runner.read("/etc/fstab") or ""),
        "swap_units": plan.mask,
        "zram": plan.disable_zram_service or generator or any(swap["device"].startswith("/dev/zram") for swap in swaps),
    }


def parse_swaps(text: str) -> List[Dict[str, Any]]:
    """device, type and size_kb of the swap in use, from /proc/swaps."""
    swaps = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) >= 3 and is_digits(fields[2]):
            swaps.append({"device": fields[0], "type": fields[1], "size_kb": int(fields[2])})
    return swaps


def swap_entries(fstab: str) -> List[str]:
    """The lines of /etc/fstab whose type is swap."""
    lines = fstab.splitlines()
    return [line for line, without in zip(lines, fstab_without_swap(fstab).splitlines()) if line != without]
