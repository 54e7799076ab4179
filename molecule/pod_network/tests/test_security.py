"""What is stored, what is written down, and what kubelets show, by etcd's, the log's and openssl's own word."""

from __future__ import annotations

import base64
import json
import pathlib
import re
import sys
from typing import Any, Dict, List

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "shared"))

from playbooks import Playbooks  # noqa: E402

SECRET = "correct-horse-battery-staple"
ROTATE = ["-e", "security_rotate_encryption_key=true"]
FILE = "/etc/kubernetes/security/encryption.json"
ETCD = (
    "ETCDCTL_API=3 etcdctl --endpoints https://127.0.0.1:2379 --cacert /etc/kubernetes/pki/etcd/ca.crt "
    "--cert /etc/kubernetes/pki/etcd/healthcheck-client.crt --key /etc/kubernetes/pki/etcd/healthcheck-client.key "
)


def stored(cluster: Any, prefix: str = "/registry/secrets/") -> Dict[str, str]:
    """Key in etcd -> the beginning of what is stored, as text."""
    host = cluster.host(cluster.control_planes[0])
    names = [line for line in host.run(ETCD + "get --prefix --keys-only %s" % prefix).stdout.splitlines() if line]
    return {name: host.run(ETCD + "get --print-value-only %s | head -c 400 | tr -cd '[:print:]'" % name).stdout for name in names}


def keys(cluster: Any) -> List[str]:
    """The names of the keys, the one that writes first."""
    content = json.loads(cluster.host(cluster.control_planes[0]).file(FILE).content_string)
    return [key["name"] for one in content["resources"][0]["providers"] for part in one.values() for key in part.get("keys", [])]


def secrets_of(cluster: Any) -> List[str]:
    return re.findall(r'"secret": "([^"]+)"', str(cluster.host(cluster.control_planes[0]).file(FILE).content_string))


@pytest.fixture(scope="module", autouse=True)
def _secret(cluster: Any) -> Any:
    cluster.kubectl("delete secret told --ignore-not-found")
    cluster.kubectl("create secret generic told --from-literal=word=%s" % SECRET)
    yield
    cluster.kubectl("delete secret told")


def test_secrets_lie_encrypted_in_etcd(cluster: Any) -> None:
    found = stored(cluster)
    assert "/registry/secrets/default/told" in found
    for name, value in found.items():
        assert value.startswith("k8s:enc:secretbox:v1:%s:" % keys(cluster)[0]), name
        assert SECRET not in value


def test_nobody_else_may_read_the_key(cluster: Any) -> None:
    host = cluster.host(cluster.control_planes[0])
    assert host.file(FILE).mode == 0o600
    assert host.file("/etc/kubernetes/security").mode == 0o700
    assert len(secrets_of(cluster)) == 1
    for worker in cluster.workers:
        assert not cluster.host(worker).file(FILE).exists


def test_a_rotation_that_is_killed_goes_on_and_leaves_the_new_key_alone(cluster: Any) -> None:
    (old,) = keys(cluster)
    Playbooks(cluster.scenario).kill_inside("Have the API server store everything", 0.5, "security", *ROTATE)
    assert len(keys(cluster)) == 2
    run = cluster.run("security", "-vvv", "--diff")
    assert run.returncode == 0, run.stdout[-6000:]
    (new,) = keys(cluster)
    assert new > old
    for name, value in stored(cluster).items():
        assert value.startswith("k8s:enc:secretbox:v1:%s:" % new), name
    assert not [secret for secret in secrets_of(cluster) if secret in run.stdout + run.stderr], "a key is in the output"
    (word,) = cluster.kubectl("get secret told -o json")["data"].values()
    assert base64.b64decode(word).decode() == SECRET


def test_a_second_run_and_check_mode_change_nothing(cluster: Any) -> None:
    assert cluster.playbook("security")["changed"] == 0
    assert cluster.playbook("security", "--check", "--diff")["changed"] == 0
    assert cluster.playbook("single")["changed"] == 0


def test_the_audit_log_says_who_did_what_and_not_what_was_in_it(cluster: Any) -> None:
    log = cluster.host(cluster.control_planes[0]).run('grep -h \'"name":"told"\' /var/log/kubernetes/audit/*.log').stdout
    events = [json.loads(line) for line in log.splitlines()]
    assert [one for one in events if one["verb"] == "create" and one["user"]["username"] == "kubernetes-admin"]
    assert SECRET not in log and not [one for one in events if "requestObject" in one]


def test_kubelets_show_certificates_of_the_clusters_authority(cluster: Any) -> None:
    asks = cluster.host(cluster.control_planes[0])
    for name in cluster.nodes:
        address = cluster.address(name)
        command = (
            "openssl s_client -connect %s:10250 -CAfile /etc/kubernetes/pki/ca.crt -verify_ip %s -verify_return_error </dev/null"
        )
        assert "Verify return code: 0 (ok)" in asks.run(command % (address, address)).stdout, name
    # The API server insists on them, and reaches a container all the same.
    assert "kubelet-certificate-authority" in asks.file("/etc/kubernetes/manifests/kube-apiserver.yaml").content_string
    pods = cluster.kubectl("-n kube-flannel get pods -o json")["items"]
    for pod in pods:
        assert cluster.kubectl("-n kube-flannel exec %s -- echo heard" % pod["metadata"]["name"]).strip() == "heard"


def test_what_a_cluster_can_not_have_is_refused_before_anything_is_touched(cluster: Any) -> None:
    said = cluster.refusal("security", "-e", "cluster_pod_security=restricted", "-e", "cluster_encryption=aesgcm")
    assert "cluster_pod_security" in said and "1.23" in said and "200,000 writes" in said


def test_encryption_is_taken_away_again(cluster: Any) -> None:
    assert cluster.playbook("security", "-e", "cluster_encryption=none")["changed"] > 0
    assert not [name for name, value in stored(cluster).items() if value.startswith("k8s:enc:")]
    assert cluster.playbook("security", "-e", "cluster_encryption=none")["changed"] == 0
    manifest = cluster.host(cluster.control_planes[0]).file("/etc/kubernetes/manifests/kube-apiserver.yaml").content_string
    assert "encryption-provider-config" not in manifest
