"""etcd on hosts of its own: who is in it, who gets in, a disk that is lost, and certificates that are renewed while it serves."""

from __future__ import annotations

import os
import time
from typing import Any, Dict, List

import pytest

PKI = "/etc/etcd/pki/"
#: What the inventory has them run as.
PODS = os.environ.get("LAB_ETCD_DEPLOYMENT") == "static_pod"
MANIFEST = "/etc/kubernetes/manifests/etcd.yaml"
TLS = "--cacert %sca.crt --cert %shealthcheck-client.crt --key %shealthcheck-client.key" % (PKI, PKI, PKI)


def etcdctl(cluster: Any, words: str, node: str = "") -> Any:
    """etcdctl on a host of etcd, asking all members."""
    endpoints = ",".join("https://%s:2379" % cluster.address(name) for name in cluster.etcd)
    return cluster.host(node or cluster.etcd[0]).run("ETCDCTL_API=3 etcdctl --endpoints %s %s %s" % (endpoints, TLS, words))


def members(cluster: Any, node: str = "") -> Dict[str, List[str]]:
    """Name -> id, status and learner, as etcd lists them."""
    listed = etcdctl(cluster, "member list", node)
    assert listed.rc == 0, listed.stderr
    rows = [[field.strip() for field in line.split(",")] for line in listed.stdout.strip().splitlines()]
    return {row[2]: [row[0], row[1], row[5]] for row in rows}


def main_pids(cluster: Any) -> Dict[str, str]:
    command = "pgrep -x etcd" if PODS else "systemctl show --property=MainPID,NRestarts etcd"
    return {name: cluster.host(name).run(command).stdout.strip() for name in cluster.etcd}


def stop(host: Any) -> None:
    """As the loss of power would, for as long as it is wanted."""
    if PODS:
        host.run_test("mv %s /root/ && while pgrep -x etcd; do sleep 0.2; done" % MANIFEST)
    else:
        host.run_test("systemctl stop etcd")


def start(host: Any) -> None:
    host.run("mv /root/etcd.yaml %s" % MANIFEST if PODS else "systemctl start etcd")


def serves(host: Any) -> bool:
    return "etcd_server_has_leader 1" in host.run("curl -s -m 2 http://127.0.0.1:2381/metrics").stdout


def log(host: Any) -> str:
    return str(host.run("cat /var/log/pods/kube-system_etcd-*/etcd/*.log" if PODS else "journalctl -u etcd --no-pager").stdout)


def served_certificate(cluster: Any, name: str, port: int) -> str:
    """Serial of the certificate that the member shows to whoever connects now."""
    host = cluster.host(name)
    shown = host.run(
        "openssl s_client -connect %s:%d -CAfile %sca.crt -cert %shealthcheck-client.crt -key %shealthcheck-client.key "
        "</dev/null 2>/dev/null | openssl x509 -noout -serial" % (cluster.address(name), port, PKI, PKI, PKI)
    )
    assert shown.stdout.startswith("serial="), shown.stderr
    return str(shown.stdout.strip())


def test_every_host_of_etcd_is_a_voting_member(cluster: Any) -> None:
    found = members(cluster)
    assert sorted(found) == sorted(cluster.etcd)
    assert all(status == "started" and learner == "false" for _identity, status, learner in found.values())
    health = etcdctl(cluster, "endpoint health")
    assert health.rc == 0 and (health.stdout + health.stderr).count("is healthy") == len(cluster.etcd)


def test_a_member_is_run_by_what_the_inventory_says(cluster: Any) -> None:
    for name in cluster.etcd:
        host = cluster.host(name)
        assert host.service("etcd").is_running != PODS and host.file(MANIFEST).exists == PODS
        assert host.run("ps -o user= -C etcd").stdout.strip() == "etcd"
        if PODS:
            assert host.service("kubelet").is_running and host.service("kubelet").is_enabled
            manifest = host.file(MANIFEST).content_string
            assert "--initial-cluster-state=existing" in manifest and "initial-cluster-token" not in manifest
            assert not host.file("/etc/kubernetes/kubelet.conf").exists, "it belongs to no cluster"
            assert "0.0.0.0" not in host.run("ss -Hltn '( sport = :10250 )'").stdout.replace("0.0.0.0:*", "")


def test_control_planes_have_no_etcd_of_their_own_and_use_all_members(cluster: Any) -> None:
    for name in cluster.control_planes:
        host = cluster.host(name)
        assert not host.file("/etc/kubernetes/manifests/etcd.yaml").exists
        manifest = host.file("/etc/kubernetes/manifests/kube-apiserver.yaml").content_string
        endpoints = ",".join("https://%s:2379" % cluster.address(member) for member in cluster.etcd)
        assert "--etcd-servers=" + endpoints in manifest


def test_verify_counts_the_members(cluster: Any) -> None:
    run = cluster.run("verify")
    assert "etcd: %d of %d members healthy" % (len(cluster.etcd), len(cluster.etcd)) in run.stdout


def test_nobody_gets_in_without_a_certificate(cluster: Any) -> None:
    for name in cluster.etcd:
        host = cluster.host(name)
        address = cluster.address(name)
        assert host.run("curl -s -m 5 --cacert %sca.crt https://%s:2379/version" % (PKI, address)).rc != 0
        assert host.run("curl -s -m 5 http://%s:2379/version" % address).rc != 0
        with_certificate = (
            "curl -s -m 5 --cacert %sca.crt --cert %shealthcheck-client.crt --key %shealthcheck-client.key https://%s:2379/version"
        )
        assert "etcdserver" in host.run(with_certificate % (PKI, PKI, PKI, address)).stdout


def test_metrics_are_served_on_the_host_itself_alone(cluster: Any) -> None:
    for name in cluster.etcd:
        host = cluster.host(name)
        assert serves(host)
        assert "0.0.0.0" not in host.run("ss -Hltn '( sport = :2379 or sport = :2380 or sport = :2381 )'").stdout.replace(
            "0.0.0.0:*", ""
        )


def test_keys_are_private(cluster: Any) -> None:
    for name in cluster.etcd:
        host = cluster.host(name)
        for key, mode in (("ca", 0o600), ("healthcheck-client", 0o600), ("server", 0o640), ("peer", 0o640)):
            assert host.file(PKI + key + ".key").mode == mode, key
        assert host.file("/var/lib/etcd").mode == 0o700 and host.file("/var/lib/etcd").user == "etcd"
    for name in cluster.control_planes:
        host = cluster.host(name)
        assert host.file("/etc/kubernetes/pki/apiserver-etcd-client.key").mode == 0o600
        assert not host.file("/etc/kubernetes/pki/etcd/ca.key").exists


def test_all_members_have_the_same_times(cluster: Any) -> None:
    texts = {cluster.host(name).run("grep -E 'HEARTBEAT|ELECTION' /etc/etcd/etcd.env").stdout for name in cluster.etcd}
    assert texts == {'ETCD_ELECTION_TIMEOUT="1000"\nETCD_HEARTBEAT_INTERVAL="100"\n'}


@pytest.fixture
def wiped(cluster: Any) -> str:
    """The last member, without its disk."""
    name: str = cluster.etcd[-1]
    host = cluster.host(name)
    stop(host)
    host.run_test("find /var/lib/etcd -mindepth 1 -delete")
    return name


def test_a_wiped_member_never_becomes_a_cluster_of_its_own_and_is_replaced_as_a_learner_by_name(cluster: Any, wiped: str) -> None:
    before, pids = members(cluster), main_pids(cluster)
    host = cluster.host(wiped)
    start(host)
    time.sleep(10 if PODS else 3)
    assert not serves(host), "without data it must not begin anything by itself"
    assert PODS or not host.service("etcd").is_running

    refusal = cluster.refusal(cluster.scenario)
    assert "-e etcd_replace_member=" + wiped in refusal and "its data is not there" in refusal
    assert members(cluster) == before, "a refusal changes nothing"

    cluster.playbook(cluster.scenario, "-e", "etcd_replace_member=" + wiped)
    after, pids_after = members(cluster), main_pids(cluster)
    others = [name for name in cluster.etcd if name != wiped]
    assert [after[name] for name in others] == [before[name] for name in others]
    assert [pids_after[name] for name in others] == [pids[name] for name in others], "the others were not touched"
    assert after[wiped][0] != before[wiped][0] and after[wiped][1:] == ["started", "false"]
    assert "learner" in log(host) + log(cluster.host(others[0]))
    # The opt-in does nothing to a healthy member.
    assert cluster.playbook(cluster.scenario, "-e", "etcd_replace_member=" + wiped)["changed"] == 0
    assert main_pids(cluster) == pids_after


def test_a_member_that_starts_anew_with_its_data_needs_no_help(cluster: Any) -> None:
    name = cluster.etcd[0]
    before = members(cluster)
    host = cluster.host(name)
    stop(host)
    start(host)
    end = time.monotonic() + 60
    while not serves(host):
        assert time.monotonic() < end, log(host)[-2000:]
        time.sleep(1)
    assert not cluster.host(name).file("/etc/etcd/beginning.env").exists
    assert members(cluster, cluster.etcd[1]) == before


def test_certificates_are_renewed_while_the_cluster_serves(cluster: Any) -> None:
    ports = (2379, 2380)
    before = {(name, port): served_certificate(cluster, name, port) for name in cluster.etcd for port in ports}
    clients = {
        name: cluster.host(name).file("/etc/kubernetes/pki/apiserver-etcd-client.crt").content_string
        for name in cluster.control_planes
    }
    pids = main_pids(cluster)
    writer = cluster.host(cluster.etcd[0])
    endpoints = ",".join("https://%s:2379" % cluster.address(name) for name in cluster.etcd)
    # Every write is a connection of its own, so each meets the certificates of its moment.
    script = (
        "rm -f /tmp/stop /tmp/writes /tmp/failures; n=0; while [ ! -e /tmp/stop ]; do n=$((n+1)); "
        "ETCDCTL_API=3 etcdctl --command-timeout 10s --endpoints %s %s put /renewal $n >/dev/null 2>>/tmp/failures "
        "&& echo $n >> /tmp/writes || echo failed $n >> /tmp/failures; sleep 0.2; done" % (endpoints, TLS)
    )
    # In a file, since systemd would put its own variables into a command line.
    writer.run_test("echo '%s' > /tmp/writer.sh && systemd-run --unit=renewal-writer --collect sh /tmp/writer.sh" % script)
    try:
        changed = cluster.playbook(
            cluster.scenario, "-e", "etcd_certificate_days=400", "-e", "etcd_certificate_renew_before_days=380"
        )["changed"]
    finally:
        writer.run("touch /tmp/stop")
    assert changed >= len(cluster.etcd) + len(cluster.control_planes)
    after = {(name, port): served_certificate(cluster, name, port) for name in cluster.etcd for port in ports}
    assert all(after[key] != before[key] for key in before), "members show their new certificates"
    assert main_pids(cluster) == pids, "and were not restarted for that"
    assert "failed" not in writer.run("cat /tmp/failures").stdout
    writes = int(writer.run("tail -n 1 /tmp/writes").stdout)
    assert writes > 20
    assert etcdctl(cluster, "get /renewal --print-value-only").stdout.strip() == str(writes)
    for name in cluster.control_planes:
        assert cluster.host(name).file("/etc/kubernetes/pki/apiserver-etcd-client.crt").content_string != clients[name]
    cluster.playbook("verify")
    assert cluster.playbook(cluster.scenario)["changed"] == 0
