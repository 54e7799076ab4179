# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where external etcd keeps what on its host, and its settings as the environment that systemd gives it.

etcd takes every flag as ETCD_FLAG, too (https://etcd.io/docs/v3.6/op-guide/configuration/). How a member begins stands in a file of
its own that is removed once it runs: a settings file that changes with the membership would ask for a restart each time.
"""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, NamedTuple, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import join_endpoint
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

FOLDER = "/etc/etcd"
PKI = FOLDER + "/pki"
SETTINGS = FOLDER + "/etcd.env"
#: While it stands, the member is meant to begin, and has not come so far that others count on it.
BEGINNING = FOLDER + "/beginning.env"
UNIT = "/etc/systemd/system/etcd.service"
#: Where a kubelet runs the member instead; kubeadm's own etcd has the same place on control planes.
MANIFEST = "/etc/kubernetes/manifests/etcd.yaml"
#: Only there where a kubelet runs the member.
KUBELET_UNIT = "/etc/systemd/system/kubelet.service.d/20-etcd.conf"
SERVICE = "etcd"
USER = "etcd"
DATA = "/var/lib/etcd"
AUTHORITY = PKI + "/ca"
CLIENT = PKI + "/healthcheck-client"
#: CA, certificate and key of kubeadm's clients of etcd: on a control plane with a member of its own, then with external etcd.
KUBEADM_CLIENTS = (
    (
        "/etc/kubernetes/pki/etcd/ca.crt",
        "/etc/kubernetes/pki/etcd/healthcheck-client.crt",
        "/etc/kubernetes/pki/etcd/healthcheck-client.key",
    ),
    (
        "/etc/kubernetes/pki/etcd/ca.crt",
        "/etc/kubernetes/pki/apiserver-etcd-client.crt",
        "/etc/kubernetes/pki/apiserver-etcd-client.key",
    ),
)
CLIENT_PORT, PEER_PORT = 2379, 2380
#: Role etcd's own defaults (a test compares them), for whoever has no value of the host's.
CERTIFICATE_DAYS = 365
RENEW_BEFORE_DAYS = 90

LINE = re.compile(r"""^(ETCD_[A-Z0-9_]+)=(["']?)(.*?)\2$""", re.MULTILINE)


class Peer(NamedTuple):
    """A member as the inventory has it."""

    name: str
    address: str

    @property
    def peer_url(self) -> str:
        return "https://" + join_endpoint(self.address, PEER_PORT)

    @property
    def client_url(self) -> str:
        return "https://" + join_endpoint(self.address, CLIENT_PORT)


class Tuning(NamedTuple):
    """Milliseconds; the same on all members, or elections are won by those that wait least."""

    heartbeat_interval: int
    election_timeout: int


def log_directory(data_dir: str, arguments: Mapping[str, object]) -> str:
    """Where etcd's log is, without which it has no data: the rest of a member's directory is made even by a start that fails."""
    return str(arguments.get("wal-dir") or data_dir + "/member/wal")


def variable(flag: str) -> str:
    """The environment's name of a flag: ``quota-backend-bytes`` is ETCD_QUOTA_BACKEND_BYTES."""
    return "ETCD_" + flag.upper().replace("-", "_")


def settings_of(
    member: Peer, data_dir: str, tuning: Tuning, metrics_urls: Sequence[str], arguments: Mapping[str, object]
) -> Dict[str, str]:
    """Flag to value of a member that lives; ``arguments`` come last and win."""
    flags: Dict[str, str] = {
        "name": member.name,
        "data-dir": data_dir,
        "listen-client-urls": "%s,https://127.0.0.1:%d" % (member.client_url, CLIENT_PORT),
        "advertise-client-urls": member.client_url,
        "listen-peer-urls": member.peer_url,
        "initial-advertise-peer-urls": member.peer_url,
        # A member that finds its data gone must never take itself for a new cluster, and serve an empty one.
        "initial-cluster-state": "existing",
        "heartbeat-interval": str(tuning.heartbeat_interval),
        "election-timeout": str(tuning.election_timeout),
        "snapshot-count": "10000",
        "client-cert-auth": "true",
        "peer-client-cert-auth": "true",
    }
    for prefix, stem in (("", "server"), ("peer-", "peer")):
        flags[prefix + "cert-file"] = "%s/%s.crt" % (PKI, stem)
        flags[prefix + "key-file"] = "%s/%s.key" % (PKI, stem)
        flags[prefix + "trusted-ca-file"] = AUTHORITY + ".crt"
    if metrics_urls:
        flags["listen-metrics-urls"] = ",".join(metrics_urls)
    flags.update({name: _word(value) for name, value in arguments.items()})
    return flags


def beginning_of(state: str, token: str, members: Sequence[Tuple[str, str]]) -> Dict[str, str]:
    """Flags of a first start, ``new`` with all others or ``existing`` beside those that run; members by name and peer URL."""
    return {
        "initial-cluster": ",".join("%s=%s" % pair for pair in members),
        "initial-cluster-state": state,
        "initial-cluster-token": token,
    }


def environment_text(flags: Mapping[str, str]) -> str:
    """The flags as systemd's EnvironmentFile."""
    lines = ['%s="%s"' % (variable(name), value.replace("\\", "\\\\").replace('"', '\\"')) for name, value in sorted(flags.items())]
    return "\n".join(["# Written by baremetal.kubernetes.etcd. Changes made here are lost."] + lines) + "\n"


def parse_environment(text: str) -> Dict[str, str]:
    """Flag to value, as environment_text wrote it."""
    return {match[0][len("ETCD_") :].lower().replace("_", "-"): match[2] for match in LINE.findall(text)}


def read_settings(runner: Runner) -> Dict[str, str]:
    """The flags that etcd has on this host; empty where this collection has set none up."""
    return parse_environment(runner.read(SETTINGS) or "")


def tuned(rtt_ms: float, current: Sequence[Tuning]) -> Tuning:
    """Heartbeat and election for the longest round trip between two members, in milliseconds (0: not known).

    The heartbeat should be 0.5 to 1.5 times the round trip, the election 10 times as long as the heartbeat
    (https://etcd.io/docs/v3.6/tuning/#time-parameters); below etcd's defaults of 100 and 1000 nothing is gained. What the members
    have now stays while it is within that rule, since every change is a restart of each of them.
    """
    floor = Tuning(100, 1000)
    agreed = current[0] if current and all(one == current[0] for one in current) else None
    if agreed is not None and agreed.heartbeat_interval > 0:
        fits = agreed.heartbeat_interval >= 0.5 * rtt_ms and (
            agreed.heartbeat_interval <= 1.5 * rtt_ms or agreed.heartbeat_interval <= floor.heartbeat_interval
        )
        if rtt_ms <= 0 or fits:
            return agreed
    if rtt_ms <= floor.heartbeat_interval:
        return floor
    heartbeat = min(5000, int(-(-rtt_ms // 10) * 10))
    return Tuning(heartbeat, 10 * heartbeat)


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def certificate_paths(member: Peer, extra_sans: Sequence[str]) -> List[Tuple[str, str, List[str], bool]]:
    """(path without its ending, common name, names and addresses, serves) of each certificate that a member has.

    That of the server is a client's, too: etcd's JSON gateway calls the server with it.
    """
    names = list(dict.fromkeys([member.name, member.address, "localhost", "127.0.0.1", "::1"] + list(extra_sans)))
    return [
        (PKI + "/server", member.name, names, True),
        (PKI + "/peer", member.name, names, True),
        (CLIENT, "etcd-healthcheck-client", [], False),
    ]
