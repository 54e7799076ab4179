from __future__ import annotations

from typing import Any, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import SUPPORTED_MINORS, release
from ansible_collections.baremetal.kubernetes.plugins.module_utils.upgrade.plan import (
    COMPONENTS,
    Cluster,
    Node,
    Plan,
    Wanted,
    batch_size,
    make_plan,
    work,
)

#: Each supported minor by a patch from which the next minor may be taken up.
NEWEST = {20: 15, 24: 17, 25: 16, 26: 15, 27: 16, 28: 15, 29: 15, 30: 14, 31: 14, 32: 13, 33: 13, 34: 10, 35: 7, 36: 3, 37: 0}


def version(minor: int) -> str:
    return "1.%d.%d" % (minor, NEWEST[minor])


def control_plane(host: str, at: str, kubelet: str = "", **more: Any) -> Node:
    pods = dict.fromkeys(COMPONENTS, "v" + at)
    pods["etcd"] = release(at).etcd_tag
    return Node(host, host, True, "v" + (kubelet or at), static_pods=pods, **more)


def worker(host: str, at: str, **more: Any) -> Node:
    return Node(host, host, False, "v" + at, **more)


def cluster(at: str, *nodes: Node, **more: Any) -> Cluster:
    default = [control_plane("cp%d" % number, at) for number in (1, 2, 3)] + [worker("worker1", at), worker("worker2", at)]
    values = dict({"config_version": "v" + at, "proxy_version": "v" + at, "api_host": "cp1"}, **more)
    return Cluster(list(nodes) or default, **values)


def problems(plan: Plan) -> str:
    return "\n".join("%s: %s. %s" % (one.setting, one.problem, one.remedy) for one in plan.problems)


PAIRS = [(minor, minor + 1) for minor in SUPPORTED_MINORS if minor + 1 in SUPPORTED_MINORS]


@pytest.mark.parametrize("minor", SUPPORTED_MINORS)
def test_a_patch_of_every_minor_can_be_taken(minor: int) -> None:
    plan = make_plan(Wanted(version(minor)), cluster("1.%d.0" % minor if NEWEST[minor] else version(minor)))
    assert problems(plan) == ""
    expected = ["cp1", "cp2", "cp3"] if NEWEST[minor] else []
    assert plan.control_planes == expected and plan.apply == (expected[0] if expected else None)


@pytest.mark.parametrize("minor, following", PAIRS)
def test_the_next_minor_can_be_taken_from_every_minor_but_for_etcds_own_steps(minor: int, following: int) -> None:
    plan = make_plan(Wanted(version(following)), cluster(version(minor)))
    if following == 37:
        assert "asks for 3.6.11 before it" in problems(plan) and len(plan.problems) == 1
    else:
        assert problems(plan) == ""
        assert plan.nodes == ["cp1", "cp2", "cp3", "worker1", "worker2"]
        assert (plan.apply, plan.running, plan.addons) == ("cp1", version(minor), True)


@pytest.mark.parametrize("minor", [minor for minor in SUPPORTED_MINORS if minor >= 26])
def test_two_minors_at_once_are_refused_with_the_one_to_take_first(minor: int) -> None:
    plan = make_plan(Wanted(version(minor)), cluster(version(minor - 2)))
    assert "go through 1.%d, 1.%d" % (minor - 1, minor) in problems(plan)
    assert "write a version of 1.%d first" % (minor - 1) in problems(plan)


@pytest.mark.parametrize("minor", SUPPORTED_MINORS)
def test_nothing_goes_back(minor: int) -> None:
    newer = "1.%d.%d" % (minor, NEWEST[minor] + 1)
    text = problems(make_plan(Wanted(version(minor)), cluster(newer)))
    assert "kubeadm never goes back" in text and "restore the snapshot" in text
    assert "a kubelet must not be newer" in text


@pytest.mark.parametrize("patch, refused", [(0, True), (5, True), (6, False)])
def test_etcd_3_6_is_taken_only_from_the_patch_that_prepares_for_it(patch: int, refused: bool) -> None:
    plan = make_plan(Wanted("1.34.10"), cluster("1.33.%d" % patch))
    assert ("asks for 3.5.24 before it" in problems(plan)) is refused
    assert not refused or "imageTag: 3.5.24-0" in problems(plan)


def test_etcd_3_7_is_taken_from_an_image_that_the_settings_name() -> None:
    nodes = [control_plane("cp1", "1.36.3")]
    nodes[0] = nodes[0]._replace(static_pods=dict(nodes[0].static_pods, etcd="3.6.11-0"))
    assert problems(make_plan(Wanted("1.37.0"), cluster("1.36.3", *nodes))) == ""


def test_external_etcd_that_is_too_old_is_refused() -> None:
    old = cluster("1.35.7", external_etcd=["3.5.21"])
    assert "Kubernetes 1.36 takes 3.6.0 or newer" in problems(make_plan(Wanted("1.36.3"), old))
    assert problems(make_plan(Wanted("1.36.3"), cluster("1.35.7", external_etcd=["3.6.5"]))) == ""


def test_kubelets_may_be_behind_as_far_as_the_release_allows() -> None:
    assert problems(make_plan(Wanted("1.31.14"), cluster("1.30.14", control_plane("cp1", "1.30.14"), worker("w", "1.28.15")))) == ""
    text = problems(make_plan(Wanted("1.31.14"), cluster("1.30.14", control_plane("cp1", "1.30.14"), worker("w", "1.27.16"))))
    assert "takes kubelets of at most 3 minors before" in text and "w" in text
    text = problems(make_plan(Wanted("1.27.16"), cluster("1.26.15", control_plane("cp1", "1.26.15"), worker("w", "1.24.17"))))
    assert "at most 2 minors" in text


def test_arguments_that_the_release_has_not_are_named_with_what_to_do() -> None:
    nodes = [control_plane("cp1", "1.34.10", kubelet_arguments=["pod-infra-container-image", "v"])]
    text = problems(make_plan(Wanted("1.35.7"), cluster("1.34.10", *nodes)))
    assert "--pod-infra-container-image is gone in 1.35" in text and "KUBELET_EXTRA_ARGS" in text
    nodes = [control_plane("cp1", "1.35.7", etcd_arguments=["data-dir", "experimental-initial-corrupt-check"])]
    assert "experimental-initial-corrupt-check, which etcd of 1.36" in problems(
        make_plan(Wanted("1.36.3"), cluster("1.35.7", *nodes))
    )


def test_dockershim_is_left_before_1_24() -> None:
    nodes = [control_plane("cp1", "1.24.17"), worker("w", "1.24.17", runtime="dockershim")]
    assert "has no dockershim" in problems(make_plan(Wanted("1.25.16"), cluster("1.24.17", *nodes)))


def test_apis_that_somebody_asks_for_and_the_release_has_not_are_refused_unless_that_is_allowed() -> None:
    asked = [
        {"api": "policy/v1beta1", "resource": "podsecuritypolicies", "removed_release": "1.25"},
        {"api": "flowcontrol.apiserver.k8s.io/v1beta3", "resource": "flowschemas", "removed_release": "1.32"},
    ]
    plan = make_plan(Wanted("1.25.16"), cluster("1.24.17", removed_apis=asked))
    assert "API policy/v1beta1 podsecuritypolicies" in problems(plan) and "flowschemas" not in problems(plan)
    plan = make_plan(Wanted("1.25.16", allow_removed_apis=True), cluster("1.24.17", removed_apis=asked))
    assert plan.problems == [] and len(plan.warnings) == 1


def test_a_node_that_is_not_ready_is_refused() -> None:
    nodes = [control_plane("cp1", "1.35.0"), worker("w", "1.35.0", ready=False)]
    assert "node w: it is not Ready" in problems(make_plan(Wanted("1.35.7"), cluster("1.35.0", *nodes)))


def test_all_that_is_wrong_is_said_at_once() -> None:
    nodes = [control_plane("cp1", "1.33.0"), worker("w", "1.29.0", ready=False, kubelet_arguments=["pod-infra-container-image"])]
    plan = make_plan(Wanted("1.35.7"), cluster("1.33.0", *nodes))
    assert len(plan.problems) >= 5


# --- what is left to do, told by the cluster alone ---


def pending(*nodes: Node, config: str, proxy: str = "v1.35.7", **wanted: Any) -> List[Any]:
    plan = make_plan(Wanted("1.35.7", **wanted), cluster("1.35.0", *nodes, config_version="v" + config, proxy_version=proxy))
    assert problems(plan) == ""
    return [plan.apply, plan.control_planes, plan.workers, plan.addons]


OLD, NEW = "1.35.0", "1.35.7"


def test_a_cluster_that_has_the_version_has_nothing_to_do() -> None:
    plan = make_plan(Wanted(NEW), cluster(NEW))
    assert plan.nothing and work(plan, "cp1") == []
    assert plan.summary[0] == "cp1: nothing to do (1.35.7)"


def test_an_apply_that_was_killed_goes_on_where_it_was_begun() -> None:
    nodes = [control_plane("cp1", OLD), control_plane("cp2", NEW, OLD), worker("w", OLD)]
    assert pending(*nodes, config=OLD) == ["cp2", ["cp2", "cp1"], ["w"], True]


def test_after_the_apply_the_kubelet_is_left() -> None:
    nodes = [control_plane("cp1", NEW, OLD), control_plane("cp2", OLD), worker("w", OLD)]
    assert pending(*nodes, config=NEW) == [None, ["cp1", "cp2"], ["w"], True]


def test_a_node_that_was_not_opened_again_is_not_done() -> None:
    nodes = [control_plane("cp1", NEW), worker("w", NEW, cordoned_by="upgrade"), worker("x", NEW, cordoned_by="replace")]
    assert pending(*nodes, config=NEW) == [None, [], ["w"], False]


def test_a_killed_apply_that_left_old_add_ons_is_seen_by_kube_proxy() -> None:
    assert pending(control_plane("cp1", NEW), config=NEW, proxy="v" + OLD) == [None, [], [], True]
    assert pending(control_plane("cp1", NEW), config=NEW, proxy="") == [None, [], [], False]


def test_the_healthy_control_plane_that_is_asked_goes_first() -> None:
    plan = make_plan(Wanted(NEW), cluster(OLD, api_host="cp3"))
    assert plan.control_planes == ["cp3", "cp1", "cp2"]
    groups = [(entry["group"], entry["host"]) for entry in work(plan, "cp3")]
    assert ("plan_upgrade_first", "cp3") in groups and ("plan_upgrade_control_planes", "cp3") not in groups


@pytest.mark.parametrize(
    "until, control_planes, workers, addons",
    [
        ("first_control_plane", ["cp1"], [], False),
        ("control_planes", ["cp1", "cp2", "cp3"], [], True),
        ("cp2", ["cp1", "cp2"], [], False),
        ("worker1", ["cp1", "cp2", "cp3"], ["worker1"], False),
    ],
)
def test_an_upgrade_stops_where_it_is_asked_to(until: str, control_planes: List[str], workers: List[str], addons: bool) -> None:
    plan = make_plan(Wanted(NEW, until), cluster(OLD))
    assert (plan.control_planes, plan.workers, plan.addons) == (control_planes, workers, addons)
    assert any("left for a later run" in line for line in plan.summary)


def test_a_place_to_stop_that_is_none_is_refused() -> None:
    assert "there is no node 'cp9'" in problems(make_plan(Wanted(NEW, "cp9"), cluster(OLD)))


def test_a_label_is_no_version() -> None:
    assert "moves" in problems(make_plan(Wanted("latest"), cluster(OLD)))


def test_an_image_whose_tag_is_no_version_is_named() -> None:
    node = control_plane("cp1", OLD)._replace(static_pods={"kube-apiserver": "ours"})
    assert "its version can't be told" in problems(make_plan(Wanted(NEW), cluster(OLD, node)))


@pytest.mark.parametrize("text, workers, size", [("1", 5, 1), ("3", 5, 3), ("20%", 10, 2), ("20%", 2, 1), ("100%", 4, 4)])
def test_a_batch_is_a_number_or_a_share(text: str, workers: int, size: int) -> None:
    assert batch_size(text, workers) == size


@pytest.mark.parametrize("text", ["0", "-1", "half", "", "20 %"])
def test_a_batch_that_is_neither_is_refused(text: str) -> None:
    assert "upgrade_batch" in problems(make_plan(Wanted(NEW, batch=text), cluster(OLD)))


def test_the_batch_reaches_the_play_as_the_size_of_a_group() -> None:
    plan = make_plan(Wanted(NEW, batch="2"), cluster(OLD))
    assert [entry["host"] for entry in work(plan, "cp1") if entry["group"] == "plan_upgrade_batch"] == ["worker1", "worker2"]
