"""A member of external etcd that is a static pod: it is read, and stopped for a restore, as what it is."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.member import read_member
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.restore import stop
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import (
    KUBELET_UNIT,
    MANIFEST,
    SETTINGS,
    Peer,
    Tuning,
    environment_text,
    settings_of,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from fakes import FakeRunner

FLAGS = settings_of(Peer("etcd1", "10.0.0.31"), "/var/lib/etcd", Tuning(100, 1000), [], {})
FILES = {
    SETTINGS: environment_text(FLAGS),
    MANIFEST: "spec:\n  containers:\n  - image: registry.k8s.io/etcd:3.6.8-0\n    command: [etcd]\n",
    KUBELET_UNIT: "[Service]\n",
}


def test_its_certificates_are_its_own_and_its_image_the_manifests() -> None:
    member = read_member(FakeRunner(FILES))
    assert member is not None
    assert (member.name, member.endpoint, member.image) == ("etcd1", "https://127.0.0.1:2379", "registry.k8s.io/etcd:3.6.8-0")
    assert member.certificates.ca == "/etc/etcd/pki/ca.crt"


@pytest.mark.parametrize(("files", "unit"), [(FILES, "kubelet"), ({SETTINGS: "x"}, "etcd")])
def test_a_restore_stops_what_keeps_it_running(files: "dict[str, str]", unit: str) -> None:
    runner = FakeRunner(files, {("systemctl", "stop", unit): Result(0, "", "")})
    assert stop(runner, lambda seconds: None) == ["stop etcd"]
    assert [call for call in runner.calls if call[0] == "systemctl"] == [("systemctl", "stop", unit)]
