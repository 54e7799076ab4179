"""What is done to a kubelet whose certificates are due."""

from __future__ import annotations

import json
import os
import pathlib
import stat
from typing import Any, Callable, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates import renew
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.errors import CertificateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.renew import (
    KubeletMender,
    bootstrap_kubeconfig,
    plan_kubelet,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from fakes import FakeRunner


def certificate(path: str, days_left: int) -> Dict[str, Any]:
    dates = {"not_before": "2026-01-01T00:00:00Z", "not_after": "2027-01-01T00:00:00Z"}
    return dict({"path": path, "subject": "", "days_left": days_left, "ca": False}, **dates)


class Kubelet(FakeRunner):
    """A host whose clock goes on, and whose kubelet does at its restart what the test says."""

    def __init__(self, at_restart: Callable[[], None]) -> None:
        super().__init__()
        self.at_restart = at_restart

    def run(self, argv: Any, timeout: Any = None, stdin: Any = None, env: Any = None) -> Result:
        assert list(argv) == ["systemctl", "restart", "kubelet"]
        self.at_restart()
        return Result(0, "", "")

    def sleep(self, seconds: float) -> None:
        self._now += seconds


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    client = tmp_path / "kubelet-client-current.pem"
    client.write_text("old")
    monkeypatch.setattr(renew, "CLIENT", str(client))
    monkeypatch.setattr(renew, "SERVING_FILES", (str(tmp_path / "kubelet.crt"), str(tmp_path / "kubelet.key")))
    monkeypatch.setattr(renew, "BOOTSTRAP", str(tmp_path / "bootstrap-kubelet.conf"))
    monkeypatch.setattr(renew, "kind_of", lambda path, ca, external: renew.KUBELET if path.endswith(".pem") else renew.SERVING)
    return tmp_path


def test_a_stuck_kubelet_asks_anew_with_a_token_that_is_gone_afterwards(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: List[Dict[str, Any]] = [certificate(renew.CLIENT, -1)]
    monkeypatch.setattr(renew, "read", lambda runner: list(found))
    seen: List[Any] = []

    def at_restart() -> None:
        path = folder / "bootstrap-kubelet.conf"
        seen.append((path.read_text(), stat.S_IMODE(os.stat(path).st_mode), os.path.exists(renew.CLIENT)))
        found[:] = [certificate(renew.CLIENT, 364)]

    host = Kubelet(at_restart)
    assert [step.text.partition(":")[0] for step in plan_kubelet(host, 30)] == ["client certificate"]
    KubeletMender(host, 30, "a token", 20, host.sleep).mend()
    assert seen == [("a token", 0o600, False)]
    assert (folder / "kubelet-client-current.pem.old").read_text() == "old"
    assert not (folder / "bootstrap-kubelet.conf").exists()
    assert plan_kubelet(host, 30) == []


def test_a_kubelet_that_gets_none_is_named_and_the_token_is_gone_too(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: List[Dict[str, Any]] = [certificate(renew.CLIENT, -1)]
    monkeypatch.setattr(renew, "read", lambda runner: list(found))
    host = Kubelet(found.clear)
    with pytest.raises(CertificateError, match="client certificate: after 20 s: the kubelet has no new one.*Pending"):
        KubeletMender(host, 30, "a token", 20, host.sleep).mend()
    assert not (folder / "bootstrap-kubelet.conf").exists()


def test_a_serving_certificate_of_its_own_is_made_anew_without_a_token(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("kubelet.crt", "kubelet.key"):
        (folder / name).write_text("old")
    found: List[Dict[str, Any]] = [certificate(renew.CLIENT, 300), certificate(renew.SERVING_FILES[0], 3)]
    monkeypatch.setattr(renew, "read", lambda runner: list(found))

    def at_restart() -> None:
        assert not (folder / "kubelet.crt").exists() and not (folder / "bootstrap-kubelet.conf").exists()
        found[1] = certificate(renew.SERVING_FILES[0], 364)

    host = Kubelet(at_restart)
    KubeletMender(host, 30, "a token", 20, host.sleep).mend()
    assert (folder / "kubelet-client-current.pem").read_text() == "old"


def test_the_bootstrap_kubeconfig_is_a_kubeconfig() -> None:
    data = json.loads(bootstrap_kubeconfig("10.0.0.100:8443", "PEM", "abcdef.0123456789abcdef"))
    assert data["clusters"][0]["cluster"]["server"] == "https://10.0.0.100:8443"
    assert data["users"][0]["user"]["token"] == "abcdef.0123456789abcdef"
