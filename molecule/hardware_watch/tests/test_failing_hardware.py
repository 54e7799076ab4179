"""Hardware fails, is looked after in words and then for real, and is replaced: in this order, each test after the one before."""

from __future__ import annotations

import json
import pathlib
import re
import sys
import time
from typing import Any, Dict, Set

import pytest
from hardware import AGENT, KUBECTL, PROGRAM, ROOT, TYPES, UNFIT, Hardware, Knocks, wait

sys.path.insert(0, str(ROOT / "molecule" / "shared"))

from watch import Watch  # noqa: E402

REAL = ("--extra-vars", '{"hardware_watch_dry_run": false}')
WORKLOAD = pathlib.Path(__file__).with_name("workload.yml")
READY = "played-watch-of-pods"
BUDGET = 2


@pytest.fixture(scope="module")
def hardware(cluster: Any) -> Hardware:
    return Hardware(cluster)


@pytest.fixture(scope="module")
def moments() -> Dict[str, Any]:
    """What later tests compare with."""
    return {}


def watch_pods(hardware: Hardware) -> None:
    """From now on each change of the number of ready pods is noted on the first control plane."""
    follow = "get deployment web --watch -o jsonpath={.status.readyReplicas},"
    hardware.shell("cp1", "systemctl stop %s; systemctl reset-failed %s; true" % (READY, READY))
    hardware.shell("cp1", "systemd-run --quiet --unit %s %s" % (READY, KUBECTL.replace("--request-timeout=20s ", "") + follow))


def fewest_ready(hardware: Hardware) -> int:
    """Since then."""
    hardware.shell("cp1", "systemctl stop " + READY)
    noted = hardware.shell("cp1", "journalctl --unit %s --output cat --no-pager _COMM=kubectl" % READY)
    numbers = [int(one or 0) for one in "".join(noted.split()).rstrip(",").split(",")]
    print("ready pods of the deployment: %s" % " ".join(map(str, numbers)))
    return min(numbers)


def agents(hardware: Hardware) -> Set[str]:
    """Control planes on which the agent runs at this moment."""
    state = "systemctl show %s --property ActiveState --value" % AGENT
    return {name for name in hardware.cluster.control_planes if hardware.shell(name, state).strip() == "activating"}


def test_every_node_says_that_nothing_is_failing(cluster: Any, hardware: Hardware) -> None:
    def seen() -> bool:
        found = hardware.conditions()
        assert all(found[name].get(one, {}).get("status") == "False" for name in cluster.nodes for one in TYPES), found
        return True

    wait(420, "conditions of all nodes", seen)
    played = cluster.host("cp1").file("/usr/local/sbin/played-node-problem-detector").exists
    if played:
        print("node-problem-detector: PLAYED by a program of the tests; it was not run itself")
        return
    pods = hardware.objects("pods -A -l app=node-problem-detector")
    assert {one["spec"]["nodeName"] for one in pods} == set(cluster.nodes)
    restarts = [one["status"]["containerStatuses"][0]["restartCount"] for one in pods]
    assert {one["status"]["phase"] for one in pods} == {"Running"} and not any(restarts), pods
    # Its own monitors of the kernel are its own, too.
    assert all(found["KernelDeadlock"]["status"] == "False" for found in hardware.conditions().values())
    print("node-problem-detector: %s on every node" % pods[0]["spec"]["containers"][0]["image"])


def test_a_failing_disk_becomes_a_condition_and_an_event(hardware: Hardware, moments: Dict[str, Any]) -> None:
    # All pods onto the node whose disk will fail.
    hardware.kubectl("cordon worker2")
    text = WORKLOAD.read_text().replace("IMAGE", hardware.cluster.setting("verify_image"))
    hardware.shell("cp1", "%s apply -f - <<'END'\n%s\nEND\n" % (KUBECTL, text))
    ready = "get deployment web -o jsonpath={.status.readyReplicas}"
    wait(180, "the deployment", lambda: hardware.kubectl(ready).strip() == "3")
    hardware.kubectl("uncordon worker2")
    assert len(hardware.pods("worker1")) >= 3

    moments["failed"] = hardware.now()
    began = time.monotonic()
    hardware.disk("worker1", "sata_failing.json")
    condition = hardware.is_failing("worker1", "DiskFailing")
    print("from the failing disk to the condition: %.0f s" % (time.monotonic() - began))
    assert condition["reason"] == "DiskIsFailing"
    for words in ("/dev/sda", "TOSHIBA MG08ACA16TE 71K0A0AAAAAA", "foretells its own failure"):
        assert words in condition["message"]
    assert len(condition["message"]) <= 250
    assert hardware.is_failing("worker1", "HardwareDegraded", 30)["reason"] == "HardwareNeedsALook"
    event = wait(30, "the event", lambda: hardware.events("worker1", "DiskIsFailing"))[0]
    assert event["type"] == "Warning" and event["source"]["component"] == "hardware-watch"
    assert "DiskFailing is now: True" in event["message"] and "foretells its own failure" in event["message"]
    # As docs/operations/hardware.md has it.
    assert re.search(r"DiskFailing +True", hardware.kubectl("describe node worker1"))
    listed = hardware.kubectl("get events --field-selector involvedObject.name=worker1")
    assert re.search(r"Warning +DiskIsFailing", listed), listed
    others = {(name, one) for name, found in hardware.conditions().items() for one in TYPES if found[one]["status"] != "False"}
    assert others == {("worker1", "DiskFailing"), ("worker1", "HardwareDegraded")}


def test_a_dry_run_says_what_it_would_do_and_does_nothing(hardware: Hardware, moments: Dict[str, Any]) -> None:
    before = hardware.pods("worker1")
    hardware.is_said("It is waited for another", moments["failed"])
    for words in (
        "worker1: cordon, close it for new pods: would be done (hardware_watch_dry_run)",
        "worker1: drain, evict its pods, minding disruption budgets: would be done (hardware_watch_dry_run)",
    ):
        hardware.is_said(words, moments["failed"], 150)
    hardware.looks(2)
    assert hardware.closed("worker1") == (False, "") and hardware.held() == ""
    assert hardware.pods("worker1") == before
    plan = hardware.shell("cp2", PROGRAM + "plan")
    assert "worker1: cordon" in plan


def test_without_the_dry_run_the_node_is_closed_and_emptied(cluster: Any, hardware: Hardware) -> None:
    its_own = hardware.pods("worker1", "DaemonSet")
    assert len(its_own) >= 2
    since, began = hardware.now(), time.monotonic()
    watch_pods(hardware)
    cluster.playbook("stacked_ha", *REAL)
    print("playbook that lifts the dry run: %.0f s" % (time.monotonic() - began))
    wait(120, "worker1 closed", lambda: hardware.closed("worker1") == (True, "hardware"))
    wait(240, "worker1 empty", lambda: not hardware.pods("worker1"))
    wait(60, "pods on worker2", lambda: len(hardware.pods("worker2")) >= 3)
    assert hardware.held() == "worker1"
    assert fewest_ready(hardware) >= BUDGET
    assert hardware.pods("worker1", "DaemonSet") == its_own
    said = hardware.said(since)
    assert "worker1: closed" in said and "worker1: evicted default/web-" in said
    stamps = hardware.shell("cp1", "%s get node worker1 -o jsonpath={.spec.taints}" % KUBECTL)
    closed = next(one for one in json.loads(stamps) if one["key"] == "node.kubernetes.io/unschedulable")
    print("closed at %s" % closed.get("timeAdded"))


def test_a_run_of_the_playbook_in_the_middle_changes_nothing(cluster: Any, hardware: Hardware) -> None:
    assert cluster.playbook("stacked_ha", *REAL)["changed"] == 0
    assert hardware.closed("worker1") == (True, "hardware") and hardware.held() == "worker1"


def test_a_second_failing_node_waits_until_a_person_has_opened_the_first(hardware: Hardware) -> None:
    since = hardware.now()
    hardware.disk("worker2", "nvme_failing.json")
    hardware.is_failing("worker2", "DiskFailing")
    hardware.is_said("2 of 5 nodes are failing at once (worker1, worker2): nothing is done", since)
    # The first has a new disk, and the second has been failing for long enough.
    hardware.disk("worker1", "sata_healthy.json", serial="A-NEW-DISK")
    hardware.is_well("worker1", "DiskFailing")
    hardware.is_said("worker1: its hardware is well again; a person opens it", since)
    time.sleep(75)
    hardware.looks(2)
    assert hardware.held() == "worker1" and hardware.closed("worker1") == (True, "hardware")
    assert hardware.closed("worker2") == (False, "") and len(hardware.pods("worker2")) >= 3
    hardware.disk("worker2", "sata_healthy.json", serial="A-THIRD-DISK")
    hardware.is_well("worker2", "DiskFailing")


def test_after_a_person_has_opened_it_nothing_is_done_again(hardware: Hardware) -> None:
    # The old disk is gone, which is worth a look and no more. A condition that stays True keeps the words that it had first.
    assert hardware.condition("worker1", "HardwareDegraded")["status"] == "True"
    shown = hardware.shell("worker1", PROGRAM + "show")
    assert "1 findings" in shown and "71K0A0AAAAAA: it was here before and is gone" in shown, shown
    hardware.accept("worker1")
    hardware.accept("worker2")
    hardware.is_well("worker1", "HardwareDegraded")
    since = hardware.now()
    hardware.open("worker1")
    hardware.is_said("worker1 is done with: its hardware is well, and it is open", since)
    wait(60, "the Lease given up", lambda: hardware.held() == "")
    hardware.looks(3)
    assert hardware.closed("worker1") == (False, "") and hardware.closed("worker2") == (False, "")
    assert len(hardware.pods("worker2")) >= 3 and hardware.held() == ""


def test_a_drain_whose_agents_are_killed_is_completed_by_the_next_ones(hardware: Hardware) -> None:
    before, its_own = hardware.pods("worker2"), hardware.pods("worker2", "DaemonSet")
    watch_pods(hardware)
    since, began = hardware.now(), time.monotonic()
    hardware.disk("worker2", "nvme_failing.json")
    hardware.is_failing("worker2", "DiskFailing")
    condition = time.monotonic() - began
    wait(150, "worker2 closed", lambda: hardware.closed("worker2") == (True, "hardware"))
    closed = time.monotonic() - began
    # Once the first pod is on its way, and others are not.
    wait(60, "the first eviction", lambda: hardware.pods("worker1"))
    drained = agents(hardware)
    assert drained, hardware.said(since)
    for name in hardware.cluster.control_planes:
        hardware.shell(name, "systemctl kill --signal=KILL %s || true" % AGENT)
    left = hardware.pods("worker2")
    print("killed with SIGKILL while they drained: %s; %d of %d pods were still there" % (sorted(drained), len(left), len(before)))
    assert left
    wait(240, "worker2 empty", lambda: not hardware.pods("worker2"))
    print("from the failing disk: condition %.0f s, closed %.0f s, empty %.0f s" % (condition, closed, time.monotonic() - began))
    assert hardware.closed("worker2") == (True, "hardware") and hardware.held() == "worker2"
    assert fewest_ready(hardware) >= BUDGET
    assert hardware.pods("worker2", "DaemonSet") == its_own
    assert "code=killed, status=9/KILL" in hardware.said(since)
    hardware.disk("worker2", "sata_healthy.json", serial="A-FOURTH-DISK")
    hardware.is_well("worker2", "DiskFailing")
    hardware.accept("worker2")
    hardware.open("worker2")
    wait(90, "the Lease given up", lambda: hardware.held() == "")


def test_a_control_plane_with_failing_memory_gives_the_address_away(
    cluster: Any, hardware: Hardware, moments: Dict[str, Any]
) -> None:
    (holder,) = hardware.holders()
    moments["holder"] = holder
    assert cluster.host(holder).file(UNFIT).content_string == "0\n"
    kubeconfig = cluster.inventory / "kubeconfig-hardware-watch.cfg"
    with Knocks(cluster.setting("cluster_vip"), 8443) as knocks, Watch(kubeconfig) as watch:
        time.sleep(5)
        began = time.monotonic()
        hardware.memory_fails(holder)
        condition = hardware.is_failing(holder, "MemoryFailing")
        failing = time.monotonic() - began
        wait(150, "the address elsewhere", lambda: hardware.holders() not in ([], [holder]))
        moved = time.monotonic() - began
        wait(60, "closed", lambda: hardware.closed(holder) == (True, "hardware"))
        time.sleep(10)
    (now,) = hardware.holders()
    print("from the failing memory of %s: condition %.0f s, address on %s after %.0f s" % (holder, failing, now, moved))
    print("longest time without the address: %.1f s" % knocks.longest)
    # Programs on a busy machine are slow to answer whoever has the address: these two are for comparison.
    print("longest time without API: %s s, without writes %s s" % (watch.result["outage"], watch.result["write_outage"]))
    assert condition["reason"] == "MemoryIsFailing" and "that could not be corrected" in condition["message"]
    assert hardware.events(holder, "MemoryIsFailing")
    assert now != holder and cluster.host(holder).file(UNFIT).content_string == "1\n"
    assert hardware.held() == holder
    # Its API server and its etcd go on.
    assert len(hardware.pods(holder, "Node")) >= 4
    assert not watch.result["lost"]
    assert knocks.longest <= 5


def test_the_playbook_leaves_the_address_where_it_is(cluster: Any, hardware: Hardware, moments: Dict[str, Any]) -> None:
    holder = moments["holder"]
    assert cluster.playbook("stacked_ha", *REAL)["changed"] == 0
    assert hardware.closed(holder) == (True, "hardware") and cluster.host(holder).file(UNFIT).content_string == "1\n"
    assert holder not in hardware.holders()


def test_with_new_memory_it_has_the_address_again_once_it_is_opened(
    cluster: Any, hardware: Hardware, moments: Dict[str, Any]
) -> None:
    holder = moments["holder"]
    hardware.memory_is_replaced(holder)
    hardware.is_well(holder, "MemoryFailing")
    hardware.looks(2)
    # Until a person has opened it, all stays as it is.
    assert cluster.host(holder).file(UNFIT).content_string == "1\n" and hardware.closed(holder) == (True, "hardware")
    hardware.open(holder)
    wait(60, "its keepalived told", lambda: cluster.host(holder).file(UNFIT).content_string == "0\n")
    wait(60, "the address back at the one with the highest priority", lambda: hardware.holders() == [holder])
    wait(60, "the Lease given up", lambda: hardware.held() == "")
    hardware.looks(2)
    assert hardware.closed(holder) == (False, "") and hardware.holders() == [holder]
