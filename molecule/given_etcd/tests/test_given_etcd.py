"""A cluster on an etcd that somebody else runs: what it uses, what it leaves alone, and a certificate that its owner renews."""

from __future__ import annotations

import pathlib
import subprocess
from typing import Any, List

ROOT = pathlib.Path(__file__).resolve().parents[3]
FILES = ROOT / ".build" / "given-etcd"
CLIENT = "/etc/kubernetes/pki/apiserver-etcd-client"
STRANGERS = ["store1", "store2", "store3"]


def endpoints(cluster: Any) -> List[str]:
    return ["https://%s:2379" % cluster.address(name) for name in STRANGERS]


def etcdctl(cluster: Any, words: str) -> str:
    """By the control plane's own certificate, asking all members."""
    files = "--cacert /etc/kubernetes/pki/etcd/ca.crt --cert %s.crt --key %s.key" % (CLIENT, CLIENT)
    asked = cluster.host(cluster.control_planes[0]).run(
        "ETCDCTL_API=3 etcdctl --endpoints %s %s %s" % (",".join(endpoints(cluster)), files, words)
    )
    assert asked.rc == 0, asked.stderr
    return str(asked.stdout + asked.stderr)


def test_every_control_plane_uses_all_given_members_and_has_no_etcd_of_its_own(cluster: Any) -> None:
    for name in cluster.control_planes:
        host = cluster.host(name)
        assert not host.file("/etc/kubernetes/manifests/etcd.yaml").exists
        assert not host.file("/var/lib/etcd/member").exists
        manifest = host.file("/etc/kubernetes/manifests/kube-apiserver.yaml").content_string
        assert "--etcd-servers=" + ",".join(endpoints(cluster)) in manifest
        assert host.file(CLIENT + ".key").mode == 0o600
        assert host.file(CLIENT + ".key").content_string.strip() == (FILES / "client.key").read_text().strip()


def test_the_clusters_objects_are_in_the_given_etcd(cluster: Any) -> None:
    for name in cluster.control_planes:
        assert etcdctl(cluster, "get --keys-only /registry/minions/" + name).strip() == "/registry/minions/" + name


def test_the_given_etcd_was_left_alone(cluster: Any) -> None:
    for name in STRANGERS:
        host = cluster.host(name)
        assert host.service("store").is_running
        assert not host.file("/etc/etcd").exists and not host.file("/etc/kubernetes/manifests").exists
        assert host.run("systemctl show --property=NRestarts --value store").stdout.strip() == "0"
    assert etcdctl(cluster, "endpoint health").count("is healthy") == len(STRANGERS)


def test_verify_counts_the_given_members(cluster: Any) -> None:
    assert "etcd: 3 of 3 members healthy" in cluster.run("verify").stdout


def test_a_check_of_the_living_cluster_finds_nothing_to_change(cluster: Any) -> None:
    assert cluster.playbook("external_etcd", "--check", "--diff")["changed"] == 0


def test_nginx_passes_on_to_an_api_server_that_lives(cluster: Any) -> None:
    first, second = (cluster.host(name) for name in cluster.control_planes)
    assert first.service("nginx").is_running and second.service("nginx").is_running
    assert not first.service("haproxy").is_running
    assert second.run("pkill -KILL -x kube-apiserver").rc == 0
    # It takes seconds until the next one listens.
    asked = first.run("for try in 1 2 3 4 5 6; do curl --insecure --silent https://127.0.0.1:8443/readyz; echo; done")
    assert asked.stdout.split() == ["ok"] * 6
    cluster.playbook("verify")


def test_a_certificate_that_its_owner_renewed_is_brought_to_every_control_plane(cluster: Any) -> None:
    subprocess.run([str(ROOT / "molecule/given_etcd/certificates.sh"), str(FILES)], check=True)
    renewed = (FILES / "client.crt").read_text().strip()
    before = {name: cluster.host(name).run("pgrep -x kube-apiserver").stdout for name in cluster.control_planes}
    recap = cluster.playbook("external_etcd")
    assert recap["changed"] == len(cluster.control_planes)
    for name in cluster.control_planes:
        host = cluster.host(name)
        assert host.file(CLIENT + ".crt").content_string.strip() == renewed
        assert host.run("pgrep -x kube-apiserver").stdout == before[name], "the API server was restarted"
    assert cluster.playbook("external_etcd")["changed"] == 0
    cluster.playbook("verify")


def test_files_that_are_not_there_are_refused_before_any_host_is_touched(cluster: Any) -> None:
    refusal = cluster.refusal("external_etcd", "-e", "cluster_etcd_key_file=/nowhere/client.key")
    assert "there is no readable file /nowhere/client.key" in refusal
    assert "changed=1" not in refusal
