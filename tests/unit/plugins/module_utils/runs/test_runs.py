"""What is kept of a run and what is said of it, without Ansible."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runs.history import LINES, Past, keep, page_path, parse, read
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runs.page import page
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runs.record import (
    BAD,
    CHANGED,
    ENDED_EARLY,
    FAILED,
    HIDDEN,
    OK,
    SUCCEEDED,
    UNREACHABLE,
    Run,
    Wait,
    message_of,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runs.words import (
    duration,
    harmless,
    next_steps,
    plan_lines,
    slowest_tasks,
    summary_lines,
    waiting_lines,
)

NOTHING = Past("", "stacked_ha", ["inventory"])


def run_of(outcome: str = SUCCEEDED, playbook: str = "stacked_ha", seconds: float = 60.0, **more: Any) -> Run:
    run = Run(playbook, ["inventory"], 1000.0, **more)
    run.play("a", "Prepare", 1000.0)
    run.task("t", "Do it", 1000.0)
    run.result("t", "cp1", CHANGED, 1010.0)
    run.result("t", "cp2", OK if outcome == SUCCEEDED else BAD, 1000.0 + seconds, "it broke")
    run.close(outcome, 1000.0 + seconds, set())
    return run


def test_a_host_that_did_not_answer_is_brought_back_first() -> None:
    run = Run("single", ["inventory"], 1000.0)
    run.play("a", "Prepare", 1000.0)
    run.task("t", "Do it", 1000.0)
    run.result("t", "w1", UNREACHABLE, 1010.0, "Connection timed out")
    run.close(FAILED, 1010.0, set())
    first, again, _diagnose = next_steps(run, ["inventory"], "", True)
    assert first.startswith("bring back w1, which did not answer") and again.startswith("the same command again")
    assert next_steps(run_of(FAILED), ["inventory"], "", True)[0] == again


def entry(**changes: Any) -> str:
    phases = [{"name": "Prepare", "seconds": 40.0, "hosts": 2}, {"name": "Prepare", "seconds": 5.0, "hosts": 1}]
    made: Dict[str, Any] = {
        "playbook": "stacked_ha",
        "inventory": ["inventory"],
        "begin": 1.0,
        "seconds": 90.0,
        "check": False,
        "partial": False,
        "outcome": SUCCEEDED,
        "phases": phases,
    }
    return json.dumps({**made, **changes}) + "\n"


def test_batches_of_a_play_are_one_phase_and_a_task_takes_as_long_as_all_of_them() -> None:
    run = Run("site", [], 0.0)
    for begin, host in ((0.0, "cp1"), (10.0, "cp2")):
        run.play("a", "Join", begin)
        run.task("t", "Join it", begin + 1)
        run.result("t", host, CHANGED, begin + 5)
    run.play("b", "Nobody's", 20.0)
    run.close(SUCCEEDED, 21.0, set())
    assert [(phase.name, phase.seconds, list(phase.hosts), phase.changed) for phase in run.worked] == [
        ("Join", 20.0, ["cp1", "cp2"], 2)
    ]
    assert slowest_tasks(run.worked) == "Join it 8.0 s"


def test_of_a_host_that_went_on_no_failure_is_told_and_of_another_the_last() -> None:
    run = Run("site", [], 0.0)
    run.play("a", "Join", 0.0)
    for task, host, outcome in (("1", "cp1", BAD), ("1", "cp2", BAD), ("2", "cp2", BAD), ("2", "cp3", UNREACHABLE)):
        run.task(task, "task " + task, 1.0)
        run.result(task, host, outcome, 2.0, "why")
    run.close(FAILED, 3.0, {"cp1"})
    assert [(failure.host, failure.task) for failure in run.failures] == [("cp2", "task 2"), ("cp3", "task 2")]
    assert (run.phases[0].failed, run.phases[0].unreachable) == ({"cp2"}, {"cp3"})


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"msg": "it broke"}, "it broke"),
        ({"msg": "non-zero return code", "stderr": "no such file\n"}, "no such file"),
        ({"msg": "non-zero return code", "rc": 1}, "non-zero return code"),
        ({"msg": "All items completed", "results": [{"msg": "fine"}, {"failed": True, "msg": "bad"}]}, "bad"),
        ({"censored": "hidden", "msg": "secret"}, HIDDEN),
        ({"_ansible_no_log": True, "msg": "secret"}, HIDDEN),
        ({"msg": "one failed", "results": [{"failed": True, "_ansible_no_log": True, "msg": "secret"}]}, HIDDEN),
        ({}, "no reason was given"),
    ],
)
def test_a_failures_words_are_its_own_and_nothing_that_is_hidden(result: Dict[str, Any], message: str) -> None:
    assert message_of(result) == message


def test_only_a_whole_real_successful_run_of_the_same_playbook_and_inventory_is_compared_with() -> None:
    others = [{"check": True}, {"partial": True}, {"outcome": FAILED}, {"playbook": "join"}, {"inventory": ["other"]}]
    text = entry(seconds=80.0) + "".join(entry(seconds=1.0, **other) for other in others) + '{"seconds": 2\n[]\n'
    past = Past(text, "stacked_ha", ["inventory"])
    assert past.seconds == 80.0
    assert len(parse(text)) == 6


def test_a_phases_time_is_that_of_the_last_run_which_had_it() -> None:
    text = entry() + entry(phases=[{"name": "Prepare", "seconds": 30.0, "hosts": 2}])
    past = Past(text, "stacked_ha", ["inventory"])
    assert past.times(["Prepare", "Join", "Prepare"]) == [30.0, None, 5.0]


def test_the_history_is_cut_pages_are_let_go_and_none_is_written_over(tmp_path: pathlib.Path) -> None:
    (tmp_path / "history.jsonl").write_text(entry() * (LINES + 5))
    (tmp_path / "notes.html").write_text("a person's")
    run = run_of()
    for number in range(4):
        path = page_path(str(tmp_path), run)
        assert not os.path.exists(path)
        keep(str(tmp_path), run, path, "page %d \udcff" % number, 2)
    assert len(parse(read(str(tmp_path)))) == LINES
    kept = sorted(path.name for path in tmp_path.glob("*.html"))
    assert len(kept) == 3 and "notes.html" in kept


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.96, "10 s"), (59.7, "1 min 0 s"), (3599.6, "1 h 0 min"), (7260, "2 h 1 min")]
)
def test_a_time_is_said_as_people_say_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_terminal_obeys_nothing_of_a_message() -> None:
    assert harmless("a\x1b[2Jb\rc\x9bd\te") == "a?[2Jb?c?d\te"


def steps(run: Run, ours: bool = True, kubeconfig: str = "") -> str:
    return "\n".join(next_steps(run, ["my inventory"], kubeconfig, ours))


def test_a_run_without_a_host_did_not_succeed_at_anything() -> None:
    run = Run("metallb", ["inventory"], 1000.0)
    run.play("a", "Bring addresses", 1000.0)
    run.close(SUCCEEDED, 1000.0, set())
    assert summary_lines(run, NOTHING, [])[0] == "metallb did nothing; 0 hosts, nothing changed"
    assert steps(run).startswith("the playbook of your topology (single, stacked_ha") and not steps(run, ours=False)
    assert "metallb did nothing" in page(run, NOTHING, NOTHING, [])


def test_what_comes_next_depends_on_how_it_ended() -> None:
    built = run_of(plan={"playbook": "stacked_ha"})
    assert steps(built, kubeconfig="/x/kube config").splitlines() == [
        "kubectl --kubeconfig '/x/kube config' get nodes",
        "ansible-playbook -i 'my inventory' baremetal.kubernetes.verify",
        "ansible-playbook -i 'my inventory' baremetal.kubernetes.backup",
    ]
    assert "kubectl" not in steps(built)
    assert "baremetal.kubernetes.diagnose" in steps(run_of(FAILED))
    assert steps(run_of(FAILED, refused=True)).startswith("set right what is listed above")
    assert steps(run_of(ENDED_EARLY)).startswith("the same command again")
    assert steps(run_of(check=True, plan={"playbook": "stacked_ha"})) == "the same command without --check"
    planned = run_of(playbook="preflight", plan={"playbook": "join", "phases": [{"name": "Join", "hosts": ["cp2"]}]})
    assert steps(planned) == "ansible-playbook -i 'my inventory' baremetal.kubernetes.join"
    # Of other people's playbooks nothing is known.
    assert [steps(run_of(outcome), ours=False) for outcome in (SUCCEEDED, FAILED, ENDED_EARLY)] == ["", "", ""]


def test_versions_and_endpoint_are_those_of_the_plan_and_else_not_mentioned() -> None:
    plan = {"endpoint": "192.0.2.1:6443", "kubernetes_version": "1.34.4", "versions": {"etcd": {"3.6.5-0": ["cp1", "cp2"]}}}
    said = "\n".join(summary_lines(run_of(plan=plan), NOTHING, []))
    assert "Endpoint: 192.0.2.1:6443" in said
    assert "Found when the run began: etcd 3.6.5-0 on cp1 and cp2" in said
    assert "Endpoint" not in "\n".join(summary_lines(run_of(), NOTHING, []))


def test_a_plan_says_what_nobody_can_know_yet() -> None:
    plan = {"phases": [{"name": "Look", "hosts": ["cp1"]}, {"name": "Upgrade", "hosts": None}]}
    assert plan_lines(plan, NOTHING) == ["  1. Look: cp1", "  2. Upgrade: decided on the way"]


def test_a_wait_says_what_for_how_long_and_what_the_host_said() -> None:
    waits = {
        "cp1": Wait("Wait until it is ready", "ansible.builtin.uri", 0.0, "Status code was 500\nand more"),
        "cp2": Wait("Wait until it is ready", "ansible.builtin.uri", 10.0),
        "cp3": Wait("Initialise", "baremetal.kubernetes.kubeadm_node", 20.0),
    }
    said = waiting_lines(waits, 80.0)
    assert said[0] == "Still at it for 1 min 20 s on cp1 and cp2: Wait until it is ready; cp1 said: Status code was 500"
    assert said[1].startswith("Still at it for 1 min 0 s on cp3: Initialise; kubeadm's output so far is there in /var/log/")
    assert len(said) == 2


def test_a_page_escapes_every_name() -> None:
    name = "</title></style></pre><img src=x onerror=y>"
    run = Run(name, [name], 0.0)
    run.play("a", name, 0.0)
    run.task("t", name, 0.0)
    run.result("t", name, BAD, 1.0, name)
    run.plan = {
        "endpoint": name,
        "kubernetes_version": name,
        "versions": {name: {name: [name]}},
        "summary": [name],
        "phases": [{"name": name, "hosts": [name]}, {"name": name, "hosts": None}],
    }
    run.close(FAILED, 2.0, set())
    text = page(run, NOTHING, NOTHING, [name])
    assert "<img" not in text
    assert text.count("</title>") == 1
    assert text.count("&lt;img") >= 12
