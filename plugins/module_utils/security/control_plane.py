# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One control plane brought to its security settings: files, flags of its static pods, and processes that run with both."""

from __future__ import annotations

import os
from typing import Any, Callable, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.components import (
    Component,
    Restarter,
    present,
    stale,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.errors import CertificateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.renew import modified
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.kubernetes import MANIFESTS, parse_flags
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.security.settings import (
    ADMISSION_FILE,
    AUDIT_FILE,
    ENCRYPTION_FILE,
    FOLDER,
    OWNED,
)

API_SERVER = "kube-apiserver"
#: kubeadm's phases that write the manifests.
PHASES = {API_SERVER: "apiserver", "kube-controller-manager": "controller-manager", "kube-scheduler": "scheduler"}
#: kubeadm reads the cluster's configuration from a file here, and asks nobody.
KUBEADM_SECONDS = 120


class Step(NamedTuple):
    """One thing to do and why. ``path`` is the file that it writes, ``component`` the static pod that changes."""

    text: str
    path: str = ""
    component: Optional[Component] = None
    manifest: bool = False


def plan(
    runner: Runner,
    files: Mapping[str, str],
    arguments: Mapping[str, Mapping[str, Any]],
    changed: Callable[[str], Optional[float]] = modified,
) -> List[Step]:
    """Files that differ, then manifests whose flags differ, then pods that are older than what they read.

    :param files: path -> content.
    :param arguments: component -> the flags that it must have; empty to leave the manifests alone.
    """
    steps = [Step("write %s" % path, path=path) for path in sorted(files) if runner.read(path) != files[path]]
    written = bool(steps)
    for component in present(runner):
        if component.name not in PHASES or not arguments:
            continue
        differing = differences(
            parse_flags(runner.read("%s/%s.yaml" % (MANIFESTS, component.name)) or ""), component.name, arguments
        )
        if differing:
            steps.append(Step("%s gets %s" % (component.name, ", ".join(differing)), component=component, manifest=True))
            continue
        if component.name == API_SERVER:
            component = component._replace(files=(ENCRYPTION_FILE, AUDIT_FILE, ADMISSION_FILE))
            reason = "its files change" if written else stale(component, runner, changed)
            if reason:
                steps.append(Step("restart %s: %s" % (API_SERVER, reason), component=component))
    return steps


def differences(flags: Mapping[str, str], component: str, arguments: Mapping[str, Mapping[str, Any]]) -> List[str]:
    """Names of flags that are not as wanted, and of ours that are wanted no more (with a minus before)."""
    wanted = {name: as_text(value) for name, value in arguments.get(component, {}).items() if not isinstance(value, (list, dict))}
    found = [name for name in sorted(wanted) if flags.get(name) != wanted[name]]
    if component == API_SERVER:
        found += ["-%s" % name for name in OWNED if name in flags and name not in arguments.get(component, {})]
    return found


def as_text(value: Any) -> str:
    """A flag's value as kubeadm writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def apply(
    steps: Sequence[Step], files: Mapping[str, str], runner: Runner, restarter: Restarter, config: str, kubeadm: str = "kubeadm"
) -> None:
    """Do the steps in order.

    :raises CertificateError: kubeadm can't write a manifest, or a static pod does not come up.
    """
    for step in steps:
        if step.path:
            os.makedirs(FOLDER, mode=0o700, exist_ok=True)
            replace_file(step.path, files[step.path], 0o600)
        elif step.component is not None and step.manifest:
            restarter.replace(step.component, _writer(runner, step.component.name, config, kubeadm))
        elif step.component is not None:
            restarter.restart(step.component)


def _writer(runner: Runner, name: str, config: str, kubeadm: str) -> Callable[[], None]:
    def write() -> None:
        answer = runner.run([kubeadm, "init", "phase", "control-plane", PHASES[name], "--config", config], timeout=KUBEADM_SECONDS)
        if answer.rc != 0:
            said = (answer.stderr.strip() or answer.stdout.strip() or "exit code %d" % answer.rc)[-1500:]
            raise CertificateError(
                "kubeadm init phase control-plane %s" % PHASES[name], said, "mend what this names, and run again"
            )

    return write
