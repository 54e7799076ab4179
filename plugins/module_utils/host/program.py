# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program of this collection that a service of systemd runs: installed, and known by the settings that it ran with."""

from __future__ import annotations

import hashlib
import os

from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner


def install(path: str, wanted: bytes, runner: Runner, check: bool) -> bool:
    """Whether the program was, or would be, written."""
    if runner.read_bytes(path) == wanted:
        return False
    if not check:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        replace_file(path, wanted)
    return True


def digest(settings: str, program: bytes) -> str:
    """What a run was made with: a report with another one says nothing about the settings of now."""
    return hashlib.sha256(settings.encode("utf-8") + b"\0" + program).hexdigest()
