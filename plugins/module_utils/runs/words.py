# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run and its plan are in words, for a terminal. Pure."""

from __future__ import annotations

import re
import shlex
from typing import Any, List, Mapping, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.runs.history import Past
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runs.record import (
    ENDED_EARLY,
    FAILED,
    SUCCEEDED,
    Phase,
    Run,
    Wait,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import counted, grouped, listed

TOPOLOGIES = ("single", "stacked_ha", "external_etcd", "lvs_haproxy", "rke2_ha")
#: Playbooks after which a cluster has just become another one: backups of it are worth a thought.
BUILDS = (*TOPOLOGIES, "grow", "join", "replace", "restore")
#: Ansible passes over plays without hosts and calls that success.
NO_HOSTS = (
    "the playbook of your topology (%s), whose plan says who has what to do: by itself this one found no host that has"
    % ", ".join(TOPOLOGIES)
)
#: Playbooks that only look.
LOOKS = ("preflight", "verify", "diagnose")
#: An action that waits for long -> what is written on the host meanwhile.
WRITES = {
    "kubeadm_node": "kubeadm's output so far is there in /var/log/baremetal-kubernetes/, the kubelet's in `journalctl -u kubelet`",
    "kubeadm_upgrade": "kubeadm's output so far is there in /var/log/baremetal-kubernetes/",
}
#: What would move a terminal's cursor or colour it.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
LOST = "bring back %s, which did not answer: see power, network and sshd there; or take it out of the inventory"
NOBODY_KNOWS = "decided on the way"
#: How many tasks are told as the slowest.
SLOWEST = 3


def duration(seconds: float) -> str:
    """``0.4 s``, ``41 s``, ``4 min 12 s``, ``1 h 2 min``."""
    if seconds < 9.95:
        return "%.1f s" % max(seconds, 0)
    whole = round(seconds)
    if whole < 60:
        return "%d s" % whole
    if whole < 3600:
        return "%d min %d s" % divmod(whole, 60)
    return "%d h %d min" % divmod(whole // 60, 60)


def harmless(text: str) -> str:
    """The text without characters that a terminal obeys."""
    return CONTROL.sub("?", text)


def verdict(run: Run) -> str:
    """``stacked_ha succeeded in 4 min 12 s``, with what a reader must know of such a run."""
    if run.outcome == SUCCEEDED and not run.hosts:
        return "%s did nothing" % run.playbook
    said = {SUCCEEDED: "succeeded in", FAILED: "failed after", ENDED_EARLY: "was ended after"}[run.outcome]
    return "%s%s %s %s" % (run.playbook, " (check mode)" if run.check else "", said, duration(run.seconds))


def against(run: Run, past: Past) -> str:
    """The time of the last run, where the two can be compared."""
    if past.seconds is None or run.check or run.partial or run.outcome != SUCCEEDED:
        return ""
    return "last time %s" % duration(past.seconds)


def amount(run: Run) -> str:
    """How many hosts and changes there were."""
    hosts = counted(len(run.hosts), "host")
    if run.check:
        return "%s; nothing was changed, %s would change something" % (hosts, counted(run.changed, "task"))
    return "%s, %s" % (hosts, counted(run.changed, "change") if run.changed else "nothing changed")


def facts(run: Run) -> List[str]:
    """The endpoint and the versions, as far as the plan has them."""
    plan = run.plan
    lines = []
    if plan.get("endpoint"):
        lines.append("Endpoint: %s" % plan["endpoint"])
    if plan.get("kubernetes_version"):
        lines.append("Kubernetes as the settings have it: %s" % plan["kubernetes_version"])
    found = [
        "%s %s on %s" % (program, version, listed(hosts))
        for program, versions in (plan.get("versions") or {}).items()
        for version, hosts in versions.items()
    ]
    if found:
        lines.append("Found when the run began: %s" % "; ".join(found))
    return lines


def plan_lines(plan: Mapping[str, Any], planned: Past) -> List[str]:
    """The phases to come: where each works, and how long it took last time."""
    phases = plan.get("phases") or []
    times = planned.times([phase["name"] for phase in phases])
    lines = []
    for number, (phase, seconds) in enumerate(zip(phases, times), 1):
        where = NOBODY_KNOWS if phase["hosts"] is None else listed(phase["hosts"])
        last = "" if seconds is None else " (last time %s)" % duration(seconds)
        lines.append("%3d. %s: %s%s" % (number, phase["name"], where, last))
    return [harmless(line) for line in lines]


def columns(rows: Sequence[Sequence[str]]) -> List[str]:
    """A table in which numbers stand below each other; the first column is text."""
    widths = [max(len(row[number]) for row in rows) for number in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [value.rjust(width) for value, width in zip(row[1:], widths[1:])]
        lines.append(("  " + "  ".join(cells)).rstrip())
    return lines


def phase_rows(run: Run, past: Past) -> List[List[str]]:
    """For each phase its name, time, last time, hosts, changes and what went wrong; the first row is the head."""
    rows = [["phase", "time", "last time", "hosts", "changed", "failed", "unreachable"]]
    times: List[Optional[float]] = [None] * len(run.worked)
    if not run.check and not run.partial:
        times = past.times([phase.name for phase in run.worked])
    for phase, seconds in zip(run.worked, times):
        rows.append(
            [phase.name, duration(phase.seconds), "" if seconds is None else duration(seconds)]
            + [str(number or "") for number in (len(phase.hosts), phase.changed, len(phase.failed), len(phase.unreachable))]
        )
    # A column without a figure tells nothing.
    used = [number for number in range(len(rows[0])) if number < 2 or any(row[number] for row in rows[1:])]
    return [[row[number] for number in used] for row in rows]


def slowest_tasks(phases: Sequence[Phase]) -> str:
    """Those of all these phases together, each with its time."""
    tasks = sorted((task for phase in phases for task in phase.tasks.values()), key=lambda task: -task.seconds)
    return "; ".join("%s %s" % (task.name, duration(task.seconds)) for task in tasks[:SLOWEST])


def summary_lines(run: Run, past: Past, steps: Sequence[str]) -> List[str]:
    """The end of a run on a terminal."""
    lines = ["; ".join(part for part in (verdict(run), against(run, past), amount(run)) if part)]
    if run.worked:
        lines += ["", *columns([[cell[:72] for cell in row] for row in phase_rows(run, past)])]
        lines += ["  slowest tasks: %s" % slowest_tasks(run.worked)]
    for failure in run.failures[:1]:
        message = failure.message.splitlines() or [""]
        more = "" if len(message) == 1 else " [...]"
        lines += ["", "Failed first: %s, at %s: %s%s" % (failure.task, failure.host, message[0], more)]
    if len(run.failures) > 1:
        lines.append("Then: %s" % listed(["%s at %s" % (failure.task, failure.host) for failure in run.failures[1:]]))
    told = facts(run)
    lines += ["", *told] if told else []
    if steps:
        lines += ["", "Next:", *("  " + step for step in steps)]
    return [harmless(line) for line in lines]


def next_steps(run: Run, inventory: Sequence[str], kubeconfig: str, ours: bool) -> List[str]:
    """What a person does now.

    :param inventory: as it is typed after ``-i``.
    :param kubeconfig: path of the file where it is there, else empty.
    :param ours: whether it was a playbook of this collection.
    """
    given = "".join(" -i %s" % shlex.quote(one) for one in inventory)

    def playbook(name: str) -> str:
        return "ansible-playbook%s baremetal.kubernetes.%s" % (given, name)

    if run.outcome == ENDED_EARLY:
        return ["the same command again: it goes on where this run was ended"] if ours else []
    if run.refused:
        return ["set right what is listed above, then the same command again; no host was changed"]
    if run.outcome == FAILED:
        again = "the same command again: what is done stays done, and it goes on from there"
        steps = [again, "%s   # what the hosts say, in one archive" % playbook("diagnose")] if ours else []
        lost = sorted({host for phase in run.phases for host in phase.unreachable})
        return ([LOST % listed(lost)] if lost else []) + steps
    if not run.hosts:
        return [NO_HOSTS] if ours else []
    planned = str(run.plan.get("playbook") or "")
    if run.check:
        return ["the same command without --check"] if ours and run.playbook not in LOOKS else []
    if run.playbook == "preflight":
        return [playbook(planned)] if planned and run.plan.get("phases") else []
    if not ours and not run.plan:
        return []
    steps = ["kubectl --kubeconfig %s get nodes" % shlex.quote(kubeconfig)] if kubeconfig and run.plan else []
    if run.playbook in BUILDS or planned in BUILDS:
        steps += [playbook("verify"), playbook("backup")]
    elif run.plan and run.playbook not in LOOKS:
        steps.append(playbook("verify"))
    return steps


def waiting_lines(waits: Mapping[str, Wait], now: float) -> List[str]:
    """What is waited for: a line for each task, with its hosts."""
    lines = []
    for task, hosts in grouped((wait.task, host) for host, wait in waits.items()).items():
        first = waits[hosts[0]]
        longest = max(now - waits[host].begin for host in hosts)
        said = ["%s said: %s" % (host, waits[host].said.splitlines()[0][:300]) for host in hosts if waits[host].said][:3]
        hint = WRITES.get(first.action.rsplit(".", 1)[-1])
        line = "Still at it for %s on %s: %s" % (duration(longest), listed(hosts), task)
        lines.append("; ".join([line, *said, *([hint] if hint else [])]))
    return [harmless(line) for line in lines]
