# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done about a failing node: one at a time, never the last healthy one, never for want of data, and nothing undone."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.failover import (
    CORDON,
    DRAIN,
    FRESH_SECONDS,
    MOVE,
    OPERATION,
    Decision,
    Hold,
    Node,
    decide,
    lines,
    read_lease,
    read_nodes,
    write_lease,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.settings import Settings, complaints
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_790_000_000.0
STAMP = "2026-09-21T14:13:20Z"
ALL = Settings("cp1", cordon=True, drain=True, move_address=True, dry_run=False)
BAD = {"disk": True, "memory": False, "pool": False}
WELL = {"disk": False, "memory": False, "pool": False}
DARK: Dict[str, Optional[bool]] = {"disk": None, "memory": None, "pool": None}


def cp(name: str, states: Any = None, **more: Any) -> Node:
    """A control plane with kubeadm's taint."""
    return Node(name, control_plane=True, takes_pods=False, states=states or WELL, since=NOW - 9999, message="x", **more)


def worker(name: str, states: Any = None, **more: Any) -> Node:
    return Node(name, states=states or WELL, **{"since": NOW - 9999, "message": "disk is failing", **more})


CPS = [cp("cp1"), cp("cp2"), cp("cp3")]
WORKERS = [worker("w1"), worker("w2"), worker("w3")]


def actions(decision: Decision) -> List[str]:
    return [step.action for step in decision.steps if step.allowed]


def test_a_healthy_cluster_is_left_alone() -> None:
    assert decide(CPS + WORKERS, Hold(), ALL, NOW) == Decision("", [], [])


def test_a_failing_worker_is_closed_and_drained() -> None:
    found = decide(CPS + [worker("w1", BAD), *WORKERS[1:]], Hold(), ALL, NOW)
    assert (found.target, actions(found), list(found.kinds)) == ("w1", [CORDON, DRAIN], ["disk"])


def test_a_failing_control_plane_gives_the_addresses_away_as_well() -> None:
    found = decide([cp("cp1", BAD), *CPS[1:], *WORKERS], Hold(), ALL, NOW)
    assert (found.target, actions(found)) == ("cp1", [CORDON, DRAIN, MOVE])


@pytest.mark.parametrize(
    ("allowed", "wanted"),
    [
        ({}, []),
        ({"cordon": True}, [CORDON]),
        ({"cordon": True, "drain": True}, [CORDON, DRAIN]),
        ({"drain": True}, []),
        ({"move_address": True}, [MOVE]),
    ],
)
def test_each_step_is_its_own_decision(allowed: Dict[str, bool], wanted: List[str]) -> None:
    found = decide([cp("cp1", BAD), *CPS[1:], *WORKERS], Hold(), Settings("cp1", **allowed), NOW)
    assert actions(found) == wanted and [step.action for step in found.steps] == [CORDON, DRAIN, MOVE]


def test_a_failure_has_to_last() -> None:
    nodes = CPS + [worker("w1", BAD, since=NOW - 599), *WORKERS[1:]]
    found = decide(nodes, Hold(), ALL, NOW)
    assert not found.target and found.why == ["w1: disk is failing. It is waited for another 1 s, in case that passes"]
    assert decide(nodes, Hold(), ALL, NOW + 1).target == "w1"


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([cp("cp1"), worker("w1", BAD)], "0 healthy nodes would be left to take pods, and 1 must be"),
        ([cp("cp1"), worker("w1", BAD), worker("w2", ready=False)], "0 healthy nodes would be left"),
        ([cp("cp1"), worker("w1", BAD), worker("w2", cordoned=True)], "0 healthy nodes would be left"),
        ([*CPS, worker("w1", BAD, ready=False), worker("w2")], "it is not Ready"),
        ([*CPS, worker("w1", BAD), worker("w2", cordoned=True, mark="upgrade"), worker("w3")], "under way on w2"),
        ([*CPS, worker("w1", BAD), worker("w2", cordoned=True, mark=OPERATION), worker("w3")], "under way on w2"),
        ([*CPS, worker("w1", BAD), worker("w2", BAD), worker("w3", BAD)], "3 of 6 nodes are failing at once (w1, w2, w3)"),
        ([cp("cp1", BAD)], "it keeps the addresses, since no other control plane is healthy"),
        ([cp("cp1", BAD), cp("cp2", ready=False), worker("w1")], "no other control plane is healthy"),
    ],
)
def test_what_the_others_can_not_do_without_is_left_as_it_is(nodes: List[Node], words: str) -> None:
    found = decide(nodes, Hold(), ALL, NOW)
    assert found.target == "" and found.steps == [] and words in " ".join(found.why)


def test_two_healthy_nodes_may_be_asked_for() -> None:
    nodes = [*CPS, worker("w1", BAD), worker("w2")]
    assert decide(nodes, Hold(), ALL, NOW).target == "w1"
    assert decide(nodes, Hold(), ALL._replace(keep_healthy=2), NOW).target == ""


def test_one_node_at_a_time_until_it_is_well_and_open() -> None:
    hold = Hold("w1", ["disk"], True)
    closed = worker("w1", BAD, cordoned=True, mark=OPERATION)
    others = [*CPS, worker("w2", BAD), worker("w3"), worker("w4")]
    found = decide([closed, *others], hold, ALL, NOW)
    assert (found.target, actions(found)) == ("w1", [CORDON, DRAIN])
    well = worker("w1", cordoned=True, mark=OPERATION)
    found = decide([well, *others], hold, ALL, NOW)
    assert (found.target, found.steps, found.release) == ("w1", [], False) and "a person opens it" in found.why[0]
    opened = worker("w1")
    assert decide([opened, *others], hold, ALL, NOW).release
    assert decide(others, hold, ALL, NOW).release, "it was removed from the cluster"


def test_a_node_that_a_person_opens_while_it_is_failing_is_left_to_that_person() -> None:
    nodes = [worker("w1", BAD), *CPS, *WORKERS[1:]]
    found = decide(nodes, Hold("w1", ["disk"], True), ALL, NOW)
    assert (found.target, found.steps, found.release) == ("w1", [], False) and "a person has opened it" in found.why[0]
    # Not yet closed, as after a run that was killed: then it goes on.
    assert actions(decide(nodes, Hold("w1", ["disk"], False), ALL, NOW)) == [CORDON, DRAIN]


def test_silence_about_a_node_in_hand_neither_goes_on_nor_goes_back() -> None:
    nodes = [worker("w1", DARK, cordoned=True, mark=OPERATION), *CPS, *WORKERS[1:]]
    found = decide(nodes, Hold("w1", ["disk"], True), ALL, NOW)
    assert (found.target, found.steps, found.release) == ("w1", [], False) and "nobody says any more" in found.why[0]


def test_a_control_plane_in_hand_takes_the_addresses_back_when_nobody_else_can_have_them() -> None:
    hold = Hold("cp1", ["disk"], False)
    alone = decide([cp("cp1", BAD), cp("cp2", ready=False), cp("cp3", BAD), *WORKERS], hold, ALL, NOW)
    assert alone.target == "cp1" and alone.keeps_address and MOVE not in actions(alone)
    both = decide([cp("cp1", BAD), *CPS[1:], *WORKERS], hold, ALL, NOW)
    assert not both.keeps_address and MOVE in actions(both)


def api_node(name: str = "w1", status: str = "True", heartbeat: str = STAMP, **spec: Any) -> Dict[str, Any]:
    conditions = [
        {"type": "Ready", "status": "True", "lastHeartbeatTime": STAMP, "lastTransitionTime": STAMP},
        {"type": "DiskFailing", "status": status, "lastHeartbeatTime": heartbeat, "lastTransitionTime": STAMP, "message": "sda"},
        {"type": "TemperatureCritical", "status": "True", "lastHeartbeatTime": STAMP, "lastTransitionTime": STAMP},
    ]
    return {"metadata": {"name": name}, "spec": spec, "status": {"conditions": conditions}}


def test_a_node_is_read_as_the_api_has_it() -> None:
    (node,) = read_nodes([api_node()], ("disk", "memory"), NOW)
    assert node == Node("w1", states={"disk": True, "memory": None}, since=NOW, message="sda")
    assert node.failing == ["disk"]
    item = api_node(unschedulable=True, taints=[{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}])
    item["metadata"].update(
        labels={"node-role.kubernetes.io/control-plane": ""}, annotations={"baremetal.kubernetes/cordoned-by": "upgrade"}
    )
    (node,) = read_nodes([item], ("disk",), NOW)
    assert (node.cordoned, node.takes_pods, node.control_plane, node.mark) == (True, True, True, "upgrade")
    item["spec"]["taints"].append({"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"})
    assert not read_nodes([item], ("disk",), NOW)[0].takes_pods


def test_a_node_that_was_ready_when_it_was_last_heard_of_is_not_counted_on() -> None:
    item = api_node()
    item["status"]["conditions"][0]["lastHeartbeatTime"] = "2026-09-21T13:13:20Z"
    assert not read_nodes([item], ("disk",), NOW)[0].ready
    # The last one that lives is not drained for one that only looks alive: nobody marks nodes while the controller manager is away.
    others = [api_node("w%d" % number, "False") for number in (2, 3)]
    for other in others:
        other["status"]["conditions"][0]["lastHeartbeatTime"] = "2026-09-21T13:13:20Z"
    lasting = api_node()
    lasting["status"]["conditions"][1]["lastTransitionTime"] = "2026-09-21T13:13:20Z"
    found = decide(read_nodes([lasting, *others], ("disk",), NOW), Hold(), ALL, NOW)
    assert found.steps == [] and "0 healthy nodes would be left" in " ".join(found.why)
    for other in others:
        other["status"]["conditions"][0]["lastHeartbeatTime"] = STAMP
    assert actions(decide(read_nodes([lasting, *others], ("disk",), NOW), Hold(), ALL, NOW)) == [CORDON, DRAIN]


@pytest.mark.parametrize("began", [None, "", "2026-09-21T13:13:20.5Z"])
def test_a_failure_of_which_nobody_knows_the_beginning_has_not_lasted(began: Any) -> None:
    items = [api_node(), api_node("w2", "False"), api_node("w3", "False")]
    items[0]["status"]["conditions"][1]["lastTransitionTime"] = began
    assert decide(read_nodes(items, ("disk",), NOW), Hold(), ALL, NOW).steps == []


def test_when_many_fail_the_node_in_hand_is_let_be_as_well() -> None:
    closed = worker("w1", BAD, cordoned=True, mark=OPERATION)
    found = decide([closed, *CPS, worker("w2", BAD), worker("w3", BAD), worker("w4")], Hold("w1", ["disk"], True), ALL, NOW)
    assert (found.target, found.steps, found.release) == ("w1", [], False) and "3 of 7 nodes are failing" in found.why[0]


def test_a_lease_without_its_notes_is_not_given_up_for_want_of_data() -> None:
    nodes = [worker("w1", DARK), *CPS, *WORKERS[1:]]
    assert not decide(nodes, Hold("w1"), ALL, NOW).release
    assert decide([worker("w1"), *nodes[1:]], Hold("w1"), ALL, NOW).release


@pytest.mark.parametrize("status", ["True", "False"])
def test_a_condition_that_nobody_repeats_says_nothing(status: str) -> None:
    late = NOW + FRESH_SECONDS + 1
    assert read_nodes([api_node(status=status)], ("disk",), late)[0].states == {"disk": None}
    assert read_nodes([api_node(status=status, heartbeat="")], ("disk",), NOW)[0].states == {"disk": None}
    assert read_nodes([api_node(status="Unknown")], ("disk",), NOW)[0].states == {"disk": None}


def test_a_kind_that_is_not_asked_for_closes_nothing() -> None:
    (node,) = read_nodes([api_node(status="False")], ("disk", "memory", "pool"), NOW)
    assert node.failing == []


def test_the_lease_is_read_back_as_it_was_written() -> None:
    hold = Hold("w1", ["disk", "pool"], True)
    made = write_lease(hold, NOW, None)
    assert read_lease(made) == hold and "resourceVersion" not in made["metadata"]
    assert write_lease(hold, NOW, {"metadata": {"resourceVersion": "7"}})["metadata"]["resourceVersion"] == "7"
    for nobody in (None, {}, write_lease(Hold(), NOW, None)):
        assert read_lease(nobody) == Hold("", [], False)


def test_a_person_reads_what_would_be_done_and_what_was_not_allowed() -> None:
    found = decide([cp("cp1", BAD), *CPS[1:], *WORKERS], Hold(), ALL._replace(move_address=False, dry_run=True), NOW)
    said = lines(found, ALL._replace(move_address=False, dry_run=True))
    assert said == [
        "cp1: x",
        "cp1: cordon, close it for new pods: would be done (hardware_watch_dry_run)",
        "cp1: drain, evict its pods, minding disruption budgets: would be done (hardware_watch_dry_run)",
        "cp1: move_address, have keepalived give the virtual and failover addresses away: not allowed "
        "(hardware_watch_move_address)",
    ]


STATES = st.sampled_from([WELL, WELL, BAD, DARK, {"disk": None, "memory": True, "pool": False}])
NODES = st.lists(
    st.builds(
        lambda number, states, ready, cordoned, control, taint, mark, since: Node(
            "n%d" % number, ready, cordoned, mark if cordoned else "", control, not (control and taint), states, NOW - since, "m"
        ),
        st.integers(0, 9),
        STATES,
        st.sampled_from([True, True, True, False]),
        st.sampled_from([False, False, True]),
        st.booleans(),
        st.booleans(),
        st.sampled_from(["", "upgrade", OPERATION]),
        st.sampled_from([0, 599, 600, 9999]),
    ),
    max_size=8,
    unique_by=lambda node: node.name,
)
HOLDS = st.one_of(
    st.just(Hold()),
    st.builds(Hold, st.sampled_from(["n0", "n1", "n2", "gone"]), st.sampled_from([[], ["disk"], ["memory"]]), st.booleans()),
)
SETTINGS = st.builds(
    lambda cordon, drain, move, keep: Settings(
        "n0", cordon=cordon, drain=drain, move_address=move, dry_run=False, keep_healthy=keep
    ),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 3),
)


def others_who_can(nodes: Sequence[Node], target: Node) -> List[Node]:
    return [one for one in nodes if one.name != target.name and one.ready and not one.cordoned and True not in one.states.values()]


@given(NODES, HOLDS, SETTINGS)
def test_whatever_a_cluster_looks_like_the_rules_hold(nodes: List[Node], hold: Hold, settings: Settings) -> None:
    found = decide(nodes, hold, settings, NOW)
    if not found.steps:
        return
    assert {step.node for step in found.steps} == {found.target}, "one node at a time"
    if hold.node:
        assert found.target == hold.node
    target = next(node for node in nodes if node.name == found.target)
    assert True in target.states.values(), "never for want of data"
    assert target.ready and not [one for one in nodes if one.mark and one is not target]
    done = actions(found)
    if CORDON in done or DRAIN in done:
        assert settings.cordon and (settings.drain or DRAIN not in done)
        left = others_who_can(nodes, target)
        takers = [one for one in left if one.takes_pods or not target.takes_pods]
        assert len(takers) >= max(1, settings.keep_healthy), "never the last healthy one"
    if MOVE in done:
        assert settings.move_address and target.control_plane and not found.keeps_address
        assert [one for one in nodes if one is not target and one.control_plane and one.ready and True not in one.states.values()]


@given(NODES, HOLDS)
def test_without_an_opt_in_nothing_is_ever_done(nodes: List[Node], hold: Hold) -> None:
    assert actions(decide(nodes, hold, Settings("n0", dry_run=False), NOW)) == []


@pytest.mark.parametrize(
    ("given_ones", "setting", "words"),
    [
        ({"drain": True}, "hardware_watch_cordon", "closed first"),
        ({"interval": 5}, "hardware_watch_interval", "too little"),
        ({"keep_healthy": 0}, "hardware_watch_keep_healthy", "the last healthy node"),
        ({"failover_after": 0}, "hardware_watch_failover_after", "one look"),
        ({"failover_kinds": ["disk", "fan"]}, "hardware_watch_failover_kinds", "no kind fan"),
        ({"thresholds": {"x": {}}}, "hardware_watch_thresholds.x", "no such figure"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given_ones: Dict[str, Any], setting: str, words: str) -> None:
    ((subject, problem, remedy),) = complaints({"hardware_watch_" + name: value for name, value in given_ones.items()})
    assert subject == setting and words in problem and remedy


def test_what_is_not_set_is_not_complained_about() -> None:
    assert complaints({}) == [] and complaints({"hardware_watch_drain": True, "hardware_watch_cordon": "yes"}) == []
