# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What RKE2 has become on a host."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List

from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.services import parse_properties
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.credentials import kept_token
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.health import not_ready
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.layout import (
    CA,
    CONFIG,
    DATABASE,
    IMAGES,
    JOINED,
    PROGRAM,
    parse_version,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

UNITS = ("rke2-server", "rke2-agent")
_LINE = re.compile(r"^([a-z0-9-]+): *(.*?) *$", re.MULTILINE)


def read(runner: Runner, timeout: float, ask: Callable[[], str] = not_ready) -> Dict[str, Any]:
    """The facts of C(rke2): see module node_facts."""
    config = runner.read(CONFIG)
    said = {key: value.strip("'\"") for key, value in _LINE.findall(config or "")}
    installed = runner.exists(PROGRAM)
    active = _active(runner, timeout) if installed else []
    why = ask() if "rke2-server" in active else ""
    return {
        "version": parse_version(runner.run([PROGRAM, "--version"], timeout=timeout).stdout) if installed else "",
        "roles": [unit[len("rke2-") :] for unit in active],
        # Of etcd: a server that has it is a member of a cluster, whatever its config.yaml says.
        "data": runner.exists(DATABASE + "/etcd/member"),
        "joined": runner.exists(JOINED),
        "configured": config is not None,
        "node_name": said.get("node-name", ""),
        "server": said.get("server", ""),
        "token": bool(kept_token(runner)),
        "ready": "rke2-server" in active and not why,
        "message": why,
        "ca_certificate": runner.read(CA) or "",
        "images": [name for name in runner.list_dir(IMAGES) if not name.startswith(".")],
        "etcd_user": bool(re.search(r"^etcd:", runner.read("/etc/passwd") or "", re.MULTILINE)),
        "network_manager": runner.exists("/etc/NetworkManager"),
    }


def _active(runner: Runner, timeout: float) -> List[str]:
    argv = ["systemctl", "show", "--property=Id,ActiveState", "--"] + [unit + ".service" for unit in UNITS]
    sections = [parse_properties(text) for text in runner.run(argv, timeout=timeout).stdout.split("\n\n")]
    running = [section.get("Id", "") for section in sections if section.get("ActiveState") in ("active", "activating", "reloading")]
    return [unit for unit in UNITS if unit + ".service" in running]
