"""A cluster that was built while nothing led out of its nodes."""

from __future__ import annotations

import json
from typing import Any

BUNDLE = "/srv/kubernetes-bundle"


def test_nothing_leads_out_of_the_nodes_still(cluster: Any) -> None:
    for name in cluster.nodes:
        tried = cluster.host(name).run("timeout 5 bash -c '</dev/tcp/192.0.2.1/80'")
        assert tried.rc != 0 and "refused" in tried.stderr


def test_packages_that_the_nodes_lacked_came_from_the_bundle_alone(cluster: Any) -> None:
    for name in cluster.nodes:
        host = cluster.host(name)
        for package in ("containerd", "runc", "socat", "ethtool", "conntrack"):
            assert host.package(package).is_installed
        known = host.run("apt-cache policy containerd").stdout
        assert "%s/packages/debian-12" % BUNDLE in known and "http" not in known


def test_programs_and_images_are_those_of_the_bundle(cluster: Any) -> None:
    for name in cluster.nodes:
        host = cluster.host(name)
        assert not host.mount_point("/opt/kubernetes-bundle").exists
        manifest = json.loads(host.file(BUNDLE + "/bundle.json").content_string)
        for program, digest in manifest["binaries"].items():
            assert host.file("/usr/local/bin/" + program).sha256sum == digest
        present = host.run("ctr --namespace k8s.io images list --quiet").stdout.split()
        role = "control_plane" if name in cluster.control_planes else "worker"
        for archive in manifest["images"]:
            assert set(archive["references"]) <= set(present) or role not in archive["roles"]
            # A worker does not carry what only control planes run.
            assert host.file("%s/%s" % (BUNDLE, archive["archive"])).exists == (role in archive["roles"])


def test_the_playbook_finds_all_in_its_place_and_in_check_mode_too(cluster: Any) -> None:
    assert cluster.playbook("offline")["changed"] == 0
    assert cluster.playbook("single", "--check", "--diff")["changed"] == 0
