"""What a renewal leaves, by the word of those who serve."""

from __future__ import annotations

import base64
import datetime
import re
from typing import Any

from cryptography import x509

NAMES = "%b %d %H:%M:%S %Y %Z"


def days(host: Any, command: str) -> int:
    """Days that the certificate has which the command prints."""
    line = host.check_output("%s | openssl x509 -noout -enddate" % command).partition("=")[2]
    return (datetime.datetime.strptime(line, NAMES) - datetime.datetime.utcnow()).days


def test_every_server_shows_a_renewed_certificate(cluster: Any) -> None:
    etcd = "-cert /etc/kubernetes/pki/etcd/peer.crt -key /etc/kubernetes/pki/etcd/peer.key"
    for name in cluster.control_planes:
        host, address = cluster.host(name), cluster.address(name)
        for port in (6443, 2379, 2380):
            assert days(host, "openssl s_client -connect %s:%d %s </dev/null 2>/dev/null" % (address, port, etcd)) > 300, (
                name,
                port,
            )


def test_every_kubeconfig_has_a_renewed_certificate(cluster: Any) -> None:
    for name in cluster.control_planes:
        for file in ("admin", "controller-manager", "scheduler"):
            command = "grep client-certificate-data /etc/kubernetes/%s.conf | cut -d' ' -f6 | base64 -d" % file
            assert days(cluster.host(name), command) > 300, (name, file)


def test_the_kubelet_whose_certificate_had_expired_works_again(cluster: Any) -> None:
    (worker,) = cluster.workers
    host = cluster.host(worker)
    assert days(host, "cat /var/lib/kubelet/pki/kubelet-client-current.pem") > 300
    assert not host.file("/etc/kubernetes/bootstrap-kubelet.conf").exists
    ready = cluster.kubectl("get node %s -o jsonpath='{.status.conditions[?(@.type==\"Ready\")].status}'" % worker)
    assert ready == "True"


def test_no_token_is_left(cluster: Any) -> None:
    tokens = cluster.host(cluster.control_planes[0]).run("kubeadm token list --kubeconfig /etc/kubernetes/admin.conf").stdout
    assert "baremetal.kubernetes join" not in tokens


def test_the_controllers_kubeconfig_followed(cluster: Any) -> None:
    text = (cluster.inventory / "kubeconfig-upgrade.cfg").read_text()
    (embedded,) = re.findall(r"client-certificate-data: (\S+)", text)
    end = x509.load_pem_x509_certificate(base64.b64decode(embedded)).not_valid_after
    assert (end - datetime.datetime.utcnow()).days > 300
    cluster.playbook("verify")
