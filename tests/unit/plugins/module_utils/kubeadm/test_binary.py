# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real kubeadm 1.20.2 of the lab's cache reads what we write for it: it has no validate, but says what it can't decode."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.config import render
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import release
from lab_programs import kubernetes

KUBEADM = kubernetes("kubeadm")

pytestmark = pytest.mark.skipif(not KUBEADM.exists(), reason="the lab's kubeadm 1.20.2 has not been built yet (make lab builds it)")

NODE = {
    "node_name": "cp1",
    "cri_socket": "unix:///run/containerd/containerd.sock",
    "taints": [{"key": "dedicated", "value": "a", "effect": "NoSchedule"}],
    "kubelet_extra_args": {"v": 2},
    "ignore_preflight_errors": ["NumCPU", "FileExisting-crictl"],
}
ENDPOINT = {"advertise_address": "10.0.0.11", "bind_port": 6443, "certificate_key": "ab" * 32}
DESCRIPTION = {
    "init": dict(
        NODE,
        bootstrap_tokens=[
            {"token": "abcdef.0123456789abcdef", "ttl": "1h", "usages": ["signing", "authentication"], "description": "x"}
        ],
        timeouts={"control_plane_component_health_check": "6m"},
        **ENDPOINT,
    ),
    "cluster": {
        "cluster_name": "lab",
        "control_plane_endpoint": "10.0.0.100:8443",
        "image_repository": "registry.example.com:5000/k8s",
        "certificates_dir": "/etc/kubernetes/pki",
        "networking": {
            "pod_subnet": "10.244.0.0/16,fd00::/56",
            "service_subnet": "10.96.0.0/16,fd01::/112",
            "dns_domain": "cluster.local",
        },
        "api_server": {
            "extra_args": {"profiling": False},
            "cert_sans": ["k8s.example.com", "10.0.0.100"],
            "extra_volumes": [
                {"name": "audit", "host_path": "/a", "mount_path": "/a", "read_only": True, "path_type": "DirectoryOrCreate"}
            ],
        },
        "controller_manager": {"extra_args": {"bind-address": "127.0.0.1"}},
        "scheduler": {"extra_args": {"bind-address": "127.0.0.1"}},
        "etcd": {"local": {"data_dir": "/var/lib/etcd", "extra_args": {"quota-backend-bytes": 8589934592}}},
        "dns": {"image_repository": "registry.example.com:5000/dns", "image_tag": "1.7.0"},
    },
    "join": dict(
        NODE,
        discovery={
            "token": "abcdef.0123456789abcdef",
            "api_server_endpoint": "10.0.0.100:8443",
            "ca_cert_hashes": ["sha256:" + "a" * 64],
        },
        control_plane=ENDPOINT,
        timeouts={"discovery": "7m"},
    ),
    "kubelet": {
        "cgroupDriver": "systemd",
        "maxPods": 110,
        "evictionHard": {"memory.available": "5%"},
        "featureGates": {"IPv6DualStack": True},
    },
    "kube_proxy": {"mode": "ipvs", "ipvs": {"strictARP": True, "scheduler": "wrr"}, "conntrack": {"maxPerCore": 0}},
}


def run(*arguments):
    done = subprocess.run([str(KUBEADM), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "unknown field" not in done.stderr
    assert "strict decoding error" not in done.stderr
    return done.stdout


def write(path, documents):
    path.write_text(render("1.20.2", documents, DESCRIPTION).text)
    return str(path)


@pytest.mark.parametrize("documents", [["init", "cluster", "kubelet", "kube_proxy"], ["join"]])
def test_the_binary_decodes_every_field(tmp_path, documents):
    migrated = run("config", "migrate", "--old-config", write(tmp_path / "config.yaml", documents))
    assert "apiVersion: kubeadm.k8s.io/v1beta2" in migrated
    assert "name: cp1" in migrated


def test_the_binary_would_have_told_of_an_unknown_field(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(render("1.20.2", ["init", "cluster"], DESCRIPTION).text + "bogus: 1\n")
    with pytest.raises(AssertionError):
        run("config", "migrate", "--old-config", str(path))


def test_the_binary_pulls_the_images_that_the_table_says(tmp_path):
    listed = run("config", "images", "list", "--config", write(tmp_path / "config.yaml", ["init", "cluster"])).split()
    expected = release("1.20.2").images("registry.example.com:5000/k8s", "registry.example.com:5000/dns", "1.7.0")
    assert sorted(listed) == sorted(expected)


def test_the_binary_makes_its_certificates_from_the_file(tmp_path):
    text = render("1.20.2", ["init", "cluster"], DESCRIPTION).text
    path = tmp_path / "config.yaml"
    path.write_text(text.replace("certificatesDir: /etc/kubernetes/pki", "certificatesDir: %s/pki" % tmp_path))
    run("init", "phase", "certs", "ca", "--config", str(path))
    run("init", "phase", "certs", "apiserver", "--config", str(path))
    names = subprocess.run(
        ["openssl", "x509", "-noout", "-text", "-in", str(tmp_path / "pki" / "apiserver.crt")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert names.returncode != 0 or "DNS:k8s.example.com" in names.stdout
