# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import json
import os
import pathlib
from typing import Any, Dict, List, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle import system_packages
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.images import archive_of, check_reference
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import BundleError, Manifest, parse_manifest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.needs import (
    Needs,
    images_in,
    missing,
    system_name,
    system_of,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.receive import receive
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from fakes import FakeRunner
from topology_data import Inventory

PAUSE = "registry.k8s.io/pause:3.10"
ETCD = "registry.k8s.io/etcd:3.5.24-0"
SHA = hashlib.sha256(b"content").hexdigest()
CONTENT: Dict[str, Any] = {
    "kubernetes_version": "1.33.6",
    "binaries": {"kubeadm": SHA, "kubelet": SHA},
    "cni": {"bridge": SHA},
    "images": [
        {
            "archive": "images/pause.tar",
            "sha256": SHA,
            "roles": ["control_plane", "worker"],
            "references": [PAUSE],
            "digest": "sha256:1",
        },
        {"archive": "images/etcd.tar", "sha256": SHA, "roles": ["control_plane"], "references": [ETCD]},
    ],
    "charts": [{"name": "metallb", "version": "0.16.1", "file": "metallb-0.16.1.tgz", "sha256": SHA, "images": [PAUSE]}],
    "packages": [{"system": "debian-12", "names": ["socat"], "files": {"socat_1.deb": SHA, "Packages": SHA}}],
    "sizes": {"bin/kubeadm": 7},
    "sources": {"https://example.org/kubeadm": ["bin/kubeadm"]},
}
NEEDS = Needs(
    "1.33.6",
    ["kubeadm", "kubelet"],
    True,
    {PAUSE: ["control_plane", "worker"], ETCD: ["control_plane"]},
    [{"name": "metallb", "version": "0.16.1", "repository": "", "sha256": "", "setting": "metallb_chart", "path": ""}],
    {"debian-12": ["socat"]},
)


def manifest(**change: Any) -> Manifest:
    return parse_manifest(json.dumps({**CONTENT, **change}), "bundle.json")


def whole(made: Manifest) -> Dict[str, int]:
    return dict.fromkeys(made.files(), 7)


def test_what_is_written_is_what_is_read() -> None:
    made = manifest()
    assert parse_manifest(made.text(), "again") == made


def test_a_complete_bundle_lacks_nothing() -> None:
    assert missing(NEEDS, manifest(), whole(manifest())) == []


@pytest.mark.parametrize(
    ("change", "item"),
    [
        ({"kubernetes_version": "1.33.5"}, "Kubernetes"),
        ({"binaries": {"kubeadm": SHA}}, "program kubelet"),
        ({"cni": {}}, "CNI plugins"),
        ({"images": CONTENT["images"][:1]}, "image " + ETCD),
        ({"images": [CONTENT["images"][1], {**CONTENT["images"][0], "roles": ["control_plane"]}]}, "image " + PAUSE),
        ({"charts": []}, "chart metallb 0.16.1"),
        (
            {"charts": [{**CONTENT["charts"][0], "images": ["quay.io/metallb/controller:v1"]}]},
            "image quay.io/metallb/controller:v1",
        ),
        ({"packages": []}, "package socat of debian-12"),
        ({"packages": [{**CONTENT["packages"][0], "names": []}]}, "package socat of debian-12"),
    ],
)
def test_each_missing_item_is_named(change: Dict[str, Any], item: str) -> None:
    made = manifest(**change)
    assert [one.item for one in missing(NEEDS, made, whole(made))] == [item]


def test_a_file_that_is_gone_or_was_cut_off_is_found_without_reading_it() -> None:
    sizes = whole(manifest())
    del sizes["images/etcd.tar"]
    sizes["bin/kubeadm"] = 3
    assert [one.item for one in missing(NEEDS, manifest(), sizes)] == ["bin/kubeadm", "images/etcd.tar"]


def test_a_host_gets_what_it_has_use_for() -> None:
    worker = manifest().files_for(["worker"], "debian-12")
    assert "images/pause.tar" in worker and "images/etcd.tar" not in worker and "charts/metallb-0.16.1.tgz" not in worker
    assert {"images/etcd.tar", "charts/metallb-0.16.1.tgz"} <= set(manifest().files_for(["control_plane"], "debian-12"))
    assert sorted(manifest().files_for([], "debian-12")) == ["packages/debian-12/Packages", "packages/debian-12/socat_1.deb"]
    assert not [path for path in manifest().files_for(["worker"], "debian-1") if path.startswith("packages")]


@pytest.mark.parametrize(
    "change",
    [
        {"packages": [{"system": "../etc", "files": {}}]},
        {"packages": [{"system": "debian-12", "files": {"../../etc/passwd": SHA}}]},
        {"charts": [{"name": "a", "version": "1", "file": "../a.tgz", "sha256": SHA}]},
        {"charts": [{"name": "a", "version": "1", "file": "a.tgz", "sha256": "?"}]},
    ],
)
def test_a_bundle_that_reaches_out_of_its_folder_is_refused(change: Dict[str, Any]) -> None:
    with pytest.raises(BundleError):
        manifest(**change)


def test_systems_that_take_the_same_packages_have_one_name() -> None:
    assert system_name({"id": "debian", "version_id": "12", "family": "debian"}) == "debian-12"
    assert system_name({"id": "rocky", "version_id": "9.4", "family": "redhat"}) == "rocky-9"
    assert system_name({}) == ""
    assert system_name(system_of("ubuntu-24.04")) == "ubuntu-24.04"
    assert system_of("rocky-9")["family"] == "redhat"


def test_images_of_a_chart_are_read_off_its_objects() -> None:
    objects = 'containers:\n- image: "quay.io/a/b:v1"\n  name: x\n- name: y\n  image: docker.io/c/d:2\n  imagePullPolicy: Always\n'
    assert images_in(objects) == ["docker.io/c/d:2", "quay.io/a/b:v1"]


@pytest.mark.parametrize(
    "reference", ["busybox:1", "library/busybox:1", "docker.io/library/busybox", "quay.io/a/b@sha256:0", "quay.io/a/b:1@sha256:0"]
)
def test_an_image_without_registry_or_tag_is_refused(reference: str) -> None:
    with pytest.raises(BundleError, match="What to do"):
        check_reference(reference)


def test_archives_of_different_images_have_different_names() -> None:
    assert archive_of("registry.k8s.io/coredns/coredns:v1.12.0") == "images/registry.k8s.io_coredns_coredns_v1.12.0.tar"
    check_reference("192.0.2.5:5000/a/b:1")


# --- on a host ---


def test_a_host_takes_what_came_only_with_the_right_checksum_and_the_manifest_last(tmp_path: pathlib.Path) -> None:
    bundle, store = tmp_path / "bundle", str(tmp_path / "store.json")
    files = {"bin/kubeadm": SHA, "images/pause.tar": SHA}

    def take(incoming: Dict[str, str], check: bool = False) -> Tuple[List[str], bool]:
        return tuple(receive(str(bundle), files, "manifest", incoming, check, store))  # type: ignore[return-value]

    def came(text: str) -> str:
        (tmp_path / "came").write_text(text)
        return str(tmp_path / "came")

    assert take({}, check=True) == (sorted(files), True)
    assert not bundle.exists()
    assert take({"bin/kubeadm": came("content")}) == (["images/pause.tar"], True)
    assert not (bundle / "bundle.json").exists()
    with pytest.raises(BundleError, match=r"images/pause\.tar"):
        take({"images/pause.tar": came("cut")})
    assert sorted(os.listdir(bundle)) == ["bin"]
    assert take({"images/pause.tar": came("content")}) == ([], True)
    assert (bundle / "bundle.json").read_text() == "manifest"
    assert (bundle / "bin/kubeadm").stat().st_mode & 0o777 == 0o644
    assert take({}) == ([], False) and take({}, check=True) == ([], False)


# --- packages ---


def test_dnf_downloads_into_a_root_of_its_own_and_makes_a_repository(tmp_path: pathlib.Path) -> None:
    class Dnf(FakeRunner):
        def run(self, argv: Any, timeout: Any = None, stdin: Any = None, env: Any = None) -> Result:
            self.calls.append(tuple(argv))
            if "--destdir" in argv:
                pathlib.Path(argv[argv.index("--destdir") + 1], "socat.rpm").write_text("content")
            return Result(0, "", "")

    runner = Dnf()
    wanted = system_packages.Wanted("rocky-9", "redhat", ["socat"], "[base]\nname=base\n")
    assert system_packages.fetch(wanted, str(tmp_path), str(tmp_path / "repository"), runner) == {"socat.rpm": SHA}
    dnf, createrepo = runner.calls
    assert dnf[dnf.index("--releasever") + 1] == "9" and dnf[-1] == "socat" and "--alldeps" in dnf
    assert "--setopt=reposdir=%s/repos.d" % tmp_path in dnf
    assert createrepo[0] == "createrepo_c"


def test_a_package_that_is_not_known_is_said_in_apts_own_words(tmp_path: pathlib.Path) -> None:
    class Apt(FakeRunner):
        def run(self, argv: Any, timeout: Any = None, stdin: Any = None, env: Any = None) -> Result:
            return Result(0, "", "") if argv[-1] == "update" else Result(100, "", "E: Unable to locate package scoat\n")

    with pytest.raises(BundleError, match="Unable to locate package scoat"):
        system_packages.fetch(system_packages.Wanted("debian-12", "debian", ["scoat"]), str(tmp_path), str(tmp_path / "r"), Apt())


# --- preflight ---


def stacked() -> Inventory:
    return Inventory({"cluster_vip": "10.89.79.100", "cluster_endpoint": "10.89.79.100:8443"}, 3, 1)


def offline(made: Any, **other: Any) -> List[Tuple[str, str]]:
    inventory = stacked().set(packages_source="bundle")
    for entry in inventory.data["hosts"].values():
        entry["vars"]["container_runtime_source"] = "distribution"
    inventory.data["offline"] = {"path": "/b", "manifest": made, "sizes": whole(manifest()), "needs": NEEDS, **other}
    return [(problem.setting, problem.problem) for problem in inventory.problems]


def test_preflight_finds_what_the_bundle_lacks_and_what_would_ask_the_internet() -> None:
    assert [setting for setting, _problem in offline(manifest().text())] == ["metallb_chart"]
    assert "there is no such file" in offline(None)[0][1]
    found = offline(manifest(images=CONTENT["images"][:1]).text())
    assert ("offline_bundle", "image %s: not in the bundle" % ETCD) in found
    assert offline(None, problem="cp1: its system is not known")[0][1].endswith("its system is not known")


def test_preflight_refuses_settings_that_ask_the_internet() -> None:
    inventory = stacked()
    inventory.data["offline"] = {
        "path": "/b",
        "manifest": manifest().text(),
        "sizes": whole(manifest()),
        "needs": NEEDS._replace(charts=[]),
    }
    assert [problem.setting for problem in inventory.problems] == ["container_runtime_source", "cluster_packages_source"]
