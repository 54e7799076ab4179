# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Distributions of Kubernetes that bring all in one program, and what is on a host of them."""

from __future__ import annotations

from typing import Dict, List, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

#: Where each keeps its program, its settings and its data (its own documentation of uninstalling).
PLACES: Dict[str, Sequence[str]] = {
    "k3s": ("/usr/local/bin/k3s", "/etc/rancher/k3s", "/var/lib/rancher/k3s"),
    "rke2": ("/usr/local/bin/rke2", "/usr/bin/rke2", "/etc/rancher/rke2", "/var/lib/rancher/rke2"),
    "microk8s": ("/var/snap/microk8s", "/snap/microk8s"),
    "k0s": ("/usr/local/bin/k0s", "/etc/k0s", "/var/lib/k0s"),
}
#: How each is taken away, in its own words.
REMOVERS = {
    "k3s": "k3s-uninstall.sh there (k3s-agent-uninstall.sh on an agent)",
    "rke2": "rke2-uninstall.sh there",
    "microk8s": "`snap remove --purge microk8s` there",
    "k0s": "`k0s stop` and `k0s reset` there",
}


def read(runner: Runner) -> Dict[str, List[str]]:
    """Distribution -> the places of it that are there and hold something; those that have left nothing are not named."""
    found = {name: [path for path in places if _holds(runner, path)] for name, places in PLACES.items()}
    return {name: paths for name, paths in found.items() if paths}


def _holds(runner: Runner, path: str) -> bool:
    """Programs by their being there, folders by what is in them: an uninstaller may leave empty ones."""
    return runner.exists(path) and ("/bin/" in path or bool(runner.list_dir(path)))
