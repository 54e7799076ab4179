# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role etcd gives a kubelet in standalone mode."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
import yaml
from roles_render import ROOT, expression, template, trusted_data
from yaml_files import read_yaml

VARS = read_yaml(pathlib.Path(ROOT) / "roles/etcd/vars/main.yml")


def given(version: str, **more: Any) -> "dict[str, Any]":
    return dict(trusted_data(VARS), cluster_kubernetes_version=version, **more)


@pytest.mark.parametrize(
    ("version", "flags"),
    [
        ("1.20.2", "--container-runtime=remote --container-runtime-endpoint=unix:///run/containerd/containerd.sock"),
        ("1.24.17", "--container-runtime-endpoint=unix:///run/containerd/containerd.sock"),
        ("1.36.3", ""),
    ],
)
def test_the_kubelet_talks_to_containerd_by_what_its_version_knows(version: str, flags: str) -> None:
    text = template("etcd", "kubelet.conf.j2", **given(version, cluster_packages_source="bundle"))
    (_reset, line) = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    assert line == ("ExecStart=/usr/local/bin/kubelet --config=/etc/etcd/kubelet.yaml " + flags).strip()
    assert text.index("ExecStart=\n") < text.index(line)
    settings = yaml.safe_load(template("etcd", "kubelet.yaml.j2", **given(version)))
    assert settings.get("containerRuntimeEndpoint") == (None if flags else "unix:///run/containerd/containerd.sock")


def test_the_kubelet_serves_nobody_and_takes_the_clusters_settings() -> None:
    text = template("etcd", "kubelet.yaml.j2", **given("1.20.2", cluster_kubelet_settings={"failSwapOn": False}))
    settings = yaml.safe_load(text)
    assert settings["kind"] == "KubeletConfiguration" and settings["address"] == "127.0.0.1"
    assert settings["authentication"] == {"anonymous": {"enabled": False}, "webhook": {"enabled": False}}
    assert settings["staticPodPath"] == "/etc/kubernetes/manifests" and settings["failSwapOn"] is False


@pytest.mark.parametrize(
    ("version", "repository", "image"),
    [
        ("1.20.2", "", "k8s.gcr.io/etcd:3.4.13-0"),
        ("1.36.3", "", "registry.k8s.io/etcd:3.6.8-0"),
        ("1.36.3", "mirror.example/k8s", "mirror.example/k8s/etcd:3.6.8-0"),
    ],
)
def test_the_image_is_the_one_that_belongs_to_the_version(version: str, repository: str, image: str) -> None:
    assert expression("etcd", "{{ etcd_image }}", **given(version, cluster_image_repository=repository)) == image
