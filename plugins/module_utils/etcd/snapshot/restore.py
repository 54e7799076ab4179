# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring: a new data directory from a snapshot, beside the old one, which is kept."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from typing import Any, Dict, List, Mapping, NamedTuple, Tuple
from urllib.parse import urlsplit

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.errors import SnapshotError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.files import STAMP, check_whole, object_of
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.tools import Tool, Tools
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.files import nearest_directory
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

#: etcd makes its write-ahead log in files of this size beforehand, two of them (etcd-io/etcd server/storage/wal, SegmentSizeBytes).
LOG_BYTES = 2 * 64 * 1024 * 1024
#: A directory above which nothing is moved: what holds one of these is no data directory of etcd.
NEVER = frozenset(
    {
        "/",
        "/bin",
        "/boot",
        "/dev",
        "/etc",
        "/home",
        "/lib",
        "/opt",
        "/proc",
        "/root",
        "/run",
        "/sbin",
        "/srv",
        "/sys",
        "/usr",
        "/var",
        "/var/lib",
    }
)


class Wanted(NamedTuple):
    """What to restore and where.

    ``owner`` is a user's name, or empty for root; ``operation`` names the restore that this is part of.
    """

    path: str
    data_directory: str
    name: str
    initial_cluster: Mapping[str, str]
    token: str = "etcd-cluster"
    replace: bool = False
    operation: str = ""
    bump_revision: int = 1000000000
    owner: str = ""
    skip_hash_check: bool = False


class Restored(NamedTuple):
    """What was, or in check mode would be, done. ``kept`` is where the former data is, or empty."""

    changed: bool
    kept: str
    facts: Dict[str, Any]


class _Places(NamedTuple):
    """Where things go. A data directory that is a mount point can't be renamed: there the change is made within it."""

    undone: str
    marker: str
    aside: str
    moves: Tuple[Tuple[str, str], ...]


def check_wanted(wanted: Wanted) -> List[Tuple[str, str, str]]:
    """All that is wrong with what is asked: setting, problem, remedy."""
    found: List[Tuple[str, str, str]] = []
    if not os.path.isabs(wanted.data_directory) or os.path.normpath(wanted.data_directory) in NEVER:
        found.append(
            ("data_directory", "%r is no data directory of etcd" % wanted.data_directory, "write one such as /var/lib/etcd")
        )
    if wanted.name not in wanted.initial_cluster:
        found.append(
            ("name", "%r is none of initial_cluster" % wanted.name, "write one of: %s" % ", ".join(wanted.initial_cluster))
        )
    for name, url in wanted.initial_cluster.items():
        if not _is_peer_url(url):
            found.append(("initial_cluster", "%r of %s is no peer URL" % (url, name), "write https://ADDRESS:2380"))
    urls = list(wanted.initial_cluster.values())
    if len(set(urls)) != len(urls):
        found.append(("initial_cluster", "two members have the same peer URL", "write each member's own"))
    if wanted.bump_revision < 0:
        found.append(("bump_revision", "%d is negative" % wanted.bump_revision, "write 0 to leave the revision as it is"))
    return found


def _is_peer_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port is not None
    except ValueError:
        return False


def is_restored(wanted: Wanted) -> bool:
    """Whether the data directory was made from this snapshot under the same operation already.

    :raises SnapshotError: the snapshot is missing or damaged.
    """
    facts = {"sha256": check_whole(wanted.path, wanted.skip_hash_check), "operation": wanted.operation, "name": wanted.name}
    known = object_of(_places(wanted.data_directory, 0).marker)
    return bool(wanted.operation) and bool(_entries(wanted.data_directory)) and _is_of(known, facts)


def went_back(data_directory: str) -> bool:
    """Whether the data was restored without setting the revision ahead, so that clients have seen later ones."""
    return object_of(_places(data_directory, 0).marker).get("bumped") is False


def _is_of(known: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    return all(known.get(name) == value for name, value in facts.items())


def restore(wanted: Wanted, runner: Runner, only_look: bool, timeout: float = 1800, running_is_fine: bool = False) -> Restored:
    """Put a new data directory, made from the snapshot, in its place. The snapshot is proven whole before anything is touched.

    :param running_is_fine: for a look ahead, before the member is stopped.
    :raises SnapshotError: a damaged snapshot, a directory in use or not to be replaced, no room, or etcd's program said no.
    """
    sha256 = check_whole(wanted.path, wanted.skip_hash_check)
    places = _places(wanted.data_directory, runner.now())
    holds = bool(_entries(wanted.data_directory))
    facts: Dict[str, Any] = {"sha256": sha256, "operation": wanted.operation, "name": wanted.name}
    if holds and wanted.operation and _is_of(object_of(places.marker), facts):
        return Restored(False, "", facts)
    if holds:
        _check_replaceable(wanted, running_is_fine)
    _check_room(wanted)
    tools = Tools(runner, timeout)
    tool = tools.restorer()
    facts_of_snapshot = {} if wanted.skip_hash_check else tools.status(tool, wanted.path)
    kept = places.aside if holds else ""
    if only_look:
        return Restored(True, kept, {**facts, **facts_of_snapshot})
    # Of an earlier attempt that was killed; the name is ours alone.
    shutil.rmtree(places.undone, ignore_errors=True)
    os.makedirs(os.path.dirname(wanted.data_directory), exist_ok=True)
    try:
        bumped = _run(wanted, tools, tool, places.undone)
        _own(places.undone, wanted.owner)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(places.marker)
        for origin, target in places.moves:
            if os.path.lexists(origin):
                os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
                if os.path.isdir(target) and not os.listdir(target):
                    os.rmdir(target)
                os.rename(origin, target)
        with open(places.marker, "w", encoding="utf-8") as stream:
            json.dump({**facts, "bumped": bumped}, stream)
    except OSError as error:
        raise SnapshotError(
            wanted.data_directory,
            "it could not be put in place: %s" % error,
            "look at %s and %s, where the new and the former data are" % (places.undone, places.aside),
        )
    shutil.rmtree(places.undone, ignore_errors=True)
    return Restored(True, kept, {**facts, **facts_of_snapshot})


def _places(data: str, now: float) -> _Places:
    data = os.path.normpath(data)
    stamp = time.strftime(STAMP, time.gmtime(now))
    if os.path.ismount(data):
        inside = os.path.join(data, "before-" + stamp)
        undone = os.path.join(data, "restoring")
        moves = ((data + "/member", inside + "/member"), (undone + "/member", data + "/member"))
        return _Places(undone, data + "/restored.json", inside, moves)
    aside, undone = "%s.before-%s" % (data, stamp), data + ".restoring"
    return _Places(undone, data + ".restored.json", aside, ((data, aside), (undone, data)))


def _entries(data: str) -> List[str]:
    """What an etcd that started there would find."""
    try:
        names = os.listdir(data)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SnapshotError(data, "it can't be read: %s" % error.strerror, "name a directory")
    ours = ("restoring", "restored.json", "lost+found")
    return [name for name in names if name not in ours and not name.startswith("before-")]


def _check_replaceable(wanted: Wanted, running_is_fine: bool) -> None:
    if not wanted.replace:
        raise SnapshotError(
            wanted.data_directory,
            "it holds data: %s" % ", ".join(sorted(_entries(wanted.data_directory))[:5]),
            "set replace_data_directory to true: the data is then kept beside it, under another name",
        )
    if running_is_fine:
        return
    # A running member holds a lock on its database (bbolt, flock).
    with contextlib.suppress(FileNotFoundError):
        handle = os.open(os.path.join(wanted.data_directory, "member", "snap", "db"), os.O_RDWR)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SnapshotError(
                wanted.data_directory,
                "an etcd member runs on it",
                "stop it: move etcd.yaml out of the manifests, or stop the service",
            )
        finally:
            os.close(handle)


def _check_room(wanted: Wanted) -> None:
    data = os.path.normpath(wanted.data_directory)
    needed = os.path.getsize(wanted.path) + LOG_BYTES
    # The new data stands beside the former until both are renamed.
    place = nearest_directory(data if os.path.ismount(data) else os.path.dirname(data))
    free = shutil.disk_usage(place).free
    if free < needed:
        raise SnapshotError(
            wanted.data_directory,
            "%d MB are free and %d MB are needed" % (free // 10**6, needed // 10**6),
            "make room on that file system",
        )


def _run(wanted: Wanted, tools: Tools, tool: Tool, undone: str) -> bool:
    """Whether the revision was set ahead."""
    arguments = ["snapshot", "restore", wanted.path, "--data-dir=" + undone, "--name=" + wanted.name]
    arguments.append("--initial-cluster=" + ",".join("%s=%s" % entry for entry in sorted(wanted.initial_cluster.items())))
    arguments += ["--initial-cluster-token=" + wanted.token, "--initial-advertise-peer-urls=" + wanted.initial_cluster[wanted.name]]
    if wanted.skip_hash_check:
        arguments.append("--skip-hash-check")
    # Watchers that saw a later revision than the snapshot's would else miss changes (etcd, op-guide/recovery). 3.4 can't.
    bumps = wanted.bump_revision > 0 and "--bump-revision" in tools.call(tool, ["snapshot", "restore", "--help"], []).stdout
    if bumps:
        arguments += ["--bump-revision=%d" % wanted.bump_revision, "--mark-compacted"]
    result = tools.call(tool, arguments, [os.path.dirname(wanted.path), os.path.dirname(undone)])
    if result.rc != 0 or not os.path.isdir(os.path.join(undone, "member")):
        shutil.rmtree(undone, ignore_errors=True)
        words = " / ".join((result.stderr + "\n" + result.stdout).strip().splitlines()[-2:])[-600:]
        raise SnapshotError(
            wanted.path, "%s could not restore it: %s" % (tool.name, words), "take another snapshot; nothing was changed"
        )
    return bumps


def _own(top: str, owner: str) -> None:
    os.chmod(top, 0o700)
    if not owner:
        return
    for folder, _folders, files in os.walk(top):
        for path in [folder] + [os.path.join(folder, name) for name in files]:
            shutil.chown(path, owner, owner)
