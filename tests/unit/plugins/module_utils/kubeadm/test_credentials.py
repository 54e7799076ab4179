"""Join credentials from a kubeadm whose answers are recorded (1.20.2, in the lab)."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm import credentials
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.operation import KubeadmError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from fakes import FakeRunner

TOKEN = "abcdef.0123456789abcdef"
KEY = "0123456789abcdef" * 4
CREATE = ("kubeadm", "token", "create", "--kubeconfig", "/etc/kubernetes/admin.conf", "--ttl", "30m", "--description")
LIST = ("kubeadm", "token", "list", "--kubeconfig", "/etc/kubernetes/admin.conf")
DELETE = ("kubeadm", "token", "delete", "--kubeconfig", "/etc/kubernetes/admin.conf")

CLUSTER = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n"


@pytest.fixture(name="marker", autouse=True)
def _marker(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    path = tmp_path / "run" / "join-token"
    monkeypatch.setattr(credentials, "JOIN_TOKEN_MARKER", str(path))
    return path


class Kubeadm(FakeRunner):
    """Answers by the first words, since one argument is a temporary file's name."""

    def run(self, argv: Any, timeout: Any = None, stdin: Any = None, env: Any = None) -> Result:
        if argv[:2] == ["kubeadm", "init"]:
            self.calls.append(tuple(argv))
            with open(argv[-1], encoding="utf-8") as stream:
                text = stream.read()
                # Docker and containerd side by side: kubeadm refuses to choose, although it asks neither.
                assert text.startswith(CLUSTER) and text.endswith("  criSocket: unix:///run/containerd/containerd.sock\n")
            return Result(0, "[upload-certs] Using certificate key:\n%s\n" % KEY, "")
        if argv[0] == "kubectl":
            return Result(0, CLUSTER, "")
        return super().run(argv, timeout, stdin, env)


def test_a_token_alone_uploads_nothing() -> None:
    runner = Kubeadm(commands={CREATE + ("baremetal.kubernetes join",): "W1121 warning\n%s\n" % TOKEN})
    assert credentials.create(runner, "kubeadm", "30m", upload_certificates=False) == (TOKEN, None)
    assert len(runner.calls) == 1


def test_uploaded_certificates_use_the_clusters_own_configuration_and_no_secret_is_an_argument() -> None:
    runner = Kubeadm(commands={CREATE + ("baremetal.kubernetes join",): TOKEN + "\n"})
    assert credentials.create(runner, "kubeadm", "30m", upload_certificates=True) == (TOKEN, KEY)
    assert not any(TOKEN in word or KEY in word for call in runner.calls for word in call)


def test_a_control_plane_that_does_not_answer_is_an_error_without_secrets() -> None:
    refused = Result(1, "", "timed out waiting, token %s" % TOKEN)
    runner = Kubeadm(commands={CREATE + ("baremetal.kubernetes join",): refused})
    with pytest.raises(KubeadmError, match="timed out waiting") as caught:
        credentials.create(runner, "kubeadm", "30m", upload_certificates=False)
    assert TOKEN not in str(caught.value)


OURS = """\
TOKEN                     TTL   EXPIRES                USAGES                   DESCRIPTION                       EXTRA GROUPS
4cmsp8.328jrcfl1444g7sf   1h    2026-11-21T17:17:58Z   <none>                   Proxy for managing TTL            <none>
abcdef.0123456789abcdef   16m   2026-11-21T15:47:58Z   authentication,signing   baremetal.kubernetes join         system:x
mine00.0123456789abcdef   15m   2026-11-21T15:47:04Z   authentication,signing   mine                              system:x
killed.0123456789abcdef   15m   2026-11-21T15:47:04Z   authentication,signing   baremetal.kubernetes join         system:x
"""


def test_every_token_of_ours_is_revoked_by_its_public_half_and_no_other(marker: pathlib.Path) -> None:
    marker.parent.mkdir()
    marker.touch()
    delete = Result(0, "bootstrap tokens deleted", "")
    runner = Kubeadm(commands={LIST: OURS, DELETE + ("abcdef", "killed"): delete})
    assert credentials.revoke(runner, "kubeadm") == ["abcdef", "killed"]
    assert not marker.exists()
    assert credentials.revoke(Kubeadm(commands={LIST: ""}), "kubeadm") == []


@pytest.mark.parametrize("commands", [{}, {LIST: OURS}], ids=["no list", "no deletion"])
def test_tokens_that_can_not_be_revoked_stay_known(marker: pathlib.Path, commands: Any) -> None:
    marker.parent.mkdir()
    marker.touch()
    with pytest.raises(KubeadmError):
        credentials.revoke(Kubeadm(commands=commands), "kubeadm")
    assert marker.exists()


def test_a_token_is_known_of_before_it_is_made(marker: pathlib.Path) -> None:
    with pytest.raises(KubeadmError):
        credentials.create(Kubeadm(commands={}), "kubeadm", "30m", upload_certificates=False)
    assert marker.exists()
