# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that systemd's timers run: ``python3 hardware-watch.pyz VERB``. What it prints is its log.

``run`` looks at the hardware, ``show`` says what the last look found, ``condition TYPE`` says one verdict by its exit code,
``accept`` takes today's counts as what a person lives with, ``failover`` does what was opted into, and ``plan`` says what that
would be.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware import metrics, verdicts
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.act import Failover, Outcome
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.failover import lines
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.history import History
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.settings import (
    CONDITIONS,
    PATH,
    STATE,
    Settings,
    read_settings,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.watch import Look, corrected, look
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.lock import hold
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.journal import say
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, KubernetesError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.monitoring.textfile import Sample, render
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner, Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

USAGE = "usage: hardware-watch.pyz run | show | condition TYPE | accept | failover | plan"
FAILOVER_METRICS = "kubernetes_hardware_failover.prom"
FAILOVER_HELP = {
    "failover_timestamp_seconds": ("gauge", "When this control plane last looked after nodes whose hardware is failing."),
    "failover_node": ("gauge", "The node in hand, whose hardware is failing."),
    "failover_dry_run": ("gauge", "Whether only is said what would be done."),
    "failover_errors": ("gauge", "What went wrong at the last look."),
}
#: So long the API may be silent before keepalived decides alone again.
BLIND_SECONDS = 300.0


class Places:
    """Where the program reads and writes; a test has others."""

    def __init__(self, settings: str = PATH, state: str = STATE, conditions: str = CONDITIONS) -> None:
        self.settings = settings
        self.state = state
        self.conditions = conditions

    @property
    def history(self) -> str:
        return os.path.join(self.state, "history.json")

    @property
    def last(self) -> str:
        return os.path.join(self.state, "last.json")

    @property
    def asked(self) -> str:
        """When the API last answered; gone after a boot, as keepalived's file is."""
        return os.path.join(os.path.dirname(self.conditions), "api-answered")


def main(words: Optional[Sequence[str]] = None, places: Optional[Places] = None, runner: Optional[Runner] = None) -> int:
    """Exit code: 0 for done, 1 for what could not be done, 2 for a call that makes no sense; of ``condition`` the verdict."""
    given = list(sys.argv[1:] if words is None else words)
    places, runner = places or Places(), runner or HostRunner()
    if given[:1] == ["condition"] and len(given) == 2:
        return condition(given[1], places, runner)
    verbs = {"run": run, "show": show, "accept": accept, "failover": failover, "plan": plan}
    if len(given) != 1 or given[0] not in verbs:
        say(USAGE, sys.stderr)
        return 2
    try:
        return verbs[given[0]](places, runner)
    except (ProblemError, OSError) as error:
        say(str(error), sys.stderr)
        return 1


def run(places: Places, runner: Runner) -> int:
    """Look, and leave what was seen for people, Prometheus and the node's conditions."""
    settings = read_settings(runner.read(places.settings), places.settings)
    with _alone(places):
        history = History(runner.read(places.history))
        seen = look(runner, settings, history)
        replace_file(places.history, history.text())
        replace_file(places.last, json.dumps(as_data(seen), indent=1, sort_keys=True) + "\n")
    os.makedirs(places.conditions, mode=0o755, exist_ok=True)
    for name, verdict in verdicts.verdicts(seen).items():
        replace_file(os.path.join(places.conditions, name), verdicts.file_text(verdict, seen.now, settings.interval))
    _metrics(settings, metrics.FILE, metrics.text(seen))
    for line in _report(as_data(seen)):
        say(line)
    return 0


def show(places: Places, runner: Runner) -> int:
    """What the last look found."""
    try:
        data = from_json(runner.read(places.last) or "")
    except ValueError:
        say("nothing was looked at yet on this host", sys.stderr)
        return 1
    for line in _report(data):
        say(line)
    return 0


def condition(name: str, places: Places, runner: Runner) -> int:
    """One verdict, as node-problem-detector's custom plugins say it."""
    verdict = verdicts.read_file(runner.read(os.path.join(places.conditions, os.path.basename(name))) or "", runner.now())
    say(verdict.text)
    return verdict.code


def accept(places: Places, runner: Runner) -> int:
    """A person has seen the counts of now, and lives with them."""
    settings = read_settings(runner.read(places.settings), places.settings)
    with _alone(places):
        history = History(runner.read(places.history))
        seen = look(runner, settings, history)
        counts = {disk.key: disk.counts for disk in seen.disks.disks}
        titles = {disk.key: disk.title for disk in seen.disks.disks}
        history.accept(counts, titles, corrected(seen.memory), seen.now)
        replace_file(places.history, history.text())
    return run(places, runner)


def failover(places: Places, runner: Runner) -> int:
    """One look of a control plane after nodes whose hardware is failing."""
    settings = read_settings(runner.read(places.settings), places.settings)
    agent = Failover(settings, Kubectl(runner, settings.kubeconfig, settings.kubectl_path), runner, replace_file, say)
    try:
        outcome = agent.step()
    except KubernetesError as error:
        say(str(error), sys.stderr)
        asked = (runner.read(places.asked) or "").strip()
        if is_digits(asked) and runner.now() - int(asked) > BLIND_SECONDS:
            for line in agent.blind():
                say(line)
        return 1
    for line in outcome.done:
        say(line)
    os.makedirs(os.path.dirname(places.asked), mode=0o755, exist_ok=True)
    replace_file(places.asked, "%d\n" % runner.now())
    _metrics(settings, FAILOVER_METRICS, _failover_text(outcome, settings, runner.now()))
    return 1 if outcome.failed else 0


def plan(places: Places, runner: Runner) -> int:
    """What would be done now, whatever of it is allowed."""
    settings = read_settings(runner.read(places.settings), places.settings)
    kubectl = Kubectl(runner, settings.kubeconfig, settings.kubectl_path)
    settings = settings._replace(dry_run=True)
    found = lines(Failover(settings, kubectl, runner, replace_file, say).plan(), settings)
    for line in found or ["no node's hardware is failing"]:
        say(line)
    return 0


def as_data(seen: Look) -> Dict[str, Any]:
    """A look as its state file keeps it."""
    return {
        "now": seen.now,
        "findings": [one._asdict() for one in seen.findings],
        "unread": [one._asdict() for one in seen.unread],
        "disks": [disk.title for disk in seen.disks.disks],
        "asleep": [device.text for device in seen.disks.asleep],
        "memory": [counter.name for counter in seen.memory.counters],
        "pools": [pool.name for pool in seen.pools.pools],
        "sensors": len(seen.sensors),
    }


def _report(data: Mapping[str, Any]) -> List[str]:
    parts: List[Tuple[int, str]] = [
        (len(data["disks"]), "disks"),
        (len(data["asleep"]), "disks that sleep"),
        (len(data["memory"]), "counters of memory"),
        (len(data["pools"]), "storage pools"),
        (int(data["sensors"]), "temperatures"),
    ]
    seen = ", ".join("%d %s" % part for part in parts if part[0]) or "nothing that tells its health"
    found = ["%s: %s" % (one["severity"], one["text"]) for one in data["findings"]]
    unread = ["not known: %s: %s" % (one["subject"], one["why"]) for one in data["unread"]]
    return ["seen: %s; %s" % (seen, "%d findings" % len(found) if found else "nothing is wrong"), *found, *unread]


def _failover_text(outcome: Outcome, settings: Settings, now: float) -> str:
    target = outcome.decision.target
    samples: Dict[str, List[Sample]] = {
        "failover_timestamp_seconds": [({}, now)],
        "failover_node": [({"hardware_node": target}, 1)] if target else [],
        "failover_dry_run": [({}, settings.dry_run)],
        "failover_errors": [({}, len(outcome.failed))],
    }
    return render(metrics.PREFIX, FAILOVER_HELP, samples)


def _metrics(settings: Settings, name: str, content: str) -> None:
    """A directory that is missing or full stops nothing else."""
    if not settings.metrics_directory:
        return
    try:
        replace_file(os.path.join(settings.metrics_directory, name), content)
    except OSError as error:
        say("%s can't be written: %s" % (name, error), sys.stderr)


def _alone(places: Places) -> Any:
    os.makedirs(places.state, mode=0o755, exist_ok=True)
    remedy = "see what holds it: fuser -v %s" % places.state
    busy = ProblemError(places.state, "another look has been going on for two minutes", remedy)
    return hold(places.state, 120, busy)
