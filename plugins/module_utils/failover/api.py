# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API server of this node, and nobody else's: is it ready, does it see etcd's quorum, and what does the claim say."""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping, NamedTuple, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.client import (
    Access,
    Answer,
    ClientError,
    read_access,
    request,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.forms import LEASE

#: kubeadm issues the API server's certificate for this name, whatever the node's addresses are.
SERVER_NAME = "kubernetes"


class Seen(NamedTuple):
    """``good`` is what was hoped for; ``why`` says what was seen instead."""

    good: bool
    why: str = ""
    data: Optional[Mapping[str, Any]] = None


class LocalApi:
    """Every call is one connection of its own with one bound over all of it, so that nothing of it can hang."""

    def __init__(self, kubeconfig: str, host: str, port: int, seconds: float) -> None:
        self.kubeconfig = kubeconfig
        self.seconds = seconds
        self.host = host
        self.port = port
        self._access: Optional[Access] = None
        self._stamp = 0.0

    def ready(self) -> Seen:
        """GET /readyz."""
        answer = self._ask("GET", "/readyz")
        return Seen(answer.status == 200, _why(answer))

    def read(self, namespace: str, name: str) -> Seen:
        """A Lease, or no data where there is none.

        Without a resourceVersion the API server asks etcd, and etcd answers only what a quorum confirms: to get an answer at all is
        the proof that this node is with the majority
        (https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list).
        """
        answer = self._ask("GET", _path(namespace, name))
        if answer.status == 404 and _kind(answer) == "Status":
            return Seen(True)
        if answer.status != 200:
            return Seen(False, _why(answer))
        try:
            return Seen(True, "", from_json(answer.body, LEASE))
        except ValueError as error:
            return Seen(False, "its answer is no Lease: %s" % error)

    def write(self, lease: Mapping[str, Any]) -> Seen:
        """Create or replace a Lease; not good where somebody was faster (409)."""
        metadata = lease["metadata"]
        if metadata.get("resourceVersion"):
            answer = self._ask("PUT", _path(metadata["namespace"], metadata["name"]), lease)
        else:
            answer = self._ask("POST", _path(metadata["namespace"]), lease)
        if answer.status not in (200, 201):
            return Seen(False, "somebody was faster" if answer.status == 409 else _why(answer))
        try:
            return Seen(True, "", from_json(answer.body, LEASE))
        except ValueError as error:
            return Seen(False, "its answer is no Lease: %s" % error)

    def _ask(self, method: str, path: str, body: Optional[Mapping[str, Any]] = None) -> Answer:
        try:
            return request(self._reach(), method, path, body, self.seconds)
        except (ClientError, OSError, ValueError) as error:
            return Answer(0, error=str(error))

    def _reach(self) -> Access:
        """Read again when the file has changed: kubeadm renews its certificate."""
        stamp = os.stat(self.kubeconfig).st_mtime
        if self._access is None or stamp != self._stamp:
            self._access = read_access(self.kubeconfig)._replace(host=self.host, port=self.port, server_name=SERVER_NAME)
            self._stamp = stamp
        return self._access


def _path(namespace: str, name: str = "") -> str:
    return "/apis/coordination.k8s.io/v1/namespaces/%s/leases%s" % (namespace, "/" + name if name else "")


def _kind(answer: Answer) -> str:
    """A proxy's own 404 is no word of the API."""
    try:
        data: Dict[str, Any] = from_json(answer.body.decode("utf-8"))
    except ValueError:
        return ""
    return str(data.get("kind") or "") if isinstance(data, dict) else ""


def _why(answer: Answer) -> str:
    return "" if 200 <= answer.status < 300 else answer.error or "HTTP status %d" % answer.status
