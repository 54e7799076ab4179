# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's programs, files, kernel, swap and services brought to a wanted state, in that order and in one go."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.install import WantedBundle, install_bundle
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.files import (
    WantedFile,
    apply_file,
    diff_of,
    plan_file,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.kernel import (
    differing_sysctls,
    load_modules,
    missing_modules,
    set_sysctls,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.services import (
    WantedService,
    apply_step,
    plan_service,
    read_services,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.swap import end_swap, plan_swap_off
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

UNIT_FOLDERS = ("/etc/systemd/", "/usr/lib/systemd/", "/lib/systemd/")


class WantedState(NamedTuple):
    """All that one call asks for."""

    files: Sequence[WantedFile] = ()
    kernel_modules: Sequence[str] = ()
    sysctls: Mapping[str, object] = {}
    swap_off: bool = False
    services: Sequence[WantedService] = ()
    bundle: Optional[WantedBundle] = None


class Outcome:
    """What was (or, in check mode, would be) done: a line each, and the diff."""

    def __init__(self) -> None:
        self.changes: List[str] = []
        self.diff: List[Dict[str, Any]] = []
        self.written: List[str] = []

    def setting(self, subject: str, before: str, after: str) -> None:
        self.changes.append("%s: %s" % (subject, after))
        self.diff.append({"before_header": subject, "after_header": subject, "before": before + "\n", "after": after + "\n"})


def bring_to_state(wanted: WantedState, runner: Runner, check: bool) -> Outcome:
    """Compare, and unless ``check`` act, subject by subject: each is read when those before it are in place.

    :raises HostStateError, BundleError: with what is wrong and what to do; what was done before it stays and is not done again.
    """
    outcome = Outcome()
    if wanted.bundle is not None:
        for step in install_bundle(wanted.bundle, runner, check).changes:
            outcome.changes.append(step)
            outcome.diff.append({"before": "", "after": step + "\n"})
    _modules_and_files(wanted, runner, check, outcome)
    if wanted.swap_off:
        _swap(runner, check, outcome)
    _sysctls(wanted.sysctls, runner, check, outcome)
    if wanted.services:
        _services(wanted.services, runner, check, outcome)
    return outcome


def _modules_and_files(wanted: WantedState, runner: Runner, check: bool, outcome: Outcome) -> None:
    _files(wanted.files, runner, check, outcome)
    missing = missing_modules(runner, wanted.kernel_modules)
    if missing:
        outcome.setting("kernel modules", "", "load " + ", ".join(missing))
        if not check:
            load_modules(runner, missing)


def _files(files: Sequence[WantedFile], runner: Runner, check: bool, outcome: Outcome) -> None:
    for wanted in files:
        change = plan_file(wanted)
        if change is None:
            continue
        outcome.changes.append("%s: %s" % (wanted.path, change.reason))
        outcome.diff.append(diff_of(change))
        if change.content is not None:
            outcome.written.append(wanted.path)
        if not check:
            apply_file(change, runner)


def _swap(runner: Runner, check: bool, outcome: Outcome) -> None:
    plan = plan_swap_off(runner)
    if plan.empty:
        return
    _files(plan.files, runner, check, outcome)
    for unit in plan.mask:
        outcome.setting("unit %s" % unit, "", "masked")
    if plan.disable_zram_service:
        outcome.setting("service zramswap", "enabled", "disabled")
    if plan.devices:
        outcome.setting("swap", ", ".join(plan.devices), "off")
    if not check:
        end_swap(plan, runner)


def _sysctls(sysctls: Mapping[str, object], runner: Runner, check: bool, outcome: Outcome) -> None:
    differing = differing_sysctls(runner, sysctls)
    for key, (have, want) in differing.items():
        outcome.setting("sysctl %s" % key, have, want)
    if differing and not check:
        set_sysctls({key: want for key, (have, want) in differing.items()})


def _services(services: Sequence[WantedService], runner: Runner, check: bool, outcome: Outcome) -> None:
    names = [wanted.name for wanted in services]
    states = read_services(runner, names)
    units_written = any(path.startswith(UNIT_FOLDERS) for path in outcome.written)
    if not check and (units_written or any(state.needs_daemon_reload for state in states.values())):
        runner.run(["systemctl", "daemon-reload"], timeout=120)
        states = read_services(runner, names)
    for wanted in services:
        state = states[wanted.name]
        if not state.exists and not check and (wanted.state == "started" or wanted.enabled):
            raise HostStateError("service %s" % wanted.name, "systemd knows no such unit", "install the package that has it")
        for verb, reason in plan_service(wanted, state, outcome.written):
            outcome.setting("service %s" % wanted.name, reason, verb)
            if not check:
                apply_step(runner, wanted.name, verb)
