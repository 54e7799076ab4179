# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RKE2's service on a host, started or restarted where that is due, and waited for until it is ready.

Its units are of type notify without a limit: a systemctl that waits would wait for ever where a join can't succeed.
"""

from __future__ import annotations

import time
from typing import Callable, Dict, List, NamedTuple, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.files import modified_at
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.services import (
    WantedService,
    parse_properties,
    plan_service,
    read_services,
    unit_name,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.errors import Rke2Error
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.layout import JOINED
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.symptoms import told
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import number_or

#: systemd starts it again after each failure; so many in one wait are no accident.
FAILURES = 3
PAUSE = 2.0


class WantedNode(NamedTuple):
    role: str
    restart_on: Sequence[str] = ()
    timeout: float = 600
    #: In check mode: whether one of restart_on would have been written.
    changed: bool = False

    @property
    def unit(self) -> str:
        return "rke2-" + self.role


def bring_up(
    wanted: WantedNode,
    runner: Runner,
    check: bool,
    not_ready: Callable[[], str],
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> List[str]:
    """What was done, or in check mode would be, a line each; returns when the node is ready.

    :raises Rke2Error: it does not become ready; with what it says in its log.
    """
    starting = _seen(wanted, runner).get("ActiveState") == "activating"
    state = read_services(runner, [wanted.unit])[wanted.unit]
    # While it starts, systemd's time of start is that of the time before; it has read its files when it began to start.
    since = state.settled_at if starting else state.started_at
    newer = [path for path in wanted.restart_on if (modified_at(path) or 0) > since]
    service = WantedService(
        wanted.unit, state="started", enabled=True, restart_on=wanted.restart_on[:1] if check and wanted.changed else newer
    )
    steps = plan_service(service, state, wanted.restart_on[:1] if check and wanted.changed else ())
    changes = ["service %s: %s (%s)" % (wanted.unit, verb, reason) for verb, reason in steps]
    if check:
        return changes
    if not state.exists or state.needs_daemon_reload:
        runner.run(["systemctl", "daemon-reload"], timeout=60)
    for verb, _reason in steps:
        _apply(wanted, runner, verb)
    _wait(wanted, runner, not_ready, pause, clock)
    return changes


def _apply(wanted: WantedNode, runner: Runner, verb: str) -> None:
    unit = unit_name(wanted.unit)
    if verb in ("start", "restart"):
        runner.run(["systemctl", "reset-failed", "--", unit], timeout=30)
    argv = ["systemctl", verb] + (["--no-block"] if verb in ("start", "restart") else []) + ["--", unit]
    result = runner.run(argv, timeout=120)
    if result.rc != 0:
        raise Rke2Error("service %s" % wanted.unit, "systemctl %s failed: %s" % (verb, result.stderr), "mend what it names")


def _wait(
    wanted: WantedNode, runner: Runner, not_ready: Callable[[], str], pause: Callable[[float], None], clock: Callable[[], float]
) -> None:
    deadline = clock() + wanted.timeout
    first = None
    while True:
        seen = _seen(wanted, runner)
        restarts = number_or(seen.get("NRestarts"), 0)
        first = restarts if first is None else min(first, restarts)
        if seen.get("ActiveState") != "active":
            why = "it is %s" % (seen.get("ActiveState") or "unknown to systemd")
        elif wanted.role == "server":
            why = not_ready()
        else:
            why = "" if runner.exists(JOINED) else "no server has taken it in yet"
        if not why:
            return
        if restarts - first >= FAILURES or seen.get("ActiveState") == "failed":
            raise _error(wanted, runner, "it failed %d times while it was waited for" % max(1, restarts - first))
        if clock() >= deadline:
            raise _error(wanted, runner, "it is not ready after %d seconds: %s" % (wanted.timeout, why))
        pause(PAUSE)


def _seen(wanted: WantedNode, runner: Runner) -> Dict[str, str]:
    argv = ["systemctl", "show", "--property=ActiveState,NRestarts", "--", unit_name(wanted.unit)]
    return parse_properties(runner.run(argv, timeout=60).stdout)


def _error(wanted: WantedNode, runner: Runner, problem: str) -> Rke2Error:
    argv = ["journalctl", "--unit", unit_name(wanted.unit), "--lines=200", "--no-pager", "--output=cat"]
    lines = telling(runner.run(argv, timeout=60).stdout)
    remedy = "mend what these lines name and run the playbook again; it goes on from here"
    return Rke2Error("service %s" % wanted.unit, *told(problem, lines, remedy))


def telling(log: str, lines: int = 12) -> str:
    """The lines of a log that say what is wrong, the last ones, each once; the end of the log where none does."""
    said = [line.strip() for line in log.splitlines() if line.strip()]
    bad = [line for line in said if any(word in line for word in ("level=fatal", "level=error", "Fatal", "panic:"))]
    unique = list(dict.fromkeys(reversed(bad or said)))[:lines]
    return "\n".join(reversed(unique))
