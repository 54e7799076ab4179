"""A rotation of the CAs: what is asked for, how far a host is, and what the cluster's objects say of it."""

from __future__ import annotations

import base64
import json
import pathlib
import subprocess
from typing import Any, Dict, List, Sequence

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates import authorities
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.authorities import (
    PHASES,
    Host,
    Pair,
    Pem,
    contents,
    described,
    hold,
    later,
    make,
    reached,
    read_set,
    with_ca,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.components import Restarter
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.errors import CertificateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.rotation import Host as Seen
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.rotation import plan_rotation
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.trust import Shared
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from ansible_collections.baremetal.kubernetes.plugins.module_utils.x509 import pem_blocks
from fakes import FakeRunner

OLD_ID, NEW_ID = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def block(text: str) -> str:
    return "-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n" % base64.b64encode(text.encode()).decode()


OLD, NEW = block("old"), block("new")
PEM = Pem(OLD, NEW)


def cluster(*ids: Sequence[str], replaced: str = "", has_new: str = "") -> List[Seen]:
    """Three control planes and a worker."""
    names = ("cp1", "cp2", "cp3", "worker1")
    return [
        Seen(name, one, replaced if name.startswith("cp") else "", name == has_new, name.startswith("cp"))
        for name, one in zip(names, ids)
    ]


def test_nothing_is_rotated_that_nobody_has_named_and_the_report_says_what_to_name() -> None:
    plan = plan_rotation(cluster(*[[OLD_ID]] * 4), "", "", "cp1")
    assert plan.groups == {} and OLD_ID in plan.lines[0]


@pytest.mark.parametrize("value", ["true", "yes", OLD_ID[:20], "a" * 64])
def test_what_names_no_ca_is_refused_with_the_name_to_write(value: str) -> None:
    with pytest.raises(CertificateError, match="name the CA that is to be replaced: " + OLD_ID):
        plan_rotation(cluster(*[[OLD_ID]] * 4), value, "", "cp1")


def test_every_host_has_a_part_in_each_phase() -> None:
    groups = plan_rotation(cluster(*[[OLD_ID]] * 4), OLD_ID, "", "cp2").groups
    assert groups["plan_rotate_first"] == ["cp2"]
    for phase in PHASES:
        assert groups["plan_rotate_%s_control_planes" % phase] == ["cp1", "cp2", "cp3"]
        kubelets = ["cp1", "cp2", "cp3"] if phase == "signed" else []
        assert groups["plan_rotate_%s_hosts" % phase] == kubelets + ["worker1"]
    assert groups["plan_rotate_end"] == ["cp1", "cp2", "cp3"]


def test_a_rotation_stops_where_it_is_told_to() -> None:
    groups = plan_rotation(cluster(*[[OLD_ID]] * 4), OLD_ID, "trusted", "cp1").groups
    assert {name for name in groups if "_hosts" in name} == {"plan_rotate_trusted_hosts"}
    assert "plan_rotate_end" not in groups and "plan_rotate_signed_token" not in groups


def test_one_that_did_not_end_goes_on_from_the_host_that_has_the_new_set() -> None:
    hosts = cluster([OLD_ID], [OLD_ID, NEW_ID], [OLD_ID], [OLD_ID], replaced=OLD_ID, has_new="cp2")
    assert plan_rotation(hosts, OLD_ID, "", "cp1").groups["plan_rotate_first"] == ["cp2"]
    assert "-e certificates_rotate_ca=%s goes on" % OLD_ID in plan_rotation(hosts, "", "", "cp1").lines[0]
    with pytest.raises(CertificateError, match="has not ended"):
        plan_rotation(hosts, NEW_ID, "", "cp1")


def test_one_that_has_ended_is_not_begun_again_by_the_same_words() -> None:
    plan = plan_rotation(cluster(*[[NEW_ID]] * 4), OLD_ID, "", "cp1")
    assert plan.groups == {} and "its rotation has ended" in plan.lines[0]


def test_a_worker_that_was_left_behind_is_fetched() -> None:
    assert plan_rotation(cluster([NEW_ID], [NEW_ID], [NEW_ID], [NEW_ID, OLD_ID]), OLD_ID, "", "cp1").groups


def test_the_first_of_two_cas_is_the_one_that_kubeadm_signs_with() -> None:
    old = {"ca": Pair(OLD, "old key"), "sa": Pair("old public", "old private")}
    new = {"ca": Pair(NEW, "new key"), "sa": Pair("new public", "new private")}
    pki = "/etc/kubernetes/pki/"
    trusted, signed, alone = (contents(phase, old, new) for phase in PHASES)
    assert (trusted[pki + "ca.crt"], trusted[pki + "ca.key"]) == (OLD + NEW, "old key")
    assert (signed[pki + "ca.crt"], signed[pki + "ca.key"]) == (NEW + OLD, "new key")
    assert (alone[pki + "ca.crt"], alone[pki + "ca.key"]) == (NEW, "new key")
    assert trusted[pki + "sa.pub"] == "old public\nnew public\n" and alone[pki + "sa.pub"] == "new public\n"


def test_how_far_a_host_is_its_own_ca_file_says() -> None:
    assert [reached(text, PEM) for text in (OLD, OLD + NEW, NEW + OLD, NEW)] == ["", "trusted", "signed", "alone"]
    with pytest.raises(CertificateError, match="neither"):
        reached(block("another"), PEM)


def test_no_host_is_taken_back() -> None:
    assert later("trusted", "signed") == later("signed", "trusted") == "signed"
    assert later("trusted", "") == "trusted"


def test_kubeadm_makes_the_new_cas_as_the_cluster_has_them_in_another_folder() -> None:
    stored = "apiVersion: kubeadm.k8s.io/v1beta4\ncertificatesDir: /etc/kubernetes/pki\nencryptionAlgorithm: ECDSA-P256\n"
    text = described(stored + "kind: ClusterConfiguration\n", "/somewhere", {"advertise-address": "10.0.0.1"})
    assert "certificatesDir: /somewhere" in text and "/etc/kubernetes/pki" not in text
    assert text.count("apiVersion: kubeadm.k8s.io/v1beta4") == 2 and "ECDSA-P256" in text and "10.0.0.1" in text


def test_a_kubeconfig_trusts_both_and_is_else_as_it_was() -> None:
    text = "clusters:\n- cluster:\n    certificate-authority-data: b2xk\n    server: https://a:1\n"
    changed = with_ca(text, OLD + NEW)
    assert base64.b64encode((OLD + NEW).encode()).decode() in changed
    assert changed.replace(base64.b64encode((OLD + NEW).encode()).decode(), "b2xk") == text


# --- a host's files, for real --------------------------------------------------------------------------------------------------


class FilesRunner(FakeRunner):
    """A host whose files are real ones."""

    def __init__(self, root: pathlib.Path) -> None:
        super().__init__()
        self.root = root

    def read(self, path: str) -> Any:
        found = self.root / path.lstrip("/")
        return found.read_text() if found.is_file() else None

    def exists(self, path: str) -> bool:
        return (self.root / path.lstrip("/")).exists()

    def list_dir(self, path: str) -> List[str]:
        found = self.root / path.lstrip("/")
        return sorted(one.name for one in found.iterdir()) if found.is_dir() else []


@pytest.fixture(name="pki")
def _pki(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A control plane's folder, to which the module's paths lead."""
    folder = tmp_path / "pki"
    folder.mkdir()
    for name, value in (("PKI", folder), ("ROTATION", folder / "rotation")):
        monkeypatch.setattr(authorities, name, str(value))
    monkeypatch.setattr(authorities, "OLD", str(folder / "rotation" / "old"))
    monkeypatch.setattr(authorities, "NEW", str(folder / "rotation" / "new"))
    (folder / "ca.crt").write_text(OLD)
    (folder / "ca.key").write_text("old key")
    return folder


def test_both_sets_are_kept_once_and_a_host_at_its_end_keeps_none(pki: pathlib.Path) -> None:
    runner, new = FilesRunner(pathlib.Path("/")), {"ca": Pair(NEW, "new key")}
    assert hold(runner, new) is True and hold(runner, new) is False
    assert read_set(runner, str(pki / "rotation" / "old")) == {"ca": Pair(OLD, "old key")}
    assert (pki / "rotation" / "new" / "ca.key").stat().st_mode & 0o077 == 0
    (pki / "ca.crt").write_text(NEW)
    (pki / "ca.key").write_text("new key")
    assert hold(runner, new) is False


def test_another_new_set_than_the_others_have_is_refused(pki: pathlib.Path) -> None:
    runner = FilesRunner(pathlib.Path("/"))
    hold(runner, {"ca": Pair(NEW, "new key")})
    with pytest.raises(CertificateError, match="another new set"):
        hold(runner, {"ca": Pair(block("third"), "third key")})


def test_an_authority_whose_key_is_elsewhere_is_refused_by_name(pki: pathlib.Path) -> None:
    with pytest.raises(CertificateError, match="front-proxy-ca.key"):
        hold(FilesRunner(pathlib.Path("/")), {"ca": Pair(NEW, "new key"), "front-proxy-ca": Pair(NEW, "key")})


def test_a_load_balancer_trusts_both_then_the_new_one_and_is_not_taken_back(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "kubernetes-ca.crt"
    copy.write_text(OLD)
    monkeypatch.setattr(authorities, "COPIES", (str(copy),))
    monkeypatch.setattr(authorities, "CA_FILE", str(tmp_path / "ca.crt"))
    monkeypatch.setattr(authorities, "MANIFESTS", str(tmp_path))
    runner = FilesRunner(pathlib.Path("/"))
    seen = []
    for phase in ("trusted", "trusted", "signed", "trusted", "alone", "signed"):
        done = Host(runner, PEM, Restarter(runner, [], 1)).take_to(phase)
        seen.append((bool(done), pem_blocks(copy.read_text())))
    both = [pem_blocks(OLD + NEW), pem_blocks(NEW + OLD), pem_blocks(NEW)]
    assert seen == [(True, both[0]), (False, both[0]), (True, both[1]), (False, both[1]), (True, both[2]), (False, both[2])]


# --- the cluster's objects -----------------------------------------------------------------------------------------------------


def token(kid: str) -> str:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "RS256", "kid": kid}).encode()).decode().rstrip("=")
    return base64.b64encode((header + ".payload.signature").encode()).decode()


class Api:
    """kubectl's objects, in which the controller manager follows every patch at once."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self.ill: List[str] = []
        self.namespace = "kube-system"
        self.patched: List[str] = []
        self.bundle = OLD + NEW
        named = {"name": "default-token", "namespace": "default"}
        self.secret: Dict[str, Any] = {"metadata": named, "data": {"token": token("old"), "ca.crt": ""}}
        self.template: Dict[str, Any] = {"metadata": {}}

    def objects(self, resource: str, *arguments: str) -> List[Dict[str, Any]]:
        if resource == "secrets":
            self.secret["data"]["ca.crt"] = base64.b64encode(self.bundle.encode()).decode()
            return [self.secret]
        if resource == "deployments":
            metadata = {"name": "coredns", "namespace": self.namespace}
            return [{"metadata": metadata, "spec": {"template": self.template, "strategy": {"type": "RollingUpdate"}}}]
        if resource == "configmaps" and "--all-namespaces" in arguments:
            return [{"metadata": {"name": "kube-root-ca.crt", "namespace": "default"}, "data": {"ca.crt": self.bundle}}]
        return []

    def run(self, argv: Sequence[str], **_more: Any) -> Result:
        assert argv[:2] == ["rollout", "status"]
        return Result(1 if self.namespace_of(argv) in self.ill else 0, "", "timed out waiting for the condition")

    @staticmethod
    def namespace_of(argv: Sequence[str]) -> str:
        return argv[list(argv).index("--namespace") + 1]

    def checked(self, subject: str, argv: Sequence[str], **_more: Any) -> str:
        if argv[0] == "patch":
            self.patched.append(subject)
            patch = json.loads(argv[-1])
            if "data" in patch:
                assert patch == {"data": {"token": None}}
                self.secret["data"]["token"] = token(self.kid)
            else:
                self.template["metadata"].update(patch["spec"]["template"]["metadata"])
        return ""


@pytest.fixture(name="real", scope="module")
def _real(tmp_path_factory: pytest.TempPathFactory) -> "Dict[str, str]":
    """A CA of openssl's and the public key of service accounts, and what tokens call that key."""
    folder = tmp_path_factory.mktemp("real")

    def openssl(*argv: str) -> bytes:
        return subprocess.run(["openssl", *argv], cwd=folder, check=True, capture_output=True).stdout

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "ca", "-subj", "/CN=kubernetes")
    public = openssl("pkey", "-in", "key", "-pubout").decode()
    digest = subprocess.run(
        ["openssl", "dgst", "-sha256", "-binary"],
        input=openssl("pkey", "-in", "key", "-pubout", "-outform", "DER"),
        capture_output=True,
    ).stdout
    return {
        "ca": (folder / "ca").read_text(),
        "pub": public,
        "kid": base64.urlsafe_b64encode(digest).decode().rstrip("="),
    }


def shared(api: Api, real: Dict[str, str]) -> Shared:
    runner = FakeRunner(files={"/etc/kubernetes/pki/sa.pub": real["pub"]})

    def sleep(seconds: float) -> None:
        runner._now += seconds

    return Shared(runner, api, Pem(OLD, real["ca"]), [], 4, sleep)  # type: ignore[arg-type]


def test_tokens_of_the_old_key_are_signed_anew_and_pods_started_once_a_phase(real: Dict[str, str]) -> None:
    api = Api(real["kid"])
    api.bundle = OLD + real["ca"]
    assert shared(api, real).take_to("trusted") == ["kube-system/coredns: new pods"]
    assert shared(api, real).take_to("trusted") == []
    assert shared(api, real).take_to("signed") == ["secret default/default-token: a new token", "kube-system/coredns: new pods"]
    assert shared(api, real).take_to("signed") == []


@pytest.mark.parametrize("damaged", ["no base64", base64.b64encode(b"no token").decode(), "/w=="])
def test_a_token_that_somebody_has_damaged_is_made_anew_like_an_old_one(real: Dict[str, str], damaged: str) -> None:
    api = Api(real["kid"])
    api.bundle = OLD + real["ca"]
    api.secret["data"]["token"] = damaged
    assert "secret default/default-token: a new token" in shared(api, real).take_to("signed")
    assert api.secret["data"]["token"] == token(real["kid"])


def test_a_run_that_ended_while_the_old_ca_went_goes_on_without_going_back(real: Dict[str, str]) -> None:
    # Some control planes are alone with the new one: whose controller manager leads then has taken the old one away everywhere.
    api = Api(real["kid"])
    api.bundle = OLD + real["ca"]
    shared(api, real).take_to("signed")
    api.bundle, done = real["ca"], len(api.patched)
    asked = shared(api, real)
    asked.runner.files["/etc/kubernetes/pki/ca.crt"] = real["ca"] + OLD  # type: ignore[attr-defined]
    assert asked.take_to("trusted") == asked.take_to("signed") == [] and len(api.patched) == done
    asked.runner.files["/etc/kubernetes/pki/ca.crt"] = real["ca"]  # type: ignore[attr-defined]
    assert asked.take_to("signed") == [] and len(api.patched) == done


def test_what_the_controller_manager_has_not_brought_is_named(real: Dict[str, str]) -> None:
    api = Api(real["kid"])
    with pytest.raises(CertificateError, match="kube-root-ca.crt of namespace default has other CAs"):
        shared(api, real).take_to("trusted")
    assert api.patched == []


def test_a_users_workload_that_is_ill_is_named_and_one_of_the_systems_ends_the_run(real: Dict[str, str]) -> None:
    api = Api(real["kid"])
    api.bundle, api.ill, api.namespace = OLD + real["ca"], ["shop", "kube-system"], "shop"
    asked = shared(api, real)
    asked.take_to("trusted")
    assert asked.left_alone() == ["shop/deployments/coredns"]
    api.namespace = "kube-system"
    with pytest.raises(CertificateError, match="timed out waiting"):
        shared(api, real).take_to("signed")


def test_check_mode_tells_and_touches_nothing(real: Dict[str, str]) -> None:
    api = Api(real["kid"])
    assert shared(api, real).take_to("signed", only_look=True)
    assert api.patched == []


class Kubeadm(FilesRunner):
    """kubeadm before 1.31, which makes the service accounts' key by a folder's name only."""

    def run(self, argv: Sequence[str], *_more: Any, **_options: Any) -> Result:
        self.calls.append(tuple(argv))
        if argv[4] == "sa" and "--config" in argv:
            return Result(1, "", "unknown flag: --config\n")
        folder = argv[-1] if argv[4] == "sa" else pathlib.Path(argv[-1]).read_text().split("certificatesDir: ")[1].split()[0]
        for path, content in (("ca.crt", NEW), ("ca.key", "new key")) if argv[4] == "ca" else (("sa.pub", "p"), ("sa.key", "k")):
            (pathlib.Path(folder) / path).write_text(content)
        return Result(0, "", "")


def test_the_new_set_appears_whole_or_not_at_all(pki: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (pki / "sa.pub").write_text("old public")
    (pki / "sa.key").write_text("old private")
    (pki / "kube-apiserver.yaml").write_text("    - --advertise-address=10.0.0.1\n")
    monkeypatch.setattr(authorities, "MANIFESTS", str(pki))
    runner = Kubeadm(pathlib.Path("/"))
    make(runner, "apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterConfiguration\n")
    assert read_set(runner, str(pki / "rotation" / "new")) == {"ca": Pair(NEW, "new key"), "sa": Pair("p", "k")}
    assert [path.name for path in (pki / "rotation").iterdir()] == ["new"]
    calls = len(runner.calls)
    make(runner, "")
    assert len(runner.calls) == calls, "a second call made another set"
