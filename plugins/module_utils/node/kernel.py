# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel modules and forwarding."""

from __future__ import annotations

from typing import Any, Dict, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.kernel import missing_modules
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner


def read(runner: Runner, names: Sequence[str]) -> Dict[str, Any]:
    """kernel_modules: those of the names that are loaded or built in; ip_forward."""
    missing = set(missing_modules(runner, names))
    return {
        "kernel_modules": [name for name in names if name not in missing],
        "ip_forward": (runner.read("/proc/sys/net/ipv4/ip_forward") or "").strip() == "1",
    }
