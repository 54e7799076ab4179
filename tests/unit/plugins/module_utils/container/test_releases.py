from __future__ import annotations

import re
from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.releases import (
    ARCHIVES,
    PROGRAMS,
    SHA256,
    ReleaseError,
    crio_version,
    release_files,
)


def test_every_release_in_the_table_has_both_architectures_and_a_whole_checksum() -> None:
    assert {program for program, _version, _architecture in SHA256} == set(ARCHIVES)
    for program, version, architecture in SHA256:
        assert {(program, version, "amd64"), (program, version, "arm64")} <= set(SHA256)
        assert re.fullmatch("[0-9a-f]{64}", SHA256[program, version, architecture])
    assert len(set(SHA256.values())) == len(SHA256)


@pytest.mark.parametrize("runtime", PROGRAMS)
@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_every_runtime_has_a_release_without_a_word_of_the_user(runtime: str, architecture: str) -> None:
    for one in release_files(runtime, architecture, "1.36", {}):
        assert one["url"].startswith("https://") and one["version"] in one["url"] and architecture in one["url"]
        assert re.fullmatch("sha256:[0-9a-f]{64}", one["checksum"])


def test_cri_o_goes_by_the_minor_of_kubernetes() -> None:
    assert (crio_version("1.34"), crio_version("1.3")) == ("1.34.11", "")
    with pytest.raises(ReleaseError, match=r"no release of it for Kubernetes 1\.30"):
        release_files("crio", "amd64", "1.30", {})


def test_a_release_of_the_users_own_needs_its_checksum_and_may_lie_on_the_node() -> None:
    own = {"containerd": {"version": "v9.9.9"}}
    with pytest.raises(
        ReleaseError, match=r"container_runtime_releases\.containerd: the checksum of 9\.9\.9 for amd64 is not known"
    ):
        release_files("containerd", "amd64", "1.36", own)
    own["containerd"].update(sha256="file:///opt/releases/SHA256SUMS", url="file:///opt/releases/containerd-{version}.tar.gz")
    found = release_files("containerd", "amd64", "1.36", own)[0]
    assert found["url"] == "file:///opt/releases/containerd-9.9.9.tar.gz"
    assert found["checksum"] == "sha256:file:///opt/releases/SHA256SUMS"


@pytest.mark.parametrize(("given", "words"), [({"podman": {}}, "no such program"), ({"runc": {"sha512": "x"}}, "no key sha512")])
def test_unknown_words_are_refused(given: Dict[str, Any], words: str) -> None:
    with pytest.raises(ReleaseError, match=words):
        release_files("containerd", "amd64", "1.36", given)
