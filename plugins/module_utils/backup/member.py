# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This host's own member of etcd, stacked or external, as its own files describe it, and who of all members takes the backup."""

from __future__ import annotations

import re
from typing import Callable, List, NamedTuple, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import EtcdClient, Status
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import AUTHORITY, CLIENT, read_settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.tools import Certificates
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.health import ETCD_CA, ETCD_CLIENTS, client_url
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.kubernetes import ETCD_DATA, MANIFESTS, parse_flags
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

Connect = Callable[[str, Certificates], EtcdClient]
IMAGE = re.compile(r"""^[ \t]*(?:-\s+)?image:\s*["']?([^\s"']+)""", re.MULTILINE)
#: Seconds that a member may take to say how it is.
SECONDS = 3.0


class Member(NamedTuple):
    """``image`` is that of the static pod, empty for a service."""

    name: str
    endpoint: str
    data_directory: str
    certificates: Certificates
    server_certificate: str
    server_key: str
    image: str


class Candidate(NamedTuple):
    """A member that could take the backup; ``leads`` and ``alarm`` as it said itself."""

    member_id: int
    name: str
    leads: bool
    raft_index: int


def connect_to(endpoint: str, certificates: Certificates) -> EtcdClient:
    return EtcdClient(endpoint, *certificates, timeout=SECONDS)


def read_member(runner: Runner) -> Optional[Member]:
    """The member that belongs on this host, running or not; None where there is none."""
    manifest = runner.read(MANIFESTS + "/etcd.yaml")
    # Only external etcd has settings of ours; its member may be a static pod, too.
    settings = read_settings(runner)
    flags = settings or parse_flags(manifest or "")
    if not flags.get("name"):
        return None
    authority, clients = (AUTHORITY + ".crt", (CLIENT,)) if settings else (ETCD_CA, ETCD_CLIENTS)
    client = next((path for path in clients if runner.exists(path + ".crt") and runner.exists(path + ".key")), clients[0])
    image = IMAGE.search(manifest or "")
    return Member(
        name=flags["name"],
        endpoint=client_url(flags),
        data_directory=flags.get("data-dir", ETCD_DATA),
        certificates=Certificates(authority, client + ".crt", client + ".key"),
        server_certificate=flags.get("cert-file", ""),
        server_key=flags.get("key-file", ""),
        image=image.group(1) if image else "",
    )


def candidates(own: Member, connect: Connect = connect_to) -> List[Candidate]:
    """Who could take the backup, best first: the leader, then who has applied most.

    :raises EtcdError: this host's own member does not answer.
    """
    found: List[Candidate] = []
    for member in connect(own.endpoint, own.certificates).member_list():
        if member.learner or not member.client_urls:
            continue
        status = _status(member.client_urls, own.certificates, connect)
        if status is not None and status.leader and not status.errors:
            found.append(Candidate(member.id, member.name, status.leader == member.id, status.raft_index))
    return rank(found)


def _status(urls: Sequence[str], certificates: Certificates, connect: Connect) -> Optional[Status]:
    for url in urls:
        try:
            return connect(url, certificates).status()
        except EtcdError:
            continue
    return None


def rank(found: Sequence[Candidate]) -> List[Candidate]:
    """The same on every host: raft indexes that differ by a moment's writes must not make two hosts first."""
    newest = max((candidate.raft_index for candidate in found), default=0)
    return sorted(found, key=lambda one: (not one.leads, newest - one.raft_index > NEAR, one.member_id))


#: Entries that a member may be behind and still count as up to date.
NEAR = 1000
