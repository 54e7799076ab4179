# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the distribution has newer for a host, its installation, and whether the host runs with what is installed."""

from __future__ import annotations

import re
from typing import List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result, Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.symptoms import told
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

#: What has a version of the cluster's, and changes by playbook upgrade or external_etcd only.
KUBERNETES = ("kubeadm", "kubelet", "kubectl", "kubernetes-cni", "cri-tools", "etcd-server")
#: One line of `apt-get --simulate`: Inst NAME [OLD] (NEW ORIGIN...), without [OLD] where the package is new.
APT_INSTALLS = re.compile(r"^Inst (\S+)(?: \[([^\]]*)\])? \((\S+)", re.MULTILINE)
#: One line of `dnf check-update`: NAME.ARCHITECTURE VERSION REPOSITORY.
DNF_UPDATE = re.compile(r"^([^\s.][^\s]*)\.([a-z0-9_]+)\s+(\S+)\s+\S+\s*$", re.MULTILINE)
APT = ["apt-get", "--assume-yes", "-o", "DPkg::Lock::Timeout=600"]
#: A file that an administrator has changed stays as it is.
KEEP = ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]
UNATTENDED = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "a"}
REBOOT_REQUIRED = "/run/reboot-required"
RUNNING_KERNEL = "/proc/sys/kernel/osrelease"
NEWER = 100


class UpdateError(ProblemError):
    """``subject`` (a package manager) could not do its work."""


class Updates(NamedTuple):
    """Packages with the version that they would get, those of Kubernetes among them, and why the host has to be started anew."""

    packages: List[str]
    kubernetes: List[str]
    reboot: str

    @property
    def pending(self) -> bool:
        return bool(self.packages or self.reboot)


def read(runner: Runner, timeout: float, refresh: bool = True) -> Updates:
    """What there is. ``refresh`` asks the repositories first.

    :raises UpdateError: the package manager does not work, or there is none that we know.
    """
    if runner.which("apt-get"):
        found = _apt(runner, timeout, refresh)
    elif runner.which("dnf"):
        found = _dnf(runner, timeout, refresh)
    else:
        raise UpdateError(
            "packages", "this host has neither apt-get nor dnf", "take it out of this playbook's hosts, and upgrade it by hand"
        )
    kubernetes = [name for name, _version in found if name in KUBERNETES]
    return Updates(["%s %s" % pair for pair in found], kubernetes, reboot_reason(runner))


def install(runner: Runner, timeout: float) -> None:
    """Install all that is newer; what a run that was killed left half configured is completed first.

    :raises UpdateError: the package manager failed.
    """
    if runner.which("apt-get"):
        _checked(runner, ["dpkg", "--configure", "--pending", "--force-confdef", "--force-confold"], timeout)
        _checked(runner, APT + KEEP + ["dist-upgrade"], timeout)
    else:
        _checked(runner, ["dnf", "--assumeyes", "upgrade"], timeout)


def reboot_reason(runner: Runner) -> str:
    """Why the host should be started anew, or an empty text."""
    if runner.exists(REBOOT_REQUIRED):
        return "%s is there" % REBOOT_REQUIRED
    running = (runner.read(RUNNING_KERNEL) or "").strip()
    newest = newest_kernel(runner)
    if running in _kernels(runner) and _order(newest) > _order(running):
        return "kernel %s is installed, and %s runs" % (newest, running)
    hint = runner.run(["needs-restarting", "--reboothint"], timeout=120) if runner.which("needs-restarting") else None
    return "needs-restarting says so" if hint is not None and hint.rc == 1 else ""


def newest_kernel(runner: Runner) -> str:
    """The kernel that the next boot takes, or an empty text where there is none in /boot."""
    return max(_kernels(runner), key=_order, default="")


def _kernels(runner: Runner) -> List[str]:
    return [name for name in runner.list_dir("/lib/modules") if runner.exists("/boot/vmlinuz-" + name)]


def _order(version: str) -> List[Tuple[int, str]]:
    """Numbers as numbers, the rest as text: 6.1.0-9 comes before 6.1.0-10."""
    return [(int(part), "") if is_digits(part) else (-1, part) for part in re.findall(r"\d+|[^\d.\-+_~]+", version)]


def _apt(runner: Runner, timeout: float, refresh: bool) -> List[Tuple[str, str]]:
    if refresh:
        _checked(runner, APT + ["update"], timeout)
    answer = _checked(runner, ["apt-get", "--simulate", "dist-upgrade"], timeout)
    return [(name, new) for name, _old, new in APT_INSTALLS.findall(answer.stdout)]


def _dnf(runner: Runner, timeout: float, refresh: bool) -> List[Tuple[str, str]]:
    argv = ["dnf", "--quiet", "check-update"] + (["--refresh"] if refresh else [])
    answer = _checked(runner, argv, timeout, good=(0, NEWER))
    listed = answer.stdout.split("Obsoleting Packages")[0] if answer.rc == NEWER else ""
    return [(name, version) for name, _architecture, version in DNF_UPDATE.findall(listed)]


def _checked(runner: Runner, argv: Sequence[str], timeout: float, good: Sequence[int] = (0,)) -> Result:
    answer = runner.run(argv, timeout=timeout, env=UNATTENDED)
    if answer.rc not in good:
        said: Optional[str] = answer.stderr.strip() or answer.stdout.strip()
        problem = "it ended with code %d" % answer.rc
        remedy = "mend what it names on this host; the next run goes on from here"
        raise UpdateError(" ".join([argv[0], argv[-1]]), *told(problem, (said or "")[-1500:], remedy))
    return answer
