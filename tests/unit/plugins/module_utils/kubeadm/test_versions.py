# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version table against the fact sheet's: MK is minikube's generated list, SR-1.NN the release notes."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import (
    SUPPORTED_MINORS,
    Version,
    VersionError,
    release,
    supported,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize("text", ["1.28.7", "v1.28.7", " 1.28.7 "])
def test_a_full_version_is_read_with_and_without_its_v(text):
    assert Version.parse(text) == Version(1, 28, 7)
    assert Version.parse(text).tag == "v1.28.7"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1.28", "names a minor"),
        (1.28, "names a minor"),
        ("stable-1", "looked up on the internet"),
        ("stable", "looked up on the internet"),
        ("latest", "looked up on the internet"),
        ("ci/latest", "looked up on the internet"),
        ("2.0.0", "no Kubernetes version"),
        ("", "no Kubernetes version"),
        (None, "no Kubernetes version"),
    ],
)
def test_what_is_no_full_version_is_refused_with_what_to_write(text, words):
    with pytest.raises(VersionError) as refused:
        Version.parse(text)
    assert words in str(refused.value)
    assert "Write a full version in quotes" in str(refused.value)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=12))
def test_no_text_breaks_the_parser(text):
    try:
        assert release(text).version.minor
    except VersionError as error:
        assert error.remedy


#: MK and facts section 1.1 (SR-1.22, SR-1.31): version, API, etcd, CoreDNS, pause, repository.
ROWS = [
    ("1.20.2", "v1beta2", "3.4.13-0", "1.7.0", "3.2", "k8s.gcr.io"),
    ("1.24.0", "v1beta3", "3.5.3-0", "v1.8.6", "3.7", "k8s.gcr.io"),
    ("1.24.8", "v1beta3", "3.5.5-0", "v1.8.6", "3.7", "k8s.gcr.io"),
    ("1.25.5", "v1beta3", "3.5.6-0", "v1.9.3", "3.8", "registry.k8s.io"),
    ("1.26.13", "v1beta3", "3.5.10-0", "v1.9.3", "3.9", "registry.k8s.io"),
    ("1.27.12", "v1beta3", "3.5.12-0", "v1.10.1", "3.9", "registry.k8s.io"),
    ("1.28.5", "v1beta3", "3.5.9-0", "v1.10.1", "3.9", "registry.k8s.io"),
    ("1.28.7", "v1beta3", "3.5.10-0", "v1.10.1", "3.9", "registry.k8s.io"),
    ("1.29.11", "v1beta3", "3.5.16-0", "v1.11.1", "3.9", "registry.k8s.io"),
    ("1.30.4", "v1beta3", "3.5.12-0", "v1.11.1", "3.9", "registry.k8s.io"),
    ("1.30.5", "v1beta3", "3.5.15-0", "v1.11.3", "3.9", "registry.k8s.io"),
    ("1.31.0", "v1beta4", "3.5.15-0", "v1.11.1", "3.10", "registry.k8s.io"),
    ("1.31.14", "v1beta4", "3.5.24-0", "v1.11.3", "3.10", "registry.k8s.io"),
    ("1.32.9", "v1beta4", "3.5.16-0", "v1.11.3", "3.10", "registry.k8s.io"),
    ("1.33.6", "v1beta4", "3.5.24-0", "v1.12.0", "3.10", "registry.k8s.io"),
    ("1.34.1", "v1beta4", "3.6.4-0", "v1.12.1", "3.10.1", "registry.k8s.io"),
    ("1.35.7", "v1beta4", "3.6.6-0", "v1.13.1", "3.10.1", "registry.k8s.io"),
    ("1.36.3", "v1beta4", "3.6.8-0", "v1.14.2", "3.10.2", "registry.k8s.io"),
    ("1.37.0-rc.0", "v1beta4", "3.7.0-0", "v1.14.6", "3.10.2", "registry.k8s.io"),
]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_each_version_has_the_images_that_kubeadm_lists(row):
    facts = release(row[0])
    found = (facts.kubeadm_api, facts.etcd_tag, facts.coredns_tag, facts.pause_tag, facts.default_image_repository)
    assert found == row[1:]


def test_every_supported_minor_has_a_row_and_its_own_api_is_readable():
    assert (20,) + tuple(range(24, 38)) == SUPPORTED_MINORS
    for minor in SUPPORTED_MINORS:
        facts = release("1.%d.0" % minor)
        assert supported(facts.version)
        assert facts.kubeadm_api in facts.readable_apis


@pytest.mark.parametrize(
    ("version", "apis"),
    [("1.26.0", ("v1beta2", "v1beta3")), ("1.30.2", ("v1beta3",)), ("1.36.3", ("v1beta3", "v1beta4")), ("1.37.0", ("v1beta4",))],
)
def test_the_apis_end_where_the_release_notes_say(version, apis):
    """SR-1.27 (v1beta2 removed), SR-1.31 #125029 (v1beta4 usable), SR-1.37 #136016 (v1beta3 removed)."""
    assert release(version).readable_apis == apis


def test_the_images_of_1_20_2_are_those_that_the_real_binary_printed():
    assert sorted(release("1.20.2").images()) == [
        "k8s.gcr.io/coredns:1.7.0",
        "k8s.gcr.io/etcd:3.4.13-0",
        "k8s.gcr.io/kube-apiserver:v1.20.2",
        "k8s.gcr.io/kube-controller-manager:v1.20.2",
        "k8s.gcr.io/kube-proxy:v1.20.2",
        "k8s.gcr.io/kube-scheduler:v1.20.2",
        "k8s.gcr.io/pause:3.2",
    ]


def test_coredns_has_its_sub_path_only_in_the_default_repository():
    """K8S cmd/kubeadm/app/images/images.go, trap 36."""
    facts = release("1.28.7")
    assert facts.coredns_image() == "registry.k8s.io/coredns/coredns:v1.10.1"
    assert facts.coredns_image("192.168.6.164:5000/well-known") == "192.168.6.164:5000/well-known/coredns:v1.10.1"
    assert facts.coredns_image("a/b", "c/d", "v9") == "c/d/coredns:v9"


def test_upgrades_go_one_minor_at_a_time_and_never_back():
    """WEB releases/version-skew-policy."""
    assert release("1.28.7").upgrade_problem(release("1.29.0")) is None
    assert "1.29, 1.30, one after another" in str(release("1.28.7").upgrade_problem(release("1.30.0")))
    assert "never goes back" in str(release("1.28.7").upgrade_problem(release("1.28.6")))


def test_modes_of_kube_proxy_come_and_go():
    """SR-1.26 #112133, section 1.4."""
    assert release("1.28.0").proxy_mode_removed_in("userspace") == "1.26"
    assert release("1.28.0").proxy_mode_added_in("nftables") == "1.29"
    assert release("1.35.0").proxy_modes_deprecated == ("ipvs",)


def test_an_unknown_minor_is_refused_with_those_that_are_known():
    with pytest.raises(VersionError, match="1.20 and 1.24 to 1.37"):
        release("1.99.0")
