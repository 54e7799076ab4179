# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens in one run of a playbook: phases with their times, hosts and counts, and what failed. Pure: times are handed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, NamedTuple, Set, Tuple

SUCCEEDED, FAILED, ENDED_EARLY = "succeeded", "failed", "ended early"
#: What a task came to on a host.
OK, CHANGED, SKIPPED, IGNORED, BAD, UNREACHABLE = "ok", "changed", "skipped", "ignored", "failed", "unreachable"

HIDDEN = "hidden, since the task has no_log"
#: Characters of a message that are kept: a list of problems is long, and a program's whole output is too much.
LONGEST = 6000


class Failure(NamedTuple):
    """A host at which a task failed."""

    host: str
    phase: str
    task: str
    message: str


@dataclass
class Task:
    """How long a task took, over all batches of hosts, in seconds."""

    name: str
    begin: float
    end: float
    before: float = 0.0

    @property
    def seconds(self) -> float:
        return self.before + self.end - self.begin


@dataclass
class Phase:
    """A play, with all its batches of hosts. ``changed`` counts tasks, one for each host."""

    key: str
    name: str
    begin: float
    end: float
    hosts: Dict[str, None] = field(default_factory=dict)
    changed: int = 0
    failed: Set[str] = field(default_factory=set)
    unreachable: Set[str] = field(default_factory=set)
    tasks: Dict[str, Task] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return self.end - self.begin


class Wait(NamedTuple):
    """A task that has not ended yet at a host, since when, and what the host said last where the task is tried again and again."""

    task: str
    action: str
    begin: float
    said: str = ""


@dataclass
class Run:
    """One run. Times are seconds since 1970."""

    playbook: str
    #: Where its hosts come from, as paths beside which the reports lie, or a list of hosts.
    inventory: List[str]
    begin: float
    check: bool = False
    #: Whether only some hosts, tags or tasks were asked for, so that its times say nothing about a whole run.
    partial: bool = False
    phases: List[Phase] = field(default_factory=list)
    failures: List[Failure] = field(default_factory=list)
    #: What topology_check planned; empty where it has not, or found problems.
    plan: Mapping[str, Any] = field(default_factory=dict)
    refused: bool = False
    outcome: str = ""
    end: float = 0.0
    waits: Dict[str, Wait] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return self.end - self.begin

    @property
    def worked(self) -> List[Phase]:
        """The phases that had a host."""
        return [phase for phase in self.phases if phase.hosts]

    @property
    def hosts(self) -> List[str]:
        return list(dict.fromkeys(host for phase in self.phases for host in phase.hosts))

    @property
    def changed(self) -> int:
        return sum(phase.changed for phase in self.phases)

    def play(self, key: str, name: str, now: float) -> None:
        """A play begins, or its next batch of hosts."""
        self.waits.clear()
        if self.phases:
            self.phases[-1].end = now
            if self.phases[-1].key == key:
                return
        self.phases.append(Phase(key, name, now, now))

    def task(self, key: str, name: str, now: float) -> None:
        if not self.phases:
            return
        tasks = self.phases[-1].tasks
        known = tasks.get(key)
        tasks[key] = Task(name, now, now, known.seconds if known else 0.0)

    def started(self, host: str, task: str, action: str, now: float) -> None:
        self.waits[host] = Wait(task, action, now)

    def retried(self, host: str, said: str) -> None:
        if host in self.waits:
            self.waits[host] = self.waits[host]._replace(said=said)

    def result(self, key: str, host: str, outcome: str, now: float, message: str = "") -> None:
        """A task ended at a host.

        :param message: why it failed.
        """
        self.waits.pop(host, None)
        if not self.phases:
            return
        phase = self.phases[-1]
        phase.hosts[host] = None
        task = phase.tasks.get(key)
        if task:
            task.end = now
        phase.changed += outcome == CHANGED
        if outcome in (BAD, UNREACHABLE):
            (phase.failed if outcome == BAD else phase.unreachable).add(host)
            self.failures.append(Failure(host, phase.name, task.name if task else "", message))

    def close(self, outcome: str, now: float, rescued: Set[str]) -> None:
        """The run is over.

        :param rescued: hosts that went on after all that failed there.
        """
        self.end, self.outcome = now, outcome
        self.waits.clear()
        # What a host went on after was rescued: the last of its failures is the one that ended it.
        last = {failure.host: failure for failure in self.failures if failure.host not in rescued}
        self.failures = [failure for failure in self.failures if last.get(failure.host) is failure]
        for phase in self.phases:
            phase.failed -= rescued
        if self.phases:
            self.phases[-1].end = now


def message_of(result: Mapping[str, Any]) -> str:
    """Why a task failed, in its own words. Nothing of a result that no_log hides.

    :param result: what Ansible hands to callbacks.
    """
    if "censored" in result or result.get("_ansible_no_log"):
        return HIDDEN
    items = result.get("results")
    bad = [one for one in items if isinstance(one, Mapping) and one.get("failed")] if isinstance(items, (list, tuple)) else []
    if bad:
        return message_of(bad[0])
    for name in ("msg", "stderr", "module_stderr", "stdout", "module_stdout", "reason"):
        text = str(result.get(name) or "").strip()
        # What `command` says of itself is only that its program failed.
        if text and text not in ("non-zero return code", "MODULE FAILURE"):
            return text[:LONGEST]
    return str(result.get("msg") or "no reason was given")


def told_apart(names: List[str]) -> List[Tuple[str, int]]:
    """Names with a number that tells the second of a name from the first."""
    seen: Dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append((name, seen[name]))
    return found
