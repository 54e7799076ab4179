# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of the JSON gateway that every etcd from 3.4 on serves under /v3 beside gRPC.

It needs no etcdctl on the host and no library. In that JSON numbers of 64 bits are strings, bytes are base64, and what has its
default value is left out (https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/).
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import urllib.parse
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdError, EtcdRefused, EtcdUnreachable
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.members import Member
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json

#: gRPC's PERMISSION_DENIED: to a health check it proves that the cluster answers, as it does to etcdctl.
PERMISSION_DENIED = 7
#: A membership list of a hundred members is 50 KB; what is larger doesn't come from etcd.
MAXIMUM_ANSWER = 4 * 1024 * 1024

#: Parts of etcd's messages (etcd-io/etcd api/v3rpc/rpctypes/error.go) -> what a person does about it.
REMEDIES: Tuple[Tuple[str, str], ...] = (
    ("can only promote a learner member which is in sync", "wait until the learner has caught up with the leader, then promote it"),
    ("can only promote a learner member", "nothing: the member votes already"),
    ("too many learner members", "promote or remove the learner that is there first"),
    ("not enough started members", "start the member that was added before, or remove it, and then do this again"),
    # Until every voting member has been connected for five seconds (etcdserver.HealthInterval) no change is taken.
    ("unhealthy cluster", "wait five seconds after the last member started; if it stays so, bring the unhealthy member back first"),
    ("Peer URLs already exists", "a member with this address is known: remove it first, or start it"),
    ("member not found", "list the members again: it may have been removed already"),
    ("member ID already exist", "list the members again: it may have been added already"),
    ("request timed out", "etcd has no quorum or too slow disks: look at `etcdctl endpoint status --cluster`"),
    ("no leader", "etcd has no quorum: bring members back until a majority runs"),
    ("leader changed", "try again in a few seconds: a new leader was being elected"),
    ("database space exceeded", "compact and defragment etcd, then disarm the NOSPACE alarm"),
)


class Status(NamedTuple):
    """What one member says of itself. Sizes in bytes; ``leader`` is 0 where it knows none."""

    member_id: int
    version: str
    db_size: int
    db_size_in_use: int
    leader: int
    raft_index: int
    raft_term: int
    learner: bool
    errors: List[str]


class Alarm(NamedTuple):
    """An alarm (NOSPACE or CORRUPT) that a member raised."""

    member_id: int
    kind: str


class Health(NamedTuple):
    """Whether a linearizable read succeeds and no alarm is raised; ``reason`` says why not."""

    healthy: bool
    reason: str


class EtcdClient:
    """Talks to one endpoint; each call is one connection and ends within ``timeout`` seconds of silence.

    :raises EtcdError: the endpoint or one of the files can't be used (by every method, too).
    """

    def __init__(self, endpoint: str, ca_file: str, certificate_file: str, key_file: str, timeout: float = 5.0) -> None:
        self.endpoint = endpoint
        self.timeout = timeout
        self._host, self._port = _split(endpoint)
        try:
            self._context = ssl.create_default_context(cafile=ca_file)
            self._context.load_cert_chain(certificate_file, key_file)
        except (OSError, ValueError) as error:
            raise EtcdError(
                endpoint,
                "no TLS with %s, %s and %s: %s" % (ca_file, certificate_file, key_file, error),
                "check that these files exist, belong together and are readable by root",
            )

    def member_list(self) -> List[Member]:
        """All members as this endpoint knows them."""
        return self._members(self._call("cluster/member/list", {}))

    def member_add(self, peer_urls: Sequence[str], learner: bool = False) -> Member:
        """Add a member; it counts for the quorum at once unless it is a learner."""
        body: Dict[str, Any] = {"peerURLs": list(peer_urls)}
        if learner:
            body["isLearner"] = True
        answer = self._call("cluster/member/add", body)
        return self._member(_dictionary(answer.get("member")))

    def member_remove(self, member_id: int) -> List[Member]:
        """Remove a member for good, and return those that stay."""
        return self._members(self._call("cluster/member/remove", {"ID": str(member_id)}))

    def member_promote(self, member_id: int) -> List[Member]:
        """Make a learner that has caught up a voting member, and return all members."""
        return self._members(self._call("cluster/member/promote", {"ID": str(member_id)}))

    def status(self) -> Status:
        """What this endpoint's member says of itself; it answers without a quorum, too."""
        answer = self._call("maintenance/status", {})
        return Status(
            member_id=self._number(_dictionary(answer.get("header")), "member_id"),
            version=str(answer.get("version", "")),
            db_size=self._number(answer, "dbSize"),
            db_size_in_use=self._number(answer, "dbSizeInUse"),
            leader=self._number(answer, "leader"),
            raft_index=self._number(answer, "raftIndex"),
            raft_term=self._number(answer, "raftTerm"),
            learner=answer.get("isLearner") is True,
            errors=_strings(answer.get("errors")),
        )

    def get(self, key: str) -> bytes:
        """The value of a key, empty where there is none: a linearizable read."""
        answer = self._call("kv/range", {"key": base64.b64encode(key.encode("utf-8")).decode("ascii")})
        for found in map(_dictionary, _list(answer.get("kvs"))):
            try:
                return base64.b64decode(str(found.get("value", "")))
            except ValueError:
                raise self._strange("a value that is no base64")
        return b""

    def count(self) -> Tuple[int, int]:
        """The revision, and how many keys there are at it: a linearizable read."""
        everything = base64.b64encode(b"\0").decode("ascii")
        answer = self._call("kv/range", {"key": everything, "range_end": everything, "count_only": True})
        return self._number(_dictionary(answer.get("header")), "revision"), self._number(answer, "count")

    def alarms(self) -> List[Alarm]:
        """All raised alarms of the cluster."""
        answer = self._call("maintenance/alarm", {"action": "GET"})
        return [
            Alarm(self._number(alarm, "memberID"), str(alarm.get("alarm", "")))
            for alarm in map(_dictionary, _list(answer.get("alarms")))
        ]

    def health(self) -> Health:
        """What ``etcdctl endpoint health`` does: a linearizable read, which needs a quorum, and no alarm."""
        try:
            try:
                self._call("kv/range", {"key": base64.b64encode(b"health").decode("ascii")})
            except EtcdRefused as error:
                if error.code != PERMISSION_DENIED:
                    raise
            alarms = self.alarms()
        except EtcdError as error:
            return Health(False, error.cause)
        if alarms:
            return Health(False, "alarm " + ", ".join("%s of member %x" % (alarm.kind, alarm.member_id) for alarm in alarms))
        return Health(True, "")

    def _members(self, answer: Dict[str, Any]) -> List[Member]:
        return [self._member(_dictionary(member)) for member in _list(answer.get("members"))]

    def _member(self, data: Dict[str, Any]) -> Member:
        return Member(
            id=self._number(data, "ID"),
            name=str(data.get("name", "")),
            peer_urls=_strings(data.get("peerURLs")),
            client_urls=_strings(data.get("clientURLs")),
            learner=data.get("isLearner") is True,
        )

    def _number(self, data: Dict[str, Any], key: str) -> int:
        try:
            return int(data.get(key) or 0)
        except (TypeError, ValueError):
            raise self._strange("%s is %r" % (key, data.get(key)))

    def _call(self, method: str, body: Dict[str, Any]) -> Dict[str, Any]:
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=self.timeout, context=self._context)
        try:
            connection.request("POST", "/v3/" + method, json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read(MAXIMUM_ANSWER).decode("utf-8", "replace")
        except (OSError, UnicodeError, http.client.HTTPException) as error:
            raise self._unreachable(error)
        finally:
            connection.close()
        try:
            answer = from_json(text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._strange("HTTP %d and %r" % (response.status, text[:100]))
        if response.status != 200 or "error" in answer:
            raise self._refused(answer, response.status)
        return answer

    def _unreachable(self, error: Exception) -> EtcdUnreachable:
        cause = str(error) or type(error).__name__
        if isinstance(error, ssl.SSLError):
            remedy = "check that the endpoint's and our certificate come from the same CA, and that they have not expired"
        elif isinstance(error, ConnectionRefusedError):
            remedy = "look why etcd does not run there (crictl ps -a, or journalctl -u etcd)"
        else:
            remedy = "check that etcd runs there and has a quorum, and that no firewall is in between"
        return EtcdUnreachable(self.endpoint, cause, remedy)

    def _refused(self, answer: Dict[str, Any], status: int) -> EtcdRefused:
        message = str(answer.get("message") or answer.get("error") or "HTTP %d" % status)
        code = answer.get("code")
        remedy = next((text for part, text in REMEDIES if part in message), "look at etcd's log on that host")
        return EtcdRefused(self.endpoint, message, code if isinstance(code, int) else 0, remedy)

    def _strange(self, seen: str) -> EtcdError:
        return EtcdError(self.endpoint, "unexpected answer: %s" % seen, "check that etcd from 3.4 on listens there")


def _split(endpoint: str) -> Tuple[str, int]:
    remedy = "write it as https://ADDRESS:2379"
    try:
        parts = urllib.parse.urlsplit(endpoint)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise EtcdError(endpoint, "no usable endpoint: %s" % error, remedy)
    if parts.scheme != "https" or not host:
        raise EtcdError(endpoint, "no usable endpoint", remedy)
    return host, port or 2379


def _dictionary(value: object) -> Dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> List[Any]:
    return value if isinstance(value, list) else []


def _strings(value: Optional[object]) -> List[str]:
    return [str(item) for item in _list(value)]
