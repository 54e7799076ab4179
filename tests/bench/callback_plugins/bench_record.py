# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what a run of ansible-playbook did, and when, for bench.py."""

from __future__ import annotations

DOCUMENTATION = r"""
name: bench_record
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
version_added: 0.1.0
type: aggregate
short_description: Record plays, tasks and their times as JSON
description:
  - Writes the file that the environment variable E(BENCH_RECORD) names when the playbook has ended.
"""

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

COUNTS = ("ok", "changed", "failures", "dark", "skipped", "rescued", "ignored")


class CallbackModule(CallbackBase):
    """Plays and tasks with the times of their starts; a task lasts until the next one starts."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "bench_record"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.plays: list[dict[str, Any]] = []
        self.tasks: list[dict[str, Any]] = []

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self.plays.append({"name": play.get_name(), "start": time.time()})

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        role = task._role.get_name(include_role_fqcn=False) if task._role else ""
        self.tasks.append({"name": task.name, "role": role, "play": len(self.plays) - 1, "start": time.time(), "ok": 0})

    def v2_runner_on_ok(self, result: Any) -> None:
        self.tasks[-1]["ok"] += 1

    def v2_playbook_on_stats(self, stats: Any) -> None:
        hosts = {host: {count: getattr(stats, count).get(host, 0) for count in COUNTS} for host in stats.processed}
        record = {"plays": self.plays, "tasks": self.tasks, "hosts": hosts, "end": time.time()}
        with open(os.environ["BENCH_RECORD"], "w", encoding="utf-8") as file:
            json.dump(record, file)
