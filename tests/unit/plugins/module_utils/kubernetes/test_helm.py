from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.helm import (
    Helm,
    Release,
    WantedRelease,
    apply_release,
    plan_release,
    read_release,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import KubernetesError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from fakes import FakeRunner

WANTED = WantedRelease("cilium", "kube-system", "cilium", "https://helm.cilium.io/", "1.20.1", "", {"MTU": 1400})
DEPLOYED = Release("deployed", "cilium-1.20.1", {"MTU": 1400})
LIST = ("helm", "list", "--all", "--namespace", "kube-system", "--filter", "^cilium$", "--output", "json")
VALUES = ("helm", "get", "values", "cilium", "--namespace", "kube-system", "--output", "json")


def helm(commands: Dict[Tuple[str, ...], Any], files: "Dict[str, Any] | None" = None) -> Helm:
    return Helm(FakeRunner(files=files or {}, commands=commands))


def test_a_release_as_wanted_is_left_alone() -> None:
    answers = {LIST: '[{"name":"cilium","status":"deployed","chart":"cilium-1.20.1"}]', VALUES: '{"MTU":1400}'}
    assert plan_release(WANTED, read_release(helm(answers), WANTED)) == []


def test_no_release_is_to_be_installed() -> None:
    assert plan_release(WANTED, read_release(helm({LIST: "[]"}), WANTED)) == ["not installed"]


def test_every_difference_is_named() -> None:
    reasons = plan_release(WANTED, Release("failed", "cilium-1.19.6", {}))
    assert reasons == ["its state is failed", "chart cilium-1.19.6, wanted version 1.20.1", "values differ"]


def test_a_release_that_a_killed_helm_left_pending_is_named_with_the_way_out() -> None:
    with pytest.raises(KubernetesError, match="helm rollback cilium"):
        plan_release(WANTED, DEPLOYED._replace(status="pending-upgrade"))


def test_a_chart_with_another_checksum_is_not_installed() -> None:
    runner = FakeRunner(files={"/c/cilium.tgz": "chart"})
    with pytest.raises(KubernetesError, match="SHA-256"):
        apply_release(Helm(runner), WANTED._replace(chart="/c/cilium.tgz", sha256="0" * 64), 10)
    assert runner.calls == []


def test_a_pulled_chart_is_checked_and_then_installed_from_its_archive() -> None:
    digest = hashlib.sha256(b"chart").hexdigest()
    pull = ("helm", "pull", "cilium", "--version", "1.20.1", "--repo", "https://helm.cilium.io/", "--destination", "/tmp/x")
    upgrade = ("helm", "upgrade", "--install", "cilium", "/tmp/x/c.tgz", "--namespace", "kube-system", "--values", "-")
    runner = FakeRunner(
        files={"/tmp/x/c.tgz": "chart"},
        commands={("mktemp", "--directory"): "/tmp/x\n", pull: "", upgrade: "", ("rm", "-r", "-f", "--", "/tmp/x"): ""},
    )
    apply_release(Helm(runner), WANTED._replace(sha256=digest), 10)
    assert runner.calls[-2:] == [upgrade, ("rm", "-r", "-f", "--", "/tmp/x")]


def test_without_helm_the_error_says_what_to_install() -> None:
    with pytest.raises(KubernetesError, match="install helm on this node"):
        read_release(helm({LIST: Result(127, "", "helm: not found")}), WANTED)


def test_values_are_compared_as_json() -> None:
    assert plan_release(WANTED._replace(values={"a": (1, 2)}), DEPLOYED._replace(values=json.loads('{"a": [1, 2]}'))) == []
