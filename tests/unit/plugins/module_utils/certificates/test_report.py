from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.report import (
    CA,
    COPY,
    EXTERNAL_ETCD,
    KUBEADM,
    KUBELET,
    SERVING,
    entries,
    hosts_with,
    is_due,
    kind_of,
    lines,
)


def certificate(path: str, days_left: int, life: int = 365, **more: Any) -> Dict[str, Any]:
    end = "2027-11-%02dT00:00:00Z" % (1 + max(days_left, 0) % 28)
    begin = {365: "2026-11-01T00:00:00Z", 1: "2027-10-31T00:00:00Z"}[life]
    return dict(
        {"path": path, "subject": "CN=x", "not_before": begin, "not_after": end, "days_left": days_left, "ca": False}, **more
    )


@pytest.mark.parametrize(
    "path, ca, kind",
    [
        ("/etc/kubernetes/pki/apiserver.crt", False, KUBEADM),
        ("/etc/kubernetes/admin.conf", False, KUBEADM),
        ("/etc/kubernetes/pki/ca.crt", True, CA),
        ("/etc/kubernetes/pki/etcd/ca.crt", True, CA),
        ("/etc/etcd/pki/ca.crt", True, EXTERNAL_ETCD),
        ("/var/lib/kubelet/pki/kubelet-client-current.pem", False, KUBELET),
        ("/var/lib/kubelet/pki/kubelet-server-current.pem", False, SERVING),
        ("/var/lib/kubelet/pki/kubelet.crt", True, SERVING),
        ("/etc/haproxy/kubernetes-ca.crt", True, COPY),
    ],
)
def test_every_certificate_has_somebody_who_renews_it(path: str, ca: bool, kind: str) -> None:
    assert kind_of(path, ca) == kind


def test_the_client_of_an_etcd_that_is_elsewhere_is_not_kubeadms() -> None:
    path = "/etc/kubernetes/pki/apiserver-etcd-client.crt"
    assert (kind_of(path, False), kind_of(path, False, True)) == (KUBEADM, EXTERNAL_ETCD)
    found = entries({"cp1": [certificate(path, 3)]}, 30, ["cp1"])
    assert hosts_with(found, KUBEADM) == [] and "Renewed by: playbook external_etcd" in lines(found, 30)[0]


def test_a_certificate_is_due_below_the_limit() -> None:
    assert is_due(certificate("/x", 29), KUBEADM, 30)
    assert not is_due(certificate("/x", 30), KUBEADM, 30)
    assert is_due(certificate("/x", -1), KUBEADM, 0)


def test_a_kubelet_that_still_has_time_to_rotate_is_left_alone() -> None:
    assert not is_due(certificate("/x", 35, 365), KUBELET, 60), "it rotates when 70 to 90 % of the time are over"
    assert is_due(certificate("/x", 20, 365), KUBELET, 30)
    assert not is_due(certificate("/x", 1, 1), KUBELET, 30), "a cluster may have certificates that live for a day"
    assert is_due(certificate("/x", -1, 1), KUBELET, 30)


def test_the_report_names_what_is_due_in_full_and_counts_the_rest() -> None:
    found = entries(
        {
            "cp1": [certificate("/etc/kubernetes/pki/apiserver.crt", 1), certificate("/etc/kubernetes/pki/ca.crt", 3000, ca=True)],
            "worker1": [certificate("/var/lib/kubelet/pki/kubelet-client-current.pem", -2)],
            "lb1": [],
        },
        30,
    )
    assert hosts_with(found, KUBEADM) == ["cp1"]
    assert hosts_with(found, KUBELET, SERVING) == ["worker1"]
    text = lines(found, 30)
    assert any(line.startswith("cp1 /etc/kubernetes/pki/apiserver.crt: 1 days left") for line in text)
    assert any("worker1" in line and "EXPIRED" in line for line in text)
    assert text[-1] == "2 of 3 certificates are due (less than 30 days left)"


def test_a_ca_that_ends_is_reported_and_makes_no_work() -> None:
    found = entries({"cp1": [certificate("/etc/kubernetes/pki/ca.crt", 3, ca=True)]}, 30)
    assert hosts_with(found, KUBEADM, KUBELET, SERVING) == []
    assert "Renewed by: nobody by itself" in lines(found, 30)[0]
