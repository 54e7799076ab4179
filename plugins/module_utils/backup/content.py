# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of a host belong into its backup, and which of them every control plane of the cluster has in common."""

from __future__ import annotations

import os
import stat
from typing import Dict, Iterator, List, NamedTuple, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import PKI as ETCD_PKI
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.kubernetes import FOLDER, MANIFESTS, parse_flags
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

PKI = FOLDER + "/pki"
ROOTS = (FOLDER, "/etc/etcd")
#: kubeadm keeps former manifests and copies of etcd's data there; what is aside from an earlier restore is old.
LEFT_OUT = ("tmp",)
#: What kubeadm's own upload-certs shares between control planes (cmd/kubeadm/app/phases/copycerts), and the keys of etcd's CA.
SHARED = frozenset(
    ["%s/%s" % (PKI, name) for name in ("ca.crt", "ca.key", "sa.key", "sa.pub", "front-proxy-ca.crt", "front-proxy-ca.key")]
    + ["%s/etcd/%s" % (PKI, name) for name in ("ca.crt", "ca.key")]
    + ["%s/%s" % (ETCD_PKI, name) for name in ("ca.crt", "ca.key")]
)
COMPONENTS = ("kube-apiserver.yaml", "kube-controller-manager.yaml", "kube-scheduler.yaml")
#: A backup is for keys and settings; what is larger was named by mistake.
LARGEST_FILE = 64 * 1024 * 1024


class Item(NamedTuple):
    """A file. ``shared``: a new control plane gets it from the backup as it is."""

    path: str
    shared: bool
    mode: int


def collect(runner: Runner, paths: Sequence[str]) -> List[Item]:
    """The files, by path.

    :raises BackupError: one that a person named is missing, or too large.
    """
    found: Dict[str, Item] = {}
    for root in ROOTS:
        for path in _files(root):
            found[path] = _item(path, path in SHARED)
    for path in referred(runner):
        own = path.startswith((PKI + "/", ETCD_PKI + "/")) or (path.startswith(FOLDER + "/") and path.endswith(".conf"))
        found[path] = _item(path, path in SHARED or not own)
    for path in paths:
        if not os.path.exists(path):
            raise BackupError("backup_paths", "there is no %s on this host" % path, "correct the path, or take it out")
        for file in _files(path) if os.path.isdir(path) else [path]:
            found[file] = _item(file, file in SHARED or not file.startswith(PKI + "/"))
    return [found[path] for path in sorted(found)]


def referred(runner: Runner) -> List[str]:
    """Files that the control plane's components are told to read: encryption of secrets, audit, admission, OIDC."""
    found: List[str] = []
    for name in COMPONENTS:
        for value in parse_flags(runner.read("%s/%s" % (MANIFESTS, name)) or "").values():
            if value.startswith("/") and os.path.isfile(value):
                found.append(value)
    return found


def _files(root: str) -> Iterator[str]:
    if os.path.isfile(root):
        yield root
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and ".before-" not in path:
                yield path


def _item(path: str, shared: bool) -> Item:
    status = os.stat(path)
    if status.st_size > LARGEST_FILE:
        raise BackupError(
            path, "it has %d MB" % (status.st_size // 10**6), "a backup is for keys and settings: leave it out of backup_paths"
        )
    return Item(path, shared, stat.S_IMODE(status.st_mode))
