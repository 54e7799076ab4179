# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security settings as kubeadm's own terms, and what of them is refused."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.config import render
from ansible_collections.baremetal.kubernetes.plugins.module_utils.security.control_plane import differences
from ansible_collections.baremetal.kubernetes.plugins.module_utils.security.settings import problems, security_data

NOTHING: Dict[str, Any] = {
    "encryption": "none",
    "audit": False,
    "audit_rules": [],
    "kubelet_serving": False,
    "pod_security": "",
    "cis": False,
    "kubernetes_version": "1.36.3",
}
ALL = dict(NOTHING, encryption="secretbox", audit=True, kubelet_serving=True, pod_security="baseline", cis=True)


def test_without_a_setting_nothing_is_said_to_kubeadm() -> None:
    assert not any(security_data(NOTHING).values())


@pytest.mark.parametrize("version", ["1.24.17", "1.30.14", "1.36.3", "1.37.0"])
def test_kubeadm_of_every_age_takes_all_of_it(version: str) -> None:
    data = security_data(dict(ALL, kubernetes_version=version))
    made = render(
        version,
        ["init", "cluster", "kubelet"],
        {
            "cluster": {
                "api_server": {"extra_args": data["api_server"], "extra_volumes": data["volumes"]},
                "controller_manager": {"extra_args": data["controller_manager"]},
                "scheduler": {"extra_args": data["scheduler"]},
            },
            "kubelet": data["kubelet"],
        },
    )
    assert "serverTLSBootstrap: true" in made.text and "/etc/kubernetes/security/encryption.json" in made.text
    for file in data["files"]:
        # Each file that a flag names lies where the volume brings it.
        assert file["path"] in made.text and json.loads(file["content"])["kind"] in ("Policy", "AdmissionConfiguration")


def test_the_audit_log_has_no_content_of_a_request() -> None:
    rules = json.loads(security_data(dict(NOTHING, audit=True))["files"][0]["content"])["rules"]
    assert {rule["level"] for rule in rules} == {"None", "Metadata"}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"encryption": "aesgcm"}, "200,000 writes"),
        ({"encryption": "kms"}, "service of its own"),
        ({"encryption": "rot13"}, "no provider 'rot13'"),
        ({"audit_rules": [{"level": "Metadata"}]}, "no audit log"),
        ({"audit": True, "audit_rules": [{"verbs": ["get"]}]}, "has no level"),
        ({"pod_security": "strict"}, "no level 'strict'"),
        ({"pod_security": "baseline", "kubernetes_version": "1.20.2"}, "came with 1.23"),
        ({"cis": True}, "asks for an audit log"),
    ],
)
def test_what_would_not_work_is_refused_with_what_to_write(given: Dict[str, Any], says: str) -> None:
    (problem,) = problems(dict(NOTHING, **given))
    assert says in str(problem) and "What to do: " in str(problem)


def test_a_flag_of_ours_that_is_wanted_no_more_goes_and_a_users_stays() -> None:
    flags = {"audit-policy-file": "/x", "profiling": "true", "v": "2"}
    assert differences(flags, "kube-apiserver", {"kube-apiserver": {"profiling": False}}) == ["profiling", "-audit-policy-file"]
    assert differences(flags, "kube-apiserver", {"kube-apiserver": {"audit-policy-file": "/x", "profiling": True}}) == []
