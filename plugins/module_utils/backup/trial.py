# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trial restore: the snapshot becomes a member of its own, which is asked for its keys and its revision, and is then thrown away.

It listens on the loopback alone, with the TLS of this host's member, so nobody reads a secret through it who could not before.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import time
from typing import Any, Callable, Dict, List, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.member import Member
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import EtcdClient
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.restore import Wanted, restore
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.tools import CONTAINER, Tool
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Process, Runner

VERSION = re.compile(r"^etcd Version:\s*v?([0-9]{1,9})\.([0-9]{1,9})", re.MULTILINE)
NAME = "trial"
#: The namespace that every cluster has from its first minute on. Its UID outlives restores, and a new cluster has another.
KUBE_SYSTEM = "/registry/namespaces/kube-system"
#: In an object as the API server stores it (protobuf), its own UID is the first.
UID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: Since when etcd has the flag (etcd-io/etcd CHANGELOG-3.5).
UNSAFE_NO_FSYNC = (3, 5)
#: Seconds until the scratch member must serve. It reads the whole database once.
PATIENCE = 120


def prove(
    runner: Runner, member: Member, snapshot: str, facts: Dict[str, Any], folder: str, pause: Callable[[float], None] = time.sleep
) -> Dict[str, Any]:
    """keys, revision and seconds of the restored snapshot, and the cluster's identity (empty where it can't be read).

    :param folder: is made, and removed whatever happens.
    :raises BackupError: no member came up from it, or it has another revision than the snapshot says, or no keys.
    """
    started = runner.now()
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o700)
    try:
        client_port, peer_port = _free_ports()
        peer_url = "http://127.0.0.1:%d" % peer_port
        data = folder + "/data"
        # No revision set ahead: what the member says must be what the snapshot says.
        restore(Wanted(snapshot, data, NAME, {NAME: peer_url}, token=NAME, bump_revision=0), runner, only_look=False)
        program = find_etcd(runner, member)
        argv = _command(program, member, data, client_port, peer_url, folder)
        process = runner.start(argv, folder + "/etcd.log")
        try:
            client = EtcdClient("https://127.0.0.1:%d" % client_port, *member.certificates)
            revision, keys = _ask(client, process, snapshot, pause)
            uid = UID.search(client.get(KUBE_SYSTEM))
        finally:
            process.stop()
            if program.image:
                _remove_container(runner)
    except EtcdError as error:
        raise BackupError(snapshot, "the trial member can't be asked: %s" % error.cause, error.remedy)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if revision != facts["revision"] or not keys:
        raise BackupError(
            snapshot,
            "restored on trial it has %d keys at revision %d, and the snapshot says revision %d"
            % (keys, revision, facts["revision"]),
            "take another; look at the member that it was taken from",
        )
    identity = uid.group().decode("ascii") if uid else ""
    return {"keys": keys, "revision": revision, "identity": identity, "seconds": round(runner.now() - started, 1)}


def find_etcd(runner: Runner, member: Member) -> Tool:
    """The program etcd: that of the member's own image, else the host's.

    :raises BackupError: there is neither.
    """
    candidates: List[Tool] = []
    path = runner.which("etcd")
    if member.image and runner.which("ctr"):
        candidates.append(Tool("etcd", "etcd", member.image, (0, 0)))
    if path is not None:
        candidates.append(Tool("etcd", path, "", (0, 0)))
    for tool in candidates:
        result = runner.run(tool.argv(["--version"], []), timeout=60)
        found = VERSION.search(result.stdout)
        if found:
            return tool._replace(version=(int(found.group(1)), int(found.group(2))))
    raise BackupError(
        "etcd", "the program is neither on this host nor in its member's image", "install it in the version of your etcd"
    )


def _command(tool: Tool, member: Member, data: str, client_port: int, peer_url: str, folder: str) -> List[str]:
    url = "https://127.0.0.1:%d" % client_port
    arguments = ["--name=" + NAME, "--data-dir=" + data, "--listen-client-urls=" + url, "--advertise-client-urls=" + url]
    arguments += ["--listen-peer-urls=" + peer_url, "--initial-advertise-peer-urls=" + peer_url]
    arguments += ["--initial-cluster=%s=%s" % (NAME, peer_url), "--initial-cluster-token=" + NAME]
    arguments += ["--cert-file=" + member.server_certificate, "--key-file=" + member.server_key]
    arguments += ["--trusted-ca-file=" + member.certificates.ca, "--client-cert-auth=true"]
    # Nobody waits for this member's disk, and it must not make the real one wait.
    if tool.version >= UNSAFE_NO_FSYNC:
        arguments.append("--unsafe-no-fsync")
    folders = [folder] + [os.path.dirname(path) for path in (member.server_certificate, member.certificates.ca)]
    return tool.argv(arguments, folders)


def _ask(client: EtcdClient, process: Process, snapshot: str, pause: Callable[[float], None]) -> Tuple[int, int]:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return client.count()
        except EtcdError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                last = " / ".join(process.output().strip().splitlines()[-2:])[-600:]
                raise BackupError(snapshot, "no member comes up from it: %s" % (last or error.cause), "take another snapshot")
        pause(0.2)


def _free_ports() -> Sequence[int]:
    sockets = [socket.socket() for _number in range(2)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _remove_container(runner: Runner) -> None:
    """containerd keeps what its client left behind when that was ended."""
    name = "%s-%d" % (CONTAINER, os.getpid())
    runner.run(["ctr", "--namespace", "k8s.io", "tasks", "delete", "--force", name], timeout=60)
    runner.run(["ctr", "--namespace", "k8s.io", "containers", "delete", name], timeout=60)
