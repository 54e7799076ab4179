"""Module helm_release with real Helm 3 and 4 on a real API server, which has no controllers: no Job of a hook ever ends here."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import json
import pathlib
import re
import shlex
import signal
import subprocess
import threading
import time
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl
from real_helm import MAJORS, RealHelm, complete_job, program

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: tried\nversion: VERSION\n",
    "values.yaml": "given: 1\nremoved: 1\nhook: ''\n",
    "values.schema.json": json.dumps({"properties": {"adminPassword": {"type": "string", "pattern": "^[\\s\\S]{8,}$"}}}),
    "templates/all.yaml": """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data:
  values: {{ .Values | toJson | quote }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: {{ .Release.Name }}}
webhooks:
  - name: tried.example.org
    clientConfig: {url: "https://192.0.2.1/", caBundle: ""}
    admissionReviewVersions: [v1]
    sideEffects: None
    failurePolicy: Ignore
{{- if .Values.hook }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}
  annotations: {helm.sh/hook: {{ .Values.hook }}}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: hook, image: registry.example.org/hook}]
{{- end }}
""",
}


class Charts:
    """The chart in several versions, as archives and in a repository on this machine."""

    def __init__(self, helm: pathlib.Path, folder: pathlib.Path) -> None:
        self.folder = folder
        for version in ("1.0.0", "1.1.0"):
            for name, text in CHART.items():
                path = folder / ("source-" + version) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text.replace("VERSION", version))
            subprocess.run([helm, "package", folder / ("source-" + version), "--destination", folder], check=True)
        handler = functools.partial(Silent, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.repository = "http://127.0.0.1:%d" % self.server.server_port
        subprocess.run([helm, "repo", "index", folder, "--url", self.repository], check=True)

    def archive(self, version: str = "1.0.0") -> pathlib.Path:
        return self.folder / ("tried-%s.tgz" % version)

    def digest(self, version: str = "1.0.0") -> str:
        return hashlib.sha256(self.archive(version).read_bytes()).hexdigest()


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: Any) -> None:
        """Silent."""


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Charts]:
    made = Charts(program(MAJORS[0]), tmp_path_factory.mktemp("charts"))
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(params=MAJORS, ids="helm{}".format)
def helm(request: pytest.FixtureRequest, cluster: Any, capsys: pytest.CaptureFixture[str]) -> RealHelm:
    return RealHelm(str(program(request.param)), cluster.kubeconfig, capsys)


@pytest.fixture
def wanted(request: pytest.FixtureRequest, charts: Charts, kubectl: Kubectl) -> Dict[str, Any]:
    """The options of a release of its own."""
    name = "r" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:8]
    kubectl.checked("x", ["create", "namespace", name])
    return {"name": name, "namespace": name, "chart": str(charts.archive()), "version": "1.0.0", "values": {"given": 2}}


def values_in_the_cluster(kubectl: Kubectl, wanted: Dict[str, Any]) -> Any:
    """All values, as the chart's template got them."""
    found = kubectl.object("x", "configmap", wanted["name"], "--namespace", wanted["namespace"])
    return json.loads(found["data"]["values"])


def status(helm: RealHelm, wanted: Dict[str, Any]) -> str:
    done = subprocess.run(
        helm.argv("status", wanted["name"], "--namespace", wanted["namespace"], "--output", "json"),
        capture_output=True,
        text=True,
        check=False,
    )
    return str(json.loads(done.stdout)["info"]["status"]) if done.returncode == 0 else ""


def wait_for(helm: RealHelm, wanted: Dict[str, Any], state: str) -> None:
    for _try in range(240):
        if status(helm, wanted) == state:
            return
        time.sleep(0.25)
    raise AssertionError("%s is %s, not %s" % (wanted["name"], status(helm, wanted), state))


@contextlib.contextmanager
def begun(helm: RealHelm, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Helm itself at a change that does not end by itself."""
    process = subprocess.Popen(helm.argv(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def upgrade(wanted: Dict[str, Any], *more: str) -> Tuple[str, ...]:
    return ("upgrade", "--install", wanted["name"], wanted["chart"], "--namespace", wanted["namespace"], *more)


def remedy_of(answer: Dict[str, Any]) -> List[str]:
    """The command that the module's words name."""
    found = re.search("`([^`]+)`", answer["remedy"])
    assert found, answer["remedy"]
    return shlex.split(found.group(1))


def run_kubectl(cluster: Any, words: List[str]) -> None:
    assert words[0] == "kubectl"
    subprocess.run([cluster.kubectl, "--kubeconfig", cluster.kubeconfig, *words[1:]], check=True, capture_output=True)


# --- what is wanted ---


def test_check_mode_says_what_would_be_installed_and_installs_nothing(helm: RealHelm, wanted: Dict[str, Any]) -> None:
    answer = helm.release(check=True, **wanted)
    assert answer["changed"] and answer["reasons"] == ["not installed"]
    assert status(helm, wanted) == ""


def test_a_second_run_changes_nothing_and_every_difference_is_brought_about(
    helm: RealHelm, wanted: Dict[str, Any], charts: Charts, kubectl: Kubectl
) -> None:
    assert helm.changes(**wanted) and not helm.changes(**wanted)
    assert values_in_the_cluster(kubectl, wanted)["given"] == 2
    wanted["values"] = {"given": 3}
    assert helm.release(check=True, **wanted)["reasons"] == ["values differ"]
    assert values_in_the_cluster(kubectl, wanted)["given"] == 2
    assert helm.changes(**wanted) and not helm.changes(**wanted)
    assert values_in_the_cluster(kubectl, wanted)["given"] == 3
    wanted.update(chart=str(charts.archive("1.1.0")), version="1.1.0")
    assert helm.release(check=True, **wanted)["reasons"] == ["chart tried-1.0.0, wanted version 1.1.0"]
    assert helm.changes(**wanted) and not helm.changes(**wanted)
    wanted["values"] = {}
    assert helm.changes(**wanted) and not helm.changes(**wanted)
    assert values_in_the_cluster(kubectl, wanted)["given"] == 1, "no values at all are the chart's own, not those of last time"


VALUES = {
    "given": None,
    "removed": None,
    "int": 1,
    "zero": 0,
    "negative": -7,
    "million": 10_000_000,
    "beyond_floating": 9_007_199_254_740_993,
    "fraction": 0.25,
    "small": 1e-7,
    "truth": True,
    "text": "1",
    "word": "yes",
    "date": "2026-01-01",
    "octal": "0755",
    "empty": {},
    "nothing": [],
    "blank": "",
    "lines": "a\n  b\n\n",
    "line_separators": "a\u0085b\u2028c\ufeffd\x7f",
    "beyond_the_plane": "\U0001f600 é ß",
    "template": "{{ .Values.x }} $x %s",
    "markup": "<a href=\"x\">&amp;</a> \\ '",
    "nested": {"a": {"b": {"c": None, "d": [1, "1", None, {"e": False}, []]}}, "with.dots": 1, "with/slash": 2},
}


def test_values_of_every_kind_come_back_as_they_are(helm: RealHelm, wanted: Dict[str, Any], kubectl: Kubectl) -> None:
    wanted["values"] = VALUES
    assert helm.changes(**wanted) and not helm.changes(**wanted)
    got = values_in_the_cluster(kubectl, wanted)
    assert "given" not in got and "removed" not in got, "null takes a value of the chart's away"
    for name in sorted(set(VALUES) - {"given", "removed", "nested", "beyond_floating"}):
        assert got[name] == VALUES[name], name
    wanted["values"] = dict(VALUES, truth=1, int=True)
    assert helm.changes(**wanted) and not helm.changes(**wanted), "true is not 1"
    assert values_in_the_cluster(kubectl, wanted)["int"] is True


def test_a_chart_is_fetched_from_a_repository_and_held_to_its_checksum_and_version(
    helm: RealHelm, wanted: Dict[str, Any], charts: Charts
) -> None:
    wanted.update(chart="tried", repository=charts.repository, sha256="0" * 64)
    answer = helm.release(**wanted)
    assert answer["failed"] and "its SHA-256 is %s, not 000" % charts.digest() in answer["msg"] and status(helm, wanted) == ""
    answer = helm.release(**dict(wanted, version="1.0", sha256=""))
    assert answer["failed"] and "its version is 1.0.0, not 1.0" in answer["msg"] and status(helm, wanted) == ""
    wanted["sha256"] = charts.digest().upper()
    assert helm.changes(**wanted) and not helm.changes(**wanted)
    assert helm.changes(**dict(wanted, version="1.1.0", sha256="")) and not helm.changes(**dict(wanted, version="1.1.0"))
    answer = helm.release(**dict(wanted, version="7.0.0"))
    assert answer["failed"] and "7.0.0" in answer["msg"] and status(helm, wanted) == "deployed"


def test_an_archive_is_held_to_its_checksum_and_version(helm: RealHelm, wanted: Dict[str, Any], charts: Charts) -> None:
    answer = helm.release(**dict(wanted, sha256=charts.digest("1.1.0")))
    assert answer["failed"] and "SHA-256" in answer["msg"] and status(helm, wanted) == ""
    answer = helm.release(**dict(wanted, chart=str(charts.archive("1.1.0"))))
    assert answer["failed"] and "its version is 1.1.0, not 1.0.0" in answer["msg"] and status(helm, wanted) == ""
    assert helm.changes(**dict(wanted, sha256=charts.digest()))


def test_what_a_controller_has_filled_is_no_conflict(helm: RealHelm, wanted: Dict[str, Any], kubectl: Kubectl) -> None:
    assert helm.changes(**wanted)
    patch = json.dumps([{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "Zm9v"}])
    resource = ["validatingwebhookconfiguration", wanted["name"]]
    kubectl.checked("x", ["patch", *resource, "--type=json", "--patch", patch, "--field-manager=controller"])
    assert not helm.changes(**wanted)
    # The chart's own, empty, is put in its place, as Helm 3 always did, and its controller fills it again.
    assert helm.changes(**dict(wanted, values={"given": 5}))
    assert values_in_the_cluster(kubectl, wanted)["given"] == 5


def test_one_major_goes_on_with_what_the_other_installed(helm: RealHelm, wanted: Dict[str, Any]) -> None:
    other = helm._replace(program=str(program(next(major for major in MAJORS if str(program(major)) != helm.program))))
    assert helm.changes(**wanted) and not other.changes(**wanted)
    assert other.changes(**dict(wanted, values={})) and not helm.changes(**dict(wanted, values={}))


def test_no_secret_among_the_values_is_in_any_answer(helm: RealHelm, wanted: Dict[str, Any]) -> None:
    first, second = "hunter2 with \"quotes\"\nand lines", "correct horse"
    wanted["values"] = {"adminPassword": first, "receivers": [{"slack": {"apiToken": second}}], "existingSecret": "shown"}
    answers = [helm.release(check=True, **wanted), helm.release(**wanted)]
    answers.append(helm.release(**dict(wanted, values={"adminPassword": "another one"})))
    # Helm's words name the value that the chart's schema refuses.
    answers.append(helm.release(**dict(wanted, values={"adminPassword": "short"})))
    assert [answer.get("failed", False) for answer in answers] == [False, False, False, True]
    for answer in answers:
        text = json.dumps(answer)
        for secret in ("hunter2", "and lines", second, "another one", "short"):
            assert secret not in text, secret
    assert "shown" in answers[0]["diff"]["after"]


# --- what was cut off ---


def test_a_first_installation_that_was_killed_is_named_with_a_way_out_that_works(
    helm: RealHelm, wanted: Dict[str, Any], cluster: Any, kubectl: Kubectl
) -> None:
    with begun(helm, *upgrade(wanted, "--set", "hook=post-install")):
        wait_for(helm, wanted, "pending-install")
        # The hook runs when all else is there.
        until_job(kubectl, wanted)
    answer = helm.release(**wanted)
    assert answer["failed"] and "its state is pending-install: another helm works on it, or one was killed" in answer["msg"]
    run_kubectl(cluster, remedy_of(answer))
    assert helm.changes(**wanted) and not helm.changes(**wanted)
    assert values_in_the_cluster(kubectl, wanted)["given"] == 2


def test_an_upgrade_that_was_killed_is_named_with_a_way_out_that_works(
    helm: RealHelm, wanted: Dict[str, Any], cluster: Any, kubectl: Kubectl
) -> None:
    assert helm.changes(**wanted)
    with begun(helm, *upgrade(wanted, "--set", "hook=pre-upgrade")):
        wait_for(helm, wanted, "pending-upgrade")
    answer = helm.release(check=True, **wanted)
    assert answer["failed"] and "pending-upgrade" in answer["msg"]
    run_kubectl(cluster, remedy_of(answer))
    assert not helm.changes(**wanted), "what was there before the upgrade is what is wanted"
    assert helm.changes(**dict(wanted, values={"given": 4})) and values_in_the_cluster(kubectl, wanted)["given"] == 4


def test_a_rollback_that_was_killed_is_named_with_a_way_out_that_works(
    helm: RealHelm, wanted: Dict[str, Any], cluster: Any, kubectl: Kubectl
) -> None:
    hooked = dict(wanted, values={"hook": "pre-rollback"})
    assert helm.changes(**hooked) and helm.changes(**wanted)
    with begun(helm, "rollback", wanted["name"], "1", "--namespace", wanted["namespace"]):
        wait_for(helm, wanted, "pending-rollback")
    answer = helm.release(**wanted)
    assert answer["failed"] and "pending-rollback" in answer["msg"]
    run_kubectl(cluster, remedy_of(answer))
    helm.changes(**wanted)
    assert not helm.changes(**wanted) and values_in_the_cluster(kubectl, wanted)["given"] == 2


def test_an_uninstallation_that_was_killed_is_named_with_a_way_out_that_works(
    helm: RealHelm, wanted: Dict[str, Any], kubectl: Kubectl
) -> None:
    assert helm.changes(**dict(wanted, values={"hook": "pre-delete"}))
    with begun(helm, "uninstall", wanted["name"], "--namespace", wanted["namespace"]):
        wait_for(helm, wanted, "uninstalling")
        until_job(kubectl, wanted)
    answer = helm.release(**wanted)
    assert answer["failed"] and "uninstalling" in answer["msg"]
    words = remedy_of(answer)
    assert words[0] == "helm"
    kubectl.checked("x", ["delete", "job", wanted["name"], "--namespace", wanted["namespace"]])
    with begun(helm, *words[1:]) as process:
        complete_job(kubectl, until_job(kubectl, wanted))
        assert process.wait(timeout=60) == 0
    assert helm.changes(**wanted) and not helm.changes(**wanted)


def until_job(kubectl: Kubectl, wanted: Dict[str, Any]) -> Dict[str, Any]:
    for _try in range(240):
        job = kubectl.object("x", "job", wanted["name"], "--namespace", wanted["namespace"], "--ignore-not-found")
        if job:
            return job
        time.sleep(0.25)
    raise AssertionError("the hook does not run")


def test_what_fails_or_takes_too_long_is_mended_by_the_next_run(
    helm: RealHelm, wanted: Dict[str, Any], kubectl: Kubectl
) -> None:
    hooked = dict(wanted, values={"hook": "pre-install"}, timeout=2)
    answer = helm.release(**hooked)
    assert answer["failed"] and "pre-install" in answer["msg"]
    assert status(helm, wanted) == "failed"
    assert "its state is failed" in helm.release(check=True, **wanted)["reasons"]
    assert helm.changes(**wanted) and not helm.changes(**wanted)
    answer = helm.release(**dict(wanted, values={"hook": "pre-upgrade"}, timeout=2))
    assert answer["failed"] and status(helm, wanted) == "failed"
    assert helm.changes(**wanted) and not helm.changes(**wanted)
    assert values_in_the_cluster(kubectl, wanted)["given"] == 2


def test_a_helm_that_is_told_to_end_leaves_nothing_pending(helm: RealHelm, wanted: Dict[str, Any], kubectl: Kubectl) -> None:
    with begun(helm, *upgrade(wanted, "--set", "hook=pre-install")) as process:
        until_job(kubectl, wanted)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    assert status(helm, wanted) == "failed"
    assert helm.changes(**wanted) and not helm.changes(**wanted)


def test_a_release_that_was_uninstalled_and_kept_in_mind_is_installed_again(helm: RealHelm, wanted: Dict[str, Any]) -> None:
    assert helm.changes(**wanted)
    helm.run("uninstall", wanted["name"], "--namespace", wanted["namespace"], "--keep-history")
    assert helm.release(check=True, **wanted)["reasons"] == ["its state is uninstalled"]
    assert helm.changes(**wanted) and not helm.changes(**wanted)
