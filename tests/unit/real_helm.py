"""Real Helm 3 and Helm 4 from Go's module proxy, and module helm_release run with them."""

from __future__ import annotations

import contextlib
import json
import pathlib
import subprocess
import sys
import threading
from typing import Any, Dict, Iterator, List, NamedTuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, KubernetesError
from ansible_collections.baremetal.kubernetes.plugins.modules import helm_release
from conftest import ROOT
from module_arguments import patch_module_args

sys.path.insert(0, str(ROOT / "tests" / "lab"))
import products
from host import LabError

MAJORS = (3, 4)


class RealHelm(NamedTuple):
    """A program of Helm, and the API server that it speaks to."""

    program: str
    kubeconfig: str
    capsys: pytest.CaptureFixture[str]

    def argv(self, *arguments: str) -> List[str]:
        return [self.program, "--kubeconfig", self.kubeconfig, *arguments]

    def run(self, *arguments: str) -> str:
        """What Helm itself prints."""
        done = subprocess.run(self.argv(*arguments), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def release(self, check: bool = False, **options: Any) -> Dict[str, Any]:
        """What module helm_release answers."""
        given = {"kubeconfig": self.kubeconfig, "helm_path": self.program, **options}
        self.capsys.readouterr()
        with patch_module_args({**given, "_ansible_check_mode": check, "_ansible_diff": True}), pytest.raises(SystemExit):
            helm_release.main()
        answer: Dict[str, Any] = json.loads(self.capsys.readouterr().out)
        return answer

    def changes(self, **options: Any) -> bool:
        """Whether the module changed something; it fails the test where the module fails."""
        answer = self.release(**options)
        assert not answer.get("failed"), answer["msg"]
        return bool(answer["changed"])


def program(major: int) -> pathlib.Path:
    """Built at the first time, in some minutes."""
    try:
        return products.helm(major)
    except LabError as error:
        pytest.skip(str(error))


def complete_job(kubectl: Kubectl, job: Dict[str, Any]) -> None:
    """As its controller would."""
    now = job["metadata"]["creationTimestamp"]
    conditions = [{"type": word, "status": "True", "lastTransitionTime": now} for word in ("SuccessCriteriaMet", "Complete")]
    job["status"] = {"succeeded": 1, "startTime": now, "completionTime": now, "conditions": conditions}
    path = "/apis/batch/v1/namespaces/%s/jobs/%s/status" % (job["metadata"]["namespace"], job["metadata"]["name"])
    kubectl.checked("x", ["replace", "--raw", path, "--filename=-"], stdin=json.dumps(job))


@contextlib.contextmanager
def completed_jobs(kubectl: Kubectl) -> Iterator[None]:
    """While it lasts every Job ends well, as those of charts' hooks would in a cluster."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            try:
                for job in kubectl.objects("jobs", "--all-namespaces"):
                    if not job.get("status", {}).get("conditions"):
                        complete_job(kubectl, job)
            except KubernetesError:
                # Helm has changed or removed it meanwhile.
                continue

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
