"""Join credentials from a kubeadm whose answers are recorded (1.20.2, in the lab)."""

from __future__ import annotations

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
DELETE = ("kubeadm", "token", "delete", "--kubeconfig", "/etc/kubernetes/admin.conf", "abcdef")


class Kubeadm(FakeRunner):
    """Answers by the first words, since one argument is a temporary file's name."""

    def run(self, argv: Any, timeout: Any = None, stdin: Any = None, env: Any = None) -> Result:
        if argv[:2] == ["kubeadm", "init"]:
            self.calls.append(tuple(argv))
            with open(argv[-1], encoding="utf-8") as stream:
                assert stream.read() == "kind: ClusterConfiguration\n"
            return Result(0, "[upload-certs] Using certificate key:\n%s\n" % KEY, "")
        if argv[0] == "kubectl":
            return Result(0, "kind: ClusterConfiguration\n", "")
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


def test_a_token_is_revoked_by_its_public_half_and_only_if_it_is_there() -> None:
    listed = "TOKEN     TTL  EXPIRES\n%s   23h  2026-11-22\n" % TOKEN
    assert credentials.revoke(Kubeadm(commands={LIST: listed, DELETE: "bootstrap token \"abcdef\" deleted"}), "kubeadm", TOKEN)
    assert not credentials.revoke(Kubeadm(commands={LIST: "TOKEN TTL\n"}), "kubeadm", TOKEN)
