# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd services. Whether one needs a restart is read off the host (a file newer than the service's start), never
remembered: a handler that a killed run still owed is thus made good by the next run."""

from __future__ import annotations

import time
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.files import modified_at
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.symptoms import told
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import number_or

PROPERTIES = (
    "Id",
    "LoadState",
    "ActiveState",
    "UnitFileState",
    "NeedDaemonReload",
    "ActiveEnterTimestampMonotonic",
    "StateChangeTimestampMonotonic",
)


class WantedService(NamedTuple):
    """A service as the caller wants it; None means: leave as it is."""

    name: str
    state: Optional[str] = None
    enabled: Optional[bool] = None
    restart_on: Sequence[str] = ()
    reload_on: Sequence[str] = ()


class ServiceState(NamedTuple):
    """What systemd says of a unit; times are seconds since the epoch, 0 for never."""

    exists: bool
    active: bool
    failed: bool
    enabled: bool
    needs_daemon_reload: bool
    started_at: float
    #: systemd moves this one on a reload, too; the start stays as it was.
    settled_at: float


def unit_name(name: str) -> str:
    """The unit's full name: systemctl takes ``kubelet`` for ``kubelet.service``."""
    return name if "." in name else name + ".service"


def read_services(runner: Runner, names: Sequence[str], monotonic: Optional[float] = None) -> Dict[str, ServiceState]:
    """The state of several units by one call of systemctl."""
    units = [unit_name(name) for name in names]
    result = runner.run(["systemctl", "show", "--property=" + ",".join(PROPERTIES), "--"] + units, timeout=60)
    if result.rc != 0:
        raise HostStateError("systemd", "systemctl show says: %s" % result.stderr.strip(), "this collection needs systemd as init")
    now = time.clock_gettime(time.CLOCK_MONOTONIC) if monotonic is None else monotonic
    epoch_of_zero = runner.now() - now
    sections = [parse_properties(section) for section in result.stdout.strip().split("\n\n")]
    return {name: _state(section, epoch_of_zero) for name, section in zip(names, sections)}


def parse_properties(text: str) -> Dict[str, str]:
    """``Key=value`` lines as systemctl show prints them."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {key: value for key, separator, value in pairs if separator}


def plan_service(wanted: WantedService, state: ServiceState, written: Sequence[str]) -> List[Tuple[str, str]]:
    """(systemctl verb, reason) in the order in which they are to be done.

    :param written: paths that this very run writes; in check mode they are not on the disk yet.
    """
    steps: List[Tuple[str, str]] = []
    if wanted.enabled is not None and wanted.enabled != state.enabled:
        steps.append(("enable", "so that it starts at boot") if wanted.enabled else ("disable", "so that it stays off at boot"))
    if wanted.state == "stopped":
        return steps + ([("stop", "it runs")] if state.active else [])
    if wanted.state == "started" and not state.active:
        return steps + [("start", "it failed" if state.failed else "it does not run")]
    if not state.active:
        return steps
    newer = _newer(wanted.restart_on, state.started_at, written)
    if newer:
        return steps + [("restart", "%s changed after its start" % newer)]
    newer = _newer(wanted.reload_on, state.settled_at, written)
    return steps + ([("reload", "%s changed after it was read" % newer)] if newer else [])


def apply_step(runner: Runner, name: str, verb: str) -> None:
    """One systemctl call; a service that does not come up is an error that carries its last log lines."""
    unit = unit_name(name)
    if verb in ("start", "restart"):
        # A unit that failed often is refused by its start limit until this.
        runner.run(["systemctl", "reset-failed", "--", unit], timeout=30)
    result = runner.run(["systemctl", verb, "--", unit], timeout=300)
    if result.rc == 0:
        return
    log = runner.run(["journalctl", "--unit", unit, "--lines=15", "--no-pager", "--output=cat"], timeout=30).stdout
    raise HostStateError("service %s" % name, *told("systemctl %s failed: %s" % (verb, result.stderr.strip()), log))


def _newer(paths: Sequence[str], than: float, written: Sequence[str]) -> str:
    for path in paths:
        changed = modified_at(path)
        if path in written or (changed is not None and changed > than):
            return path
    return ""


def _state(section: Dict[str, str], epoch_of_zero: float) -> ServiceState:
    def moment(key: str) -> float:
        microseconds = number_or(section.get(key), 0)
        return epoch_of_zero + microseconds / 1e6 if microseconds else 0.0

    return ServiceState(
        exists=section.get("LoadState") not in (None, "not-found", ""),
        active=section.get("ActiveState") in ("active", "reloading", "activating"),
        failed=section.get("ActiveState") == "failed",
        # A static or generated unit has no link to make: it counts as enabled.
        enabled=section.get("UnitFileState") in ("enabled", "enabled-runtime", "static", "indirect", "generated", "alias"),
        needs_daemon_reload=section.get("NeedDaemonReload") == "yes",
        started_at=moment("ActiveEnterTimestampMonotonic"),
        settled_at=moment("StateChangeTimestampMonotonic"),
    )
