# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's part of a restore: what runs is stopped, keys and etcd's data come from the archive, the old ones stay aside.

All hosts do it side by side. Each step looks first whether it was done, so a restore that was killed goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.archive import FILES
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.stage import FOLDER, Staged, begin
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.node import processes
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import KUBELET_UNIT, SERVICE, SETTINGS, USER
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot import restore as etcd
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.files import STAMP
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.user import lacks_user, make_user
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import split_endpoint
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.health import Answer
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.kubernetes import FOLDER as KUBERNETES
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.kubernetes import MANIFESTS, parse_flags
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.readyz import ask_readyz
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

CA = KUBERNETES + "/pki/ca.crt"
#: In this order: who writes goes before what is written to.
PODS = ("kube-controller-manager", "kube-scheduler", "kube-apiserver", "etcd")
#: Seconds in which etcd may close its files before it is killed; its data is set aside anyway.
GRACE = 5.0


class Part(NamedTuple):
    """What this host gets. ``initial_cluster`` is empty where no member of etcd belongs here."""

    operation: str
    archive: str
    control_plane: bool
    member_name: str = ""
    initial_cluster: Mapping[str, str] = {}
    data_directory: str = "/var/lib/etcd"
    bump_revision: int = 1000000000


class Done(NamedTuple):
    """A line for each thing that was, or in check mode would be, done, and where the former data is."""

    changes: List[str]
    kept: str


class Started(NamedTuple):
    """What was done to start it; for how many seconds the endpoint had answered when the host's own API server did, too."""

    changes: List[str]
    answered: float = 0.0


def restore(
    runner: Runner, part: Part, staged: Staged, only_look: bool, pause: Callable[[float], None] = time.sleep, folder: str = FOLDER
) -> Done:
    """Bring keys and data back.

    :raises BackupError: this host is another cluster's, or was built for another address; nothing was touched.
    """
    check(runner, part, staged)
    stamp = time.strftime(STAMP, time.gmtime(runner.now()))
    files = [entry for entry in _wanted_files(staged, part) if _differs(entry)]
    wanted = _wanted_data(runner, part, staged) if part.initial_cluster else None
    data = etcd.is_restored(wanted) if wanted else True
    changes = ["%s: from the backup" % entry["path"] for entry in files]
    if not files and data:
        return Done([], "")
    if only_look:
        kept = ""
        if wanted and not data:
            kept = etcd.restore(wanted, runner, only_look=True, running_is_fine=True).kept
            changes.append("%s: from the backup" % wanted.data_directory)
        return Done(["stop the control plane and etcd"] + changes, kept)
    begin(part.operation, part.archive, folder)
    changes = stop(runner, pause) + changes
    for entry in files:
        _put(staged, entry, stamp)
    kept = ""
    if wanted and not data:
        if wanted.owner and lacks_user(runner):
            make_user(runner, wanted.data_directory)
        kept = etcd.restore(wanted, runner, only_look=False).kept
        changes.append("%s: from the backup" % wanted.data_directory)
    return Done(changes, kept)


def check(runner: Runner, part: Part, staged: Staged) -> None:
    """Whether this host may be restored from this archive.

    :raises BackupError: it may not.
    """
    if part.initial_cluster and not staged.snapshot:
        raise BackupError(part.archive, "it holds no snapshot of etcd", "choose one with -etcd- in its name")
    ours, theirs = runner.read(CA), _text(staged, CA)
    if part.control_plane and ours is not None and theirs is not None and ours.strip() != theirs.strip():
        raise BackupError(
            CA,
            "this host belongs to another cluster than the backup: their authorities differ",
            "choose a backup of this cluster; or take the host back to blank with the playbook reset, which keeps etcd's data",
        )
    url = parse_flags(runner.read(MANIFESTS + "/etcd.yaml") or "").get("initial-advertise-peer-urls")
    expected = part.initial_cluster.get(part.member_name)
    if url and expected and url != expected:
        raise BackupError(
            MANIFESTS + "/etcd.yaml",
            "this host was built for %s, and the inventory says %s" % (url, expected),
            "correct its address in the inventory; or take it back to blank with the playbook reset, and restore then",
        )


def stop(runner: Runner, pause: Callable[[float], None] = time.sleep) -> List[str]:
    """Stop the kubelet and the control plane's pods, or etcd's service. Manifests stay: they say what the node is."""
    done: List[str] = []
    if runner.exists(MANIFESTS + "/kube-apiserver.yaml"):
        _systemctl(runner, "stop", "kubelet")
        done.append("stop the control plane and etcd")
        for name in PODS:
            _kill(runner, name, signal.SIGTERM if name == "etcd" else signal.SIGKILL, pause)
    if runner.exists(SETTINGS):
        if runner.exists(KUBELET_UNIT):
            _systemctl(runner, "stop", "kubelet")
            _kill(runner, "etcd", signal.SIGTERM, pause)
        else:
            _systemctl(runner, "stop", SERVICE)
        done.append("stop etcd")
    return done


def start(
    runner: Runner,
    wait: bool,
    port: int,
    timeout: float,
    endpoint: str = "",
    pause: Callable[[float], None] = time.sleep,
    ask: Callable[[str, int, Runner], Answer] = ask_readyz,
) -> Started:
    """Let the kubelet bring the control plane up again, and wait until its API server is ready and the endpoint answers.

    :param endpoint: host:port, by which everybody else reaches the API; empty where nobody waits for it.
    :raises BackupError: one of them does not answer in time.
    """
    active = runner.run(["systemctl", "is-active", "kubelet"], timeout=30).rc == 0
    if not active:
        _systemctl(runner, "start", "kubelet")
    changes = [] if active else ["start the control plane"]
    if not wait:
        return Started(changes)
    host, given = split_endpoint(endpoint)
    places = [("kube-apiserver", "127.0.0.1", port)] + ([("endpoint " + endpoint, host, int(given or port))] if host else [])
    end = time.monotonic() + timeout

    def ready_at(place: Tuple[str, str, int]) -> float:
        name, address, number = place
        while True:
            answer = ask(address, number, runner)
            if answer.ready:
                return time.monotonic()
            if time.monotonic() > end:
                raise BackupError(
                    name,
                    "it is not ready %d s after the restore: %s" % (timeout, answer.message),
                    "look at the logs of etcd and kube-apiserver in /var/log/pods, and at those of keepalived and the load"
                    " balancer; the playbook may be run again",
                )
            pause(0.3)

    # Side by side: an address that nobody holds yet takes seconds to say so.
    with ThreadPoolExecutor(max_workers=len(places)) as executor:
        moments = list(executor.map(ready_at, places))
    return Started(changes, round(time.monotonic() - moments[-1], 1))


def authority(staged: Staged) -> str:
    """The cluster's CA certificate from the archive, or empty."""
    return _text(staged, CA) or ""


def _systemctl(runner: Runner, verb: str, unit: str) -> None:
    result = runner.run(["systemctl", verb, unit], timeout=120)
    if result.rc != 0:
        raise BackupError(
            unit, "systemctl %s failed: %s" % (verb, result.stderr.strip()), "mend what that names, and run the restore again"
        )


def _kill(runner: Runner, name: str, kind: int, pause: Callable[[float], None]) -> None:
    end = time.monotonic() + GRACE
    while True:
        left = processes(runner, name)
        if not left:
            return
        if time.monotonic() > end:
            if time.monotonic() > end + GRACE:
                raise BackupError(name, "it runs on after SIGKILL", "look at its disk, and reboot this host if it hangs")
            kind = signal.SIGKILL
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, kind)
        pause(0.2)


def _wanted_data(runner: Runner, part: Part, staged: Staged) -> etcd.Wanted:
    external = runner.exists(SETTINGS) or not part.control_plane
    return etcd.Wanted(
        path=staged.snapshot,
        data_directory=part.data_directory,
        name=part.member_name,
        initial_cluster=part.initial_cluster,
        token=part.operation,
        replace=True,
        operation=part.operation,
        bump_revision=part.bump_revision,
        owner=USER if external else "",
    )


def _wanted_files(staged: Staged, part: Part) -> Sequence[Dict[str, Any]]:
    """The shared files that belong on this host: Kubernetes' on control planes, etcd's own on its hosts."""
    entries = [entry for entry in staged.manifest["files"] if entry["shared"]]
    return [entry for entry in entries if part.control_plane != entry["path"].startswith("/etc/etcd/")]


def _differs(entry: Mapping[str, Any]) -> bool:
    try:
        with open(entry["path"], "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest() != entry["sha256"]
    except OSError:
        return True


def _text(staged: Staged, path: str) -> Optional[str]:
    try:
        with open(staged.folder + "/" + FILES + path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return None


def _put(staged: Staged, entry: Mapping[str, Any], stamp: str) -> None:
    path = entry["path"]
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(staged.folder + "/" + FILES + path, "rb") as stream:
            content = stream.read()
        part = path + ".restoring"
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(content)
        os.chmod(part, int(entry["mode"], 8))
        if os.path.exists(path):
            os.rename(path, "%s.before-%s" % (path, stamp))
        os.rename(part, path)
    except OSError as error:
        raise BackupError(path, "it can't be put back: %s" % (error.strerror or error), "make room, and run the restore again")
