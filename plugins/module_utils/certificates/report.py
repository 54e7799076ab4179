# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every certificate of every host: when it ends, who renews it, and what is due now. Pure."""

from __future__ import annotations

import datetime
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

#: Who renews what, by the beginning of the path; the first that fits holds.
KUBEADM, KUBELET, SERVING, EXTERNAL_ETCD, CA, COPY = "kubeadm", "kubelet", "kubelet serving", "external etcd", "CA", "CA copy"
PLACES: Tuple[Tuple[str, str], ...] = (
    ("/etc/etcd/", EXTERNAL_ETCD),
    ("/etc/haproxy/", COPY),
    ("/etc/keepalived/", COPY),
    ("/var/lib/kubelet/pki/kubelet-client", KUBELET),
    ("/var/lib/kubelet/pki/kubelet", SERVING),
    ("/etc/kubernetes/", KUBEADM),
)
REMEDIES = {
    KUBEADM: "this playbook",
    KUBELET: "the kubelet itself, this playbook where it is stuck",
    SERVING: "this playbook",
    EXTERNAL_ETCD: "playbook external_etcd",
    CA: "nobody by itself: a new CA",
    COPY: "the topology's playbook, from the CA",
}
#: The kubelet asks for a new certificate when 70 to 90 % of the old one's time are over (K8S staging/src/k8s.io/client-go/util/
#: certificate/certificate_manager.go nextRotationDeadline): with less than this share left it is stuck.
STUCK_SHARE = 0.08


class Entry(NamedTuple):
    """One certificate on one host."""

    host: str
    path: str
    subject: str
    not_after: str
    days_left: int
    kind: str
    due: bool

    def as_dict(self) -> Dict[str, Any]:
        return dict(self._asdict(), renewed_by=REMEDIES[self.kind])


#: The API server's client of etcd: kubeadm's, unless etcd is external.
ETCD_CLIENT = "/etc/kubernetes/pki/apiserver-etcd-client.crt"


def kind_of(path: str, is_ca: bool, external_etcd: bool = False) -> str:
    """Who renews the certificate at this path."""
    if external_etcd and (path == ETCD_CLIENT or path.startswith("/etc/kubernetes/pki/etcd/")):
        return EXTERNAL_ETCD
    kind = next((kind for start, kind in PLACES if path.startswith(start)), KUBEADM)
    return CA if is_ca and kind == KUBEADM else kind


def is_due(certificate: Mapping[str, Any], kind: str, days: int) -> bool:
    """Whether something has to be done about it now."""
    left = int(certificate["days_left"])
    if kind == KUBELET:
        # Its own rotation comes first: a cluster may have the kubelets' certificates live for a day.
        share = share_left(str(certificate["not_before"]), str(certificate["not_after"]), left)
        return left < 0 or (left < days and share is not None and share < STUCK_SHARE)
    return left < days


def share_left(not_before: str, not_after: str, days_left: int) -> Optional[float]:
    """Which part of its life a certificate still has, by whole days; None where the dates can't be read."""
    try:
        begin, end = (datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ") for text in (not_before, not_after))
    except ValueError:
        return None
    life = (end - begin).total_seconds() / 86400
    return days_left / life if life > 0 else None


def entries(hosts: Mapping[str, Sequence[Mapping[str, Any]]], days: int, external_etcd: Sequence[str] = ()) -> List[Entry]:
    """All certificates, the first to expire first; ``hosts`` has what node_facts read of each, ``external_etcd`` the control planes
    whose etcd is elsewhere."""
    found = []
    for host, certificates in hosts.items():
        for one in certificates:
            kind = kind_of(str(one["path"]), bool(one.get("ca")), host in external_etcd)
            due = is_due(one, kind, days)
            found.append(
                Entry(host, str(one["path"]), str(one["subject"]), str(one["not_after"]), int(one["days_left"]), kind, due)
            )
    return sorted(found, key=lambda entry: (entry.not_after, entry.host, entry.path))


def hosts_with(found: Sequence[Entry], *kinds: str) -> List[str]:
    """The hosts on which a certificate of these kinds is due, each once."""
    return list(dict.fromkeys(entry.host for entry in found if entry.due and entry.kind in kinds))


def lines(found: Sequence[Entry], days: int) -> List[str]:
    """The report for a person: what is due in full, the rest in one line a host."""
    due = [entry for entry in found if entry.due]
    rest = [entry for entry in found if not entry.due]
    text = []
    for entry in due:
        text.append(
            "%s %s: %s (%s). Renewed by: %s." % (entry.host, entry.path, remaining(entry), entry.subject, REMEDIES[entry.kind])
        )
    for host in dict.fromkeys(entry.host for entry in rest):
        own = [entry for entry in rest if entry.host == host]
        first = min(own, key=lambda entry: entry.not_after)
        text.append("%s: %d certificates with time left, %s first: %s" % (host, len(own), first.path, remaining(first)))
    text.append("%d of %d certificates are due (less than %d days left)" % (len(due), len(found), days))
    return text


def remaining(entry: Entry) -> str:
    if entry.days_left < 0:
        return "EXPIRED %s" % entry.not_after
    return "%d days left, until %s" % (entry.days_left, entry.not_after)
