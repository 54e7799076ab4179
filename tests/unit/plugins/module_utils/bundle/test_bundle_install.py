from __future__ import annotations

import hashlib
import json
import os
import pathlib
from typing import Any, Dict, Sequence, Tuple, Union

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle import digests
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.install import Plan, WantedBundle, install_bundle
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import BundleError, parse_manifest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.files import WantedFile
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.state import WantedState, bring_to_state
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, Result
from fakes import FakeRunner

PAUSE = "k8s.gcr.io/pause:3.2"
PROXY = "k8s.gcr.io/kube-proxy:v1.20.2"
ETCD = "k8s.gcr.io/etcd:3.4.13-0"
LIST = ("ctr", "--namespace", "k8s.io", "images", "list", "--quiet")


class Containerd(FakeRunner):
    """Knows what each archive holds; an import makes its images present."""

    def __init__(self, bundle: pathlib.Path, present: Sequence[str] = (), **answers: Any) -> None:
        super().__init__()
        self.present = list(present)
        self.archives = {str(bundle / "images/node.tar"): [PAUSE, PROXY], str(bundle / "images/control-plane.tar"): [ETCD]}
        self.answers: Dict[str, Union[Result, None]] = answers

    def read(self, path: str) -> "str | None":
        return pathlib.Path(path).read_text() if pathlib.Path(path).exists() else None

    def run(self, argv: Sequence[str], timeout: Any = None, stdin: Any = None, env: Any = None) -> Result:
        self.calls.append(tuple(argv))
        answer = self.answers.get(argv[4])
        if answer is not None:
            return answer
        if argv[4] == "import":
            self.present += self.archives[argv[5]]
            return Result(0, "", "")
        return Result(0, "\n".join(self.present) + "\n", "")

    @property
    def imports(self) -> "list[str]":
        return [os.path.basename(call[5]) for call in self.calls if call[4] == "import"]


def write(path: pathlib.Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def bundle(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "bundle"
    manifest = {
        "kubernetes_version": "1.20.2",
        "binaries": {name: write(folder / "bin" / name, name) for name in ("kubeadm", "kubelet")},
        "cni": {"bridge": write(folder / "cni/bridge", "bridge")},
        "images": [
            {
                "archive": "images/node.tar",
                "sha256": write(folder / "images/node.tar", "node images"),
                "references": [PAUSE, PROXY],
                "roles": ["control_plane", "worker"],
            },
            {
                "archive": "images/control-plane.tar",
                "sha256": write(folder / "images/control-plane.tar", "control plane images"),
                "references": [ETCD],
                "roles": ["control_plane"],
            },
        ],
    }
    write(folder / "bundle.json", json.dumps(manifest))
    return folder


def wanted(bundle: pathlib.Path, **other: Any) -> WantedBundle:
    node = bundle.parent / "node"
    settings: Dict[str, Any] = {
        "path": str(bundle),
        "kubernetes_version": "1.20.2",
        "parts": ["binaries", "cni", "images"],
        "roles": ["control_plane"],
        "binaries_path": str(node / "bin"),
        "cni_path": str(node / "cni"),
        "store": str(node / "store/bundle.json"),
    }
    settings.update(other)
    return WantedBundle(**settings)


def install(bundle: pathlib.Path, present: Sequence[str] = (), check: bool = False, **other: Any) -> Tuple[Plan, Containerd]:
    runner = Containerd(bundle, present)
    return install_bundle(wanted(bundle, **other), runner, check), runner


def test_a_blank_node_gets_programs_plugins_and_images(bundle: pathlib.Path) -> None:
    plan, runner = install(bundle)
    node = bundle.parent / "node"
    assert len(plan.changes) == 6
    assert (node / "bin/kubelet").read_text() == "kubelet"
    assert (node / "cni/bridge").stat().st_mode & 0o777 == 0o755
    assert runner.imports == ["node.tar", "control-plane.tar"]


def test_a_state_with_a_bundle_brings_it_first_and_says_so(bundle: pathlib.Path) -> None:
    marker = bundle.parent / "node/bin/marker"
    files = [WantedFile(str(marker), content="x", owner=str(os.getuid()), group=str(os.getgid()))]
    state = WantedState(bundle=wanted(bundle), files=files)
    outcome = bring_to_state(state, Containerd(bundle), check=False)
    assert [line.split("/")[-1] for line in outcome.changes[:2]] == ["kubeadm: new", "kubelet: new"]
    assert outcome.changes[-1] == "%s: new" % marker
    assert outcome.diff[0]["after"] == outcome.changes[0] + "\n"
    assert bring_to_state(state, Containerd(bundle, [PAUSE, PROXY, ETCD]), check=False).changes == []


def test_a_damaged_bundle_stops_a_state_before_its_files(bundle: pathlib.Path) -> None:
    (bundle / "bin/kubelet").write_text("something else")
    marker = bundle.parent / "node/bin/marker"
    state = WantedState(bundle=wanted(bundle), files=[WantedFile(str(marker), content="x")])
    with pytest.raises(BundleError, match="nothing was changed"):
        bring_to_state(state, Containerd(bundle), check=False)
    assert not marker.exists()


def test_a_second_call_changes_nothing_and_reads_no_file_again(bundle: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(bundle)
    monkeypatch.setattr(digests, "sha256_of", lambda path: pytest.fail("%s was read again" % path))
    plan, runner = install(bundle, present=[PAUSE, PROXY, ETCD])
    assert plan.changes == []
    assert runner.calls == [LIST]


def test_a_worker_gets_no_control_plane_images(bundle: pathlib.Path) -> None:
    assert install(bundle, roles=["worker"])[1].imports == ["node.tar"]


def test_only_the_archive_with_a_missing_image_is_imported(bundle: pathlib.Path) -> None:
    plan, runner = install(bundle, present=[PAUSE, PROXY])
    assert runner.imports == ["control-plane.tar"]
    assert "image %s: import" % ETCD in plan.changes


def test_a_program_that_was_replaced_by_another_comes_back(bundle: pathlib.Path) -> None:
    install(bundle)
    write(bundle.parent / "node/bin/kubelet", "something else")
    plan, unused = install(bundle, present=[PAUSE, PROXY, ETCD])
    assert plan.changes == ["%s: content" % (bundle.parent / "node/bin/kubelet")]
    assert (bundle.parent / "node/bin/kubelet").read_text() == "kubelet"


def test_check_mode_says_all_and_touches_nothing(bundle: pathlib.Path) -> None:
    plan, runner = install(bundle, check=True)
    assert len(plan.changes) == 6
    assert not (bundle.parent / "node").exists()
    assert runner.imports == []


def test_check_mode_on_a_node_without_containerd_takes_all_images_for_missing(bundle: pathlib.Path) -> None:
    runner = Containerd(bundle, list=Result(NOT_FOUND, "", "ctr: not found"))
    assert len(install_bundle(wanted(bundle), runner, True).changes) == 6
    with pytest.raises(BundleError, match="container_runtime"):
        install_bundle(wanted(bundle), runner, False)


@pytest.mark.parametrize("path", ["bin/kubelet", "images/control-plane.tar"])
def test_a_damaged_file_is_refused_before_anything_is_changed(bundle: pathlib.Path, path: str) -> None:
    write(bundle / path, "damaged")
    with pytest.raises(BundleError, match="sha256") as caught:
        install(bundle)
    assert path in str(caught.value)
    assert not (bundle.parent / "node/bin").exists()


def test_all_missing_files_are_named_at_once(bundle: pathlib.Path) -> None:
    (bundle / "bin/kubelet").unlink()
    (bundle / "images/node.tar").unlink()
    with pytest.raises(BundleError, match="bin/kubelet is missing.*node.tar is missing"):
        install(bundle)


def test_sources_may_be_gone_once_the_node_has_everything(bundle: pathlib.Path) -> None:
    install(bundle)
    (bundle / "bin/kubelet").unlink()
    (bundle / "images/node.tar").unlink()
    assert install(bundle, present=[PAUSE, PROXY, ETCD])[0].changes == []


def test_a_bundle_of_another_version_is_refused(bundle: pathlib.Path) -> None:
    with pytest.raises(BundleError, match="holds Kubernetes 1.20.2, and 1.36.3 is wanted"):
        install(bundle, kubernetes_version="1.36.3")


def test_an_archive_that_containerd_refuses_is_named_with_its_words(bundle: pathlib.Path) -> None:
    runner = Containerd(bundle, **{"import": Result(1, "", "ctr: unrecognized image format")})
    with pytest.raises(BundleError, match="node.tar.*unrecognized image format"):
        install_bundle(wanted(bundle), runner, False)


def test_an_archive_for_which_there_is_no_room_says_so(bundle: pathlib.Path) -> None:
    runner = Containerd(bundle, **{"import": Result(1, "", "ctr: failed to copy: write /x: no space left on device")})
    with pytest.raises(BundleError, match="a disk is full; ctr: failed.*What to do: free space on the file system"):
        install_bundle(wanted(bundle), runner, False)


def test_an_archive_without_the_images_that_it_promises_is_an_error(bundle: pathlib.Path) -> None:
    runner = Containerd(bundle)
    runner.archives[str(bundle / "images/node.tar")] = [PAUSE]
    with pytest.raises(BundleError, match="did not bring %s" % PROXY):
        install_bundle(wanted(bundle), runner, False)


def test_a_damaged_store_only_costs_time(bundle: pathlib.Path) -> None:
    install(bundle)
    write(bundle.parent / "node/store/bundle.json", '{"files": [')
    assert install(bundle, present=[PAUSE, PROXY, ETCD])[0].changes == []


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (None, "no such file"),
        ("{", "no JSON"),
        ("[]", "the whole is not an object"),
        ('{"kubernetes_version": "1.20.2", "binaries": {"../etc/passwd": "%s"}}' % ("0" * 64), "no plain file name"),
        ('{"kubernetes_version": "1.20.2", "binaries": {"kubelet": "abc"}}', "kubelet has no sha256"),
        ('{"kubernetes_version": "1.20.2", "images": [{"archive": "../x.tar"}]}', "outside the bundle"),
    ],
)
def test_a_manifest_that_is_none_is_refused_by_name(manifest: "str | None", words: str) -> None:
    with pytest.raises(BundleError, match=words):
        parse_manifest(manifest, "/opt/kubernetes-bundle/bundle.json")
