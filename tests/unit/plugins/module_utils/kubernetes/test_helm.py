from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, List, Tuple

import pytest
import yaml
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.helm import (
    Helm,
    Release,
    WantedRelease,
    apply_release,
    plan_release,
    read_release,
    secrets,
    values_file,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, KubernetesError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from fakes import FakeRunner

WANTED = WantedRelease("cilium", "kube-system", "cilium", "https://helm.cilium.io/", "1.20.1", "", {"MTU": 1400})
DEPLOYED = Release("deployed", "cilium-1.20.1", {"MTU": 1400})
STATES = ("--deployed", "--failed", "--pending", "--superseded", "--uninstalled", "--uninstalling")
LIST = ("helm", "list", *STATES, "--namespace", "kube-system", "--filter", "^cilium$", "--output", "json")
VALUES = ("helm", "get", "values", "cilium", "--namespace", "kube-system", "--output", "json")
MKTEMP = ("mktemp", "--directory")
CLEAN = ("rm", "-r", "-f", "--", "/tmp/x")
VERSION = ("helm", "version", "--template", "{{.Version}}")
DIGEST = hashlib.sha256(b"chart").hexdigest()
CHART = "apiVersion: v2\nname: cilium\nversion: 1.20.1\nappVersion: 1.20.1\n"


def pull(chart: str, folder: str) -> Tuple[str, ...]:
    return ("helm", "pull", chart, "--version", "1.20.1", "--repo", "https://helm.cilium.io/", "--destination", folder)


def upgrade(archive: str, *more: str) -> Tuple[str, ...]:
    argv = ["timeout", "--kill-after=60", "40", "helm", "upgrade", "--install", "cilium", archive, "--namespace", "kube-system"]
    return (*argv, "--values", "-", "--reset-values", *more, "--timeout", "10s")


def applied(runner: FakeRunner, wanted: WantedRelease) -> List[Tuple[str, ...]]:
    apply_release(Helm(runner), Kubectl(runner), wanted, 10)
    return list(runner.calls)


def helm(commands: Dict[Tuple[str, ...], Any], files: "Dict[str, Any] | None" = None) -> Helm:
    return Helm(FakeRunner(files=files or {}, commands=commands))


def test_a_release_as_wanted_is_left_alone() -> None:
    answers = {LIST: '[{"name":"cilium","status":"deployed","chart":"cilium-1.20.1"},{"name":"x"}]', VALUES: '{"MTU":1400}'}
    assert plan_release(WANTED, read_release(helm(answers), WANTED)) == []


def test_no_release_is_to_be_installed() -> None:
    assert plan_release(WANTED, read_release(helm({LIST: "[]"}), WANTED)) == ["not installed"]


def test_every_difference_is_named() -> None:
    reasons = plan_release(WANTED, Release("failed", "cilium-1.19.6", {}))
    assert reasons == ["its state is failed", "chart cilium-1.19.6, wanted version 1.20.1", "values differ"]


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "pending-rollback"])
def test_a_release_that_a_killed_helm_left_pending_is_named_with_the_way_out(status: str) -> None:
    with pytest.raises(KubernetesError, match="selector owner=helm,name=cilium,status=%s`" % status):
        plan_release(WANTED, DEPLOYED._replace(status=status))


def test_what_was_being_uninstalled_is_to_be_uninstalled_to_its_end() -> None:
    with pytest.raises(KubernetesError, match="`helm uninstall cilium --namespace kube-system`"):
        plan_release(WANTED, DEPLOYED._replace(status="uninstalling"))


def test_a_chart_with_another_checksum_is_not_installed() -> None:
    runner = FakeRunner(files={"/c/cilium.tgz": "chart"}, commands={MKTEMP: "/tmp/x\n", CLEAN: ""})
    with pytest.raises(KubernetesError, match="SHA-256"):
        applied(runner, WANTED._replace(chart="/c/cilium.tgz", sha256="0" * 64))
    assert runner.calls == [MKTEMP, CLEAN]


@pytest.mark.parametrize(("version", "more"), [("v3.22.0", ()), ("v4.3", ("--server-side=false",))])
def test_a_pulled_chart_is_checked_and_then_installed_from_its_archive_in_the_same_way_by_both_majors(
    version: str, more: Tuple[str, ...]
) -> None:
    show, change = ("helm", "show", "chart", "/tmp/x/chart/c.tgz"), upgrade("/tmp/x/chart/c.tgz", *more)
    commands: Dict[Tuple[str, ...], Any] = {MKTEMP: "/tmp/x\n", ("mkdir", "/tmp/x/chart"): "", pull("cilium", "/tmp/x/chart"): ""}
    commands.update({show: CHART, VERSION: version, change: "", CLEAN: ""})
    runner = FakeRunner(files={"/tmp/x/chart/c.tgz": "chart"}, commands=commands)
    assert applied(runner, WANTED._replace(sha256=DIGEST))[-2:] == [change, CLEAN]


def test_a_chart_of_another_version_than_every_later_run_would_look_for_is_not_installed() -> None:
    show = ("helm", "show", "chart", "/c/cilium.tgz")
    runner = FakeRunner(files={"/c/cilium.tgz": "chart"}, commands={MKTEMP: "/tmp/x\n", show: CHART, CLEAN: ""})
    with pytest.raises(KubernetesError, match="its version is 1.20.1, not v1.20.1. What to do: write that version"):
        applied(runner, WANTED._replace(chart="/c/cilium.tgz", version="v1.20.1"))


def test_definitions_that_are_a_chart_of_their_own_are_there_before_the_release() -> None:
    show, change = [("helm", "show", "chart", path) for path in ("/c/cilium.tgz", "/c/crds.tgz")], upgrade("/c/cilium.tgz")
    template = ("helm", "template", "cilium", "/c/crds.tgz", "--namespace", "kube-system", "--include-crds")
    define = ("kubectl", "apply", "--server-side", "--force-conflicts", "--filename=-")
    wait = ("kubectl", "wait", "--for=condition=Established", "--timeout=60s", "--filename=-")
    commands: Dict[Tuple[str, ...], Any] = {MKTEMP: "/tmp/x\n", show[0]: CHART, show[1]: CHART, template: "kind: X\n"}
    commands.update({define: "", wait: "", VERSION: "v3.22.0", change: "", CLEAN: ""})
    runner = FakeRunner(files={"/c/cilium.tgz": "chart", "/c/crds.tgz": "chart"}, commands=commands)
    wanted = WANTED._replace(chart="/c/cilium.tgz", crds_chart="/c/crds.tgz")
    assert applied(runner, wanted)[-6:] == [template, define, wait, VERSION, change, CLEAN]
    with pytest.raises(KubernetesError, match="/c/crds.tgz: its SHA-256"):
        applied(runner, wanted._replace(crds_sha256="0" * 64))


def test_a_helm_that_does_not_end_is_named_with_the_last_that_it_said() -> None:
    show = ("helm", "show", "chart", "/c/cilium.tgz")
    late = Result(124, "", "beginning wait\nError: release cilium failed: context canceled\n")
    commands = {MKTEMP: "/tmp/x\n", show: CHART, VERSION: "v3.22.0", upgrade("/c/cilium.tgz"): late, CLEAN: ""}
    with pytest.raises(KubernetesError, match="did not end within 10 seconds; Error: release cilium failed: context canceled"):
        applied(FakeRunner(files={"/c/cilium.tgz": "chart"}, commands=commands), WANTED._replace(chart="/c/cilium.tgz"))


def test_without_helm_the_error_says_what_to_install() -> None:
    with pytest.raises(KubernetesError, match="install helm on this node"):
        read_release(helm({LIST: Result(127, "", "helm: not found")}), WANTED)


def test_values_are_compared_as_json() -> None:
    assert plan_release(WANTED._replace(values={"a": (1, 2)}), DEPLOYED._replace(values=json.loads('{"a": [1, 2]}'))) == []


@pytest.mark.parametrize(
    ("wanted", "current", "same"),
    [
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": 9_007_199_254_740_993}, {"a": 9_007_199_254_740_992}, True),
        ({"a": True}, {"a": 1}, False),
        ({"a": "1"}, {"a": 1}, False),
        ({"a": None}, {}, False),
        ({"a": {}}, {}, False),
    ],
)
def test_values_are_the_same_where_helm_could_not_tell_them_apart(wanted: Any, current: Any, same: bool) -> None:
    assert (plan_release(WANTED._replace(values=wanted), DEPLOYED._replace(values=current)) == []) is same


def test_the_file_of_values_is_yaml_as_well_as_json() -> None:
    values = {"a": "\x85\u2028\ufeff\x7f", "b": "\U0001f600 é \"\\"}
    text = values_file(values)
    assert json.loads(text) == values == yaml.safe_load(text)


def test_secrets_are_known_by_the_names_that_charts_give_them() -> None:
    values = {
        "grafana": {"adminPassword": "one", "adminUser": "shown"},
        "list": [{"token": "two"}, {"tokens": ["shown"]}],
        "apiKey": "three\n",
        "imagePullSecrets": [{"name": "shown"}],
        "existingSecret": "shown",
        "topologyKey": "shown",
        "secret": {"create": "shown"},
        "password": None,
    }
    assert secrets(values) == {"one", "two", "three\n", "three\\n"}
