# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine that the lab runs on: its programs, its package mirror, its podman."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "baremetal-kubernetes-lab"
SUITE = "bookworm"
# program -> Debian package that has it
PREREQUISITES = {
    "podman": "podman",
    "runc": "runc",
    "mmdebstrap": "mmdebstrap",
    "dpkg-deb": "dpkg",
    "gpg": "gnupg",
    "ssh-keygen": "openssh-client",
    "iptables": "iptables",
    "netavark": "netavark",
    "depmod": "kmod",
    "update-ca-certificates": "ca-certificates",
}
# podman's helpers that are not on the PATH
HELPERS = ("/usr/lib/podman", "/usr/libexec/podman")


class LabError(Exception):
    """What is wrong, and what to do about it: shown to the person as it is."""


def say(text: str) -> None:
    """One line about what the lab does now."""
    print(f"lab: {text}", flush=True)


def run(argv: Sequence[str | Path], remedy: str = "", env: dict[str, str] | None = None, **options: Any) -> str:
    """Standard output of a command; LabError with its last words when it fails. ``env`` is added to this process' own."""
    command = [str(word) for word in argv]
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
    try:
        result = subprocess.run(command, text=True, capture_output=True, env=environment, check=False, **options)
    except FileNotFoundError as error:
        raise LabError(f"{command[0]} is not installed. Run `lab.py build` as root, or install it by hand.") from error
    except subprocess.TimeoutExpired as error:
        words = f"`{' '.join(command[:6])}` did not end within {error.timeout:.0f} s. {remedy}"
        raise LabError(words.strip()) from error
    if result.returncode != 0:
        words = "\n  ".join((result.stderr.strip() or result.stdout.strip()).splitlines()[-15:])
        raise LabError(f"`{' '.join(command[:6])}` failed ({result.returncode}):\n  {words}\n{remedy}".strip())
    return result.stdout


def podman(*arguments: str | Path, remedy: str = "", **options: Any) -> str:
    """Standard output of a podman command; LabError when it fails."""
    return run(["podman", *arguments], remedy, **options)


def in_parallel(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """Results in the order of the items; the first error is raised after all have ended."""
    work = list(items)
    with ThreadPoolExecutor(max(1, len(work))) as pool:
        return [future.result() for future in [pool.submit(function, item) for item in work]]


def use_containers_conf() -> None:
    """Gives podman the lab's own settings, not the machine's: runc, since crun refuses hybrid cgroup v1, and cgroupfs."""
    CACHE.mkdir(parents=True, exist_ok=True)
    text = '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\n'
    path = CACHE / "containers.conf"
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    os.environ["CONTAINERS_CONF"] = str(path)


def check_root() -> None:
    """Nodes are privileged containers with systemd: that needs root."""
    if os.geteuid() != 0:
        raise LabError("the lab needs root (privileged containers, mmdebstrap): run it with sudo or as root.")


def install_prerequisites() -> None:
    """Missing programs from the distribution's packages; LabError names them where that is impossible."""
    check_root()
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", *HELPERS])
    missing = sorted({package for program, package in PREREQUISITES.items() if not shutil.which(program, path=path)})
    # Older podman uses the CNI plugins in the place of netavark.
    if "netavark" in missing and Path("/usr/lib/cni/bridge").exists():
        missing.remove("netavark")
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise LabError(f"install these first, this is no Debian or Ubuntu: {', '.join(missing)}")
    say(f"installing {', '.join(missing)}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for argv in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]):
        if subprocess.run(argv, stdout=subprocess.DEVNULL, env=quiet, check=False).returncode != 0:
            raise LabError(f"`{' '.join(argv)}` failed: mend apt's sources, or install {', '.join(missing)} by hand.")


def debian_mirror() -> str:
    """LAB_DEBIAN_MIRROR, else the Debian mirror that this machine itself uses."""
    if os.environ.get("LAB_DEBIAN_MIRROR"):
        return os.environ["LAB_DEBIAN_MIRROR"]
    sources = Path("/etc/apt")
    for path in [sources / "sources.list", *sorted(sources.glob("sources.list.d/*"))]:
        if path.is_file():
            for address in re.findall(r"^(?:URIs:|deb(?: \[[^\]]*\])?)\s+(https?://\S+)", path.read_text(), re.MULTILINE):
                if address.rstrip("/").endswith("/debian"):
                    return address
    raise LabError(
        "this machine's apt names no Debian mirror: write one into the environment, as in LAB_DEBIAN_MIRROR=http://MIRROR/debian"
    )


def mmdebstrap(
    target: Path,
    variant: str,
    packages: Sequence[str],
    *options: str,
    source: bool = False,
    components: str = "main",
    backports: str = "",
) -> None:
    """A Debian root file system in a directory or tar file, with the packages; those of one source package from the backports."""
    mirror = debian_mirror()
    lines = [f"deb {mirror} {SUITE} {components}", *([f"deb-src {mirror} {SUITE} {components}"] if source else [])]
    if backports:
        lines += [f"deb {mirror} {SUITE}-backports {components}"]
        pin = f"Package: src:{backports}\\nPin: release n={SUITE}-backports\\nPin-Priority: 990\\n"
        options += (f'--setup-hook=printf "{pin}" > "$1/etc/apt/preferences.d/backports"',)
    trim = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("doc", "man", "locale", "info")]
    keyring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    trust = [f"--keyring={keyring}"] if keyring.exists() else []
    chosen = [f"--variant={variant}", f"--include={','.join(packages)}", *trim, *trust, *options]
    remedy = f"Is the Debian mirror {mirror} reachable (it is read from /etc/apt)? Is debian-archive-keyring installed?"
    # Modules that DKMS builds on the way need nothing for a debugger, which takes the compiler longer.
    run(["mmdebstrap", "--quiet", *chosen, SUITE, target, *lines], remedy, env={"KCFLAGS": "-g0"})
