# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: run_report
type: aggregate
version_added: 0.1.0
short_description: End every run in a summary, and every plan in what happens in which order
description:
  - At the end of a run shows its phases (plays) with their times beside those of the last successful run of the same playbook and
    inventory, the endpoint and versions of the plan, what failed first and where, and what to do next.
  - After M(baremetal.kubernetes.topology_check) shows the phases that are to come, on which hosts they work, and how long each took
    the last time that it had work.
  - While a task runs for long, says each O(wait_seconds) what is waited for, on which hosts and for how long, and what a task that
    is tried again and again got for an answer.
  - Writes the same as a page of HTML that needs nothing else, and keeps the times of each run. A run in check mode, or of some
    hosts or tags only, is never compared with.
  - Of tasks only names, counts, times and the messages of failures are kept, never what C(no_log) hides. Files have the mode 0600,
    their directory 0700.
options:
  enabled:
    description: Whether anything is shown or kept.
    type: bool
    default: true
    env:
      - name: BAREMETAL_KUBERNETES_REPORTS
    ini:
      - section: callback_run_report
        key: enabled
  directory:
    description:
      - Directory on the controller for pages and history. By default C(.reports) in the directory of the first inventory that is a
        file or a directory; where there is none, as with C(-i host,), nothing is kept.
      - Within an inventory's directory its name has to begin with a full stop, for Ansible reads all else there as inventory.
    type: path
    env:
      - name: BAREMETAL_KUBERNETES_REPORTS_DIRECTORY
    ini:
      - section: callback_run_report
        key: directory
  keep:
    description: How many pages stay; older ones are removed. The times of the last 1,000 runs stay in any case.
    type: int
    default: 30
    env:
      - name: BAREMETAL_KUBERNETES_REPORTS_KEEP
    ini:
      - section: callback_run_report
        key: keep
  wait_seconds:
    description: After how many seconds a task that still runs is told of, and again each time as many have passed. 0 for never.
    type: int
    default: 60
    env:
      - name: BAREMETAL_KUBERNETES_REPORTS_WAIT_SECONDS
    ini:
      - section: callback_run_report
        key: wait_seconds
requirements:
  - It is enabled by C(callbacks_enabled = baremetal.kubernetes.run_report) in the section C(defaults) of ansible.cfg.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

import atexit
import functools
import os
import threading
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ansible import constants, context
from ansible.plugins.callback import CallbackBase
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runs.history import NAME, Past, keep, page_path, read
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runs.page import page
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runs.record import (
    BAD,
    CHANGED,
    ENDED_EARLY,
    FAILED,
    IGNORED,
    OK,
    SKIPPED,
    SUCCEEDED,
    UNREACHABLE,
    Run,
    message_of,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runs.words import (
    next_steps,
    plan_lines,
    summary_lines,
    waiting_lines,
)
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.playbook_plays import PLAYBOOKS_PATH

#: The one task whose result is read for more than its outcome, by its short name.
CHECK = "topology_check"


def careful(method: Callable[..., None]) -> Callable[..., None]:
    """Of an event's method: what goes wrong in it ends the report with a warning, and never the run."""

    @functools.wraps(method)
    def guarded(self: Any, *arguments: Any, **named: Any) -> None:
        if self.broken:
            return
        try:
            method(self, *arguments, **named)
        except Exception as error:
            self.broken = True
            self.stop.set()
            self._display.warning("There is no report of this run: %s: %s. The run itself goes on." % (type(error).__name__, error))

    return guarded


def parts(result: Any) -> Tuple[str, Any, Mapping[str, Any]]:
    """Host, task and data of a result. ansible-core 2.19 has names of its own for them, and means to drop the older ones."""
    if hasattr(result, "result"):
        return result.host.get_name(), result.task, result.result
    return result._host.get_name(), result._task, result._result


class CallbackModule(CallbackBase):
    """Hands Ansible's events to a Run, and shows and keeps what it has become."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "baremetal.kubernetes.run_report"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.run: Optional[Run] = None
        self.broken = False
        self.ours = False
        self.directory = ""
        self.history = ""
        self.plan_shown = True
        self.stop = threading.Event()
        self.process = os.getpid()

    def set_options(self, task_keys: Any = None, var_options: Any = None, direct: Any = None) -> None:
        super().set_options(task_keys=task_keys, var_options=var_options, direct=direct)
        self.disabled = not self.get_option("enabled")

    @careful
    def v2_playbook_on_start(self, playbook: Any) -> None:
        path = os.path.realpath(str(playbook._file_name))
        sources = list(context.CLIARGS.get("inventory") or [])
        self.ours = os.path.dirname(path) == os.path.realpath(PLAYBOOKS_PATH)
        self.directory = self.get_option("directory") or self._beside(sources)
        self.history = read(self.directory) if self.directory else ""
        self.run = Run(
            playbook=os.path.splitext(os.path.basename(path))[0],
            inventory=[os.path.realpath(one) if os.path.exists(one) else one for one in sources],
            begin=time.time(),
            check=bool(context.CLIARGS.get("check")),
            partial=self._partial(),
        )
        if self.get_option("wait_seconds") > 0:
            self.stop = threading.Event()
            threading.Thread(target=self._tell_of_waits, args=(self.run, self.stop), name="run_report", daemon=True).start()
        atexit.register(self._ended_early, self.run)

    @careful
    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._show_plan()
        if self.run:
            self.run.play(play._uuid, str(play.get_name()), time.time())

    @careful
    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        if self.run:
            self.run.task(task._uuid, str(task.get_name()), time.time())

    @careful
    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        if self.run:
            self.run.task(task._uuid, str(task.get_name()), time.time())

    @careful
    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        if self.run:
            self.run.started(host.get_name(), str(task.get_name()), str(task.action), time.time())

    @careful
    def v2_runner_retry(self, result: Any) -> None:
        host, _task, data = parts(result)
        if self.run:
            self.run.retried(host, message_of(data))

    @careful
    def v2_runner_on_ok(self, result: Any) -> None:
        _host, task, data = parts(result)
        self._note(result, CHANGED if data.get("changed") else OK)
        if self._is_check(task) and isinstance(data.get("plan"), Mapping) and self.run:
            self.run.plan = data["plan"]
            self.plan_shown = False

    @careful
    def v2_runner_on_skipped(self, result: Any) -> None:
        self._note(result, SKIPPED)

    @careful
    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        _host, task, data = parts(result)
        self._note(result, IGNORED if ignore_errors else BAD)
        if self._is_check(task) and data.get("errors") and self.run and not ignore_errors:
            self.run.refused = True

    @careful
    def v2_runner_on_unreachable(self, result: Any) -> None:
        _host, task, _data = parts(result)
        self._note(result, IGNORED if task.ignore_unreachable else UNREACHABLE)

    @careful
    def v2_playbook_on_stats(self, stats: Any) -> None:
        if not self.run:
            return
        self._show_plan()
        bad = {host for host in stats.processed if stats.failures.get(host) or stats.dark.get(host)}
        went_on = {failure.host for failure in self.run.failures} - bad
        # An unreachable host that its task ignores is in the statistics all the same.
        unreachable = any(phase.unreachable for phase in self.run.phases)
        failed = unreachable or any(stats.failures.get(host) for host in stats.processed)
        self._close(self.run, FAILED if failed else SUCCEEDED, went_on)

    def _note(self, result: Any, outcome: str) -> None:
        host, task, data = parts(result)
        if self.run:
            message = message_of(data) if outcome in (BAD, UNREACHABLE) else ""
            self.run.result(task._uuid, host, outcome, time.time(), message)

    @staticmethod
    def _is_check(task: Any) -> bool:
        return str(task.action).rsplit(".", 1)[-1] == CHECK

    def _planned(self, run: Run) -> Past:
        """Earlier runs of the playbook that is planned: the one that runs, or the one that preflight is asked about."""
        planned = Past(self.history, str(run.plan.get("playbook") or ""), run.inventory)
        return planned if planned.runs else Past(self.history, run.playbook, run.inventory)

    def _show_plan(self) -> None:
        if self.plan_shown or not self.run:
            return
        self.plan_shown = True
        lines = plan_lines(self.run.plan, self._planned(self.run))
        if lines:
            self._say("PLAN, %s, in this order" % self.run.plan.get("playbook"), lines)

    def _close(self, run: Run, outcome: str, went_on: Any = ()) -> None:
        self.stop.set()
        self.run = None
        run.close(outcome, time.time(), set(went_on))
        past = Past(self.history, run.playbook, run.inventory)
        kubeconfig = str(run.plan.get("kubeconfig") or "")
        typed = [os.path.relpath(one) if self._near(one) else one for one in run.inventory]
        steps = next_steps(run, typed, kubeconfig if os.path.isfile(kubeconfig) else "", self.ours)
        self._say("RUN REPORT", summary_lines(run, past, steps))
        if not self.directory:
            return
        try:
            path = page_path(self.directory, run)
            keep(self.directory, run, path, page(run, past, self._planned(run), steps), max(1, self.get_option("keep")))
        except OSError as error:
            self._display.warning(
                "The report of this run is not kept: %s. What to do: make %s writable for you, or set another directory "
                "(BAREMETAL_KUBERNETES_REPORTS_DIRECTORY)." % (error, self.directory)
            )
        else:
            self._say("", ["", "Page: %s" % (os.path.relpath(path) if self._near(path) else path)])

    def _ended_early(self, run: Run) -> None:
        """Ansible ends without statistics, as when a person interrupts it."""
        if self.run is run and os.getpid() == self.process:
            careful(CallbackModule._close)(self, run, ENDED_EARLY)

    def _say(self, title: str, lines: List[str]) -> None:
        # Whoever reads JSON from the output wants nothing else there.
        aside = "json" in str(constants.DEFAULT_STDOUT_CALLBACK)
        if title and not aside:
            self._display.banner(title)
        for line in lines:
            self._display.display(line, stderr=aside)

    def _tell_of_waits(self, run: Run, stop: threading.Event) -> None:
        every = self.get_option("wait_seconds")
        told: Dict[str, float] = {}
        while not stop.wait(min(every, 5)):
            now = time.time()
            waits = {host: wait for host, wait in list(run.waits.items()) if now - max(wait.begin, told.get(host, 0)) >= every}
            if waits:
                told.update(dict.fromkeys(waits, now))
                self._say("", waiting_lines(waits, now))

    @staticmethod
    def _partial() -> bool:
        asked = context.CLIARGS
        tags = [tag for tag in asked.get("tags") or [] if tag != "all"]
        return bool(asked.get("subset") or tags or asked.get("skip_tags") or asked.get("start_at_task"))

    @staticmethod
    def _near(path: str) -> bool:
        """Whether the path is shorter to read from here."""
        return os.path.isabs(path) and os.path.realpath(path).startswith(os.path.realpath(os.curdir) + os.sep)

    @staticmethod
    def _beside(sources: List[str]) -> str:
        """Where reports go by default; empty where no inventory is a file or a directory."""
        for source in sources:
            if os.path.exists(source):
                return os.path.join(os.path.realpath(source if os.path.isdir(source) else os.path.dirname(source)), NAME)
        return ""
