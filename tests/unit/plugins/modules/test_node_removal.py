# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's answers: everything that is wrong at once, what would be done, and what was done."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from ansible_collections.baremetal.kubernetes.plugins.modules import node_removal
from module_arguments import patch_module_args
from removal_data import FakeCluster

Run = Callable[..., Dict[str, Any]]


@pytest.fixture(name="cluster")
def fixture_cluster() -> FakeCluster:
    made = FakeCluster()
    made.kill("worker2")
    return made


@pytest.fixture(name="run")
def fixture_run(cluster: FakeCluster, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the module as Ansible does, with external etcd; gives its answer."""
    monkeypatch.setattr(node_removal, "HostRunner", lambda: cluster)

    def run(state: str, *names: str, check: bool = False, **more: Any) -> Dict[str, Any]:
        options = {"state": state, "nodes": [{"name": name} for name in names], "stacked_etcd": False, "dead_timeout": 0, **more}
        capsys.readouterr()
        with patch_module_args({**options, "_ansible_check_mode": check, "_ansible_diff": True}), pytest.raises(SystemExit):
            node_removal.main()
        answer: Dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return run


def test_all_that_is_wrong_is_one_failure(run: Run) -> None:
    answer = run("checked", "worker1", "nobody")
    assert answer["failed"] and len(answer["errors"]) == 2
    assert "2 problems found, all listed here; nothing was changed." in answer["msg"]
    assert "1. remove_nodes: worker1 is not dead" in answer["msg"] and "neither the cluster nor the inventory" in answer["msg"]


def test_a_check_says_what_the_next_steps_do_and_is_no_change(run: Run) -> None:
    answer = run("checked", "worker2")
    assert not answer["changed"]
    assert answer["steps"] == ["worker2: delete its Node object and its lease", "worker2: delete what is left of its pods"]


def test_a_removal_is_a_change_once_and_shows_its_lines(run: Run, cluster: FakeCluster) -> None:
    assert run("absent", "worker2", check=True)["changed"]
    assert "worker2" in cluster.nodes
    answer = run("absent", "worker2")
    assert answer["changed"] and "delete its Node object" in answer["diff"]["after"]
    assert "worker2" not in cluster.nodes
    assert not run("absent", "worker2")["changed"]


def test_the_named_api_server_is_asked(run: Run, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(cluster, "run", lambda argv, *rest, **more: seen.append(argv[1:3]) or FakeCluster.run(cluster, argv[2:]))
    run("checked", "worker2", server="https://10.0.0.12:6443")
    assert seen and all(words == ["--server", "https://10.0.0.12:6443"] for words in seen)


def test_an_api_that_refuses_is_told_with_its_remedy(run: Run, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = Result(1, "", "Unable to connect to the server: dial tcp 10.0.0.12:6443: connect: no route to host")
    monkeypatch.setattr(cluster, "run", lambda *_words, **_more: silent)
    answer = run("absent", "worker2")
    assert answer["failed"] and answer["subject"] == "kubectl get nodes" and answer["remedy"]
