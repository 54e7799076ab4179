"""The drill on a living cluster: what it measures, what it leaves, what it refuses, and that nobody stays cut off.

The reports are kept in tests/output/drill.
"""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from typing import Any, Dict, List

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
OUTPUT = ROOT / "tests" / "output" / "drill"
FAULTS = ["vip_holder", "apiserver", "etcd_member", "load_balancer", "physical_host"]
MARKER = "/var/lib/baremetal-kubernetes/drill/fault.json"
NAME = "drill_confirm=drill"


def command(*arguments: str, directory: str = "all") -> List[str]:
    return [
        *("ansible-playbook", "--inventory", "inventories/lab/drill", "baremetal.kubernetes.drill"),
        *("-e", "drill_report_directory=%s" % (OUTPUT / directory), *arguments),
    ]


def environment() -> Dict[str, str]:
    return dict(os.environ, ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_FORCE_COLOR="0", PYTHONUNBUFFERED="1")


def drill(*arguments: str, directory: str = "all") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(*arguments, directory=directory), cwd=ROOT, env=environment(), capture_output=True, text=True)


def reports(directory: str) -> List[Dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((OUTPUT / directory).glob("*/report.json"))]


def nothing_is_left(cluster: Any) -> None:
    for name in cluster.nodes:
        host = cluster.host(name)
        assert not host.file(MARKER).exists, name
        assert "drill" not in host.run("systemctl list-units --all --no-legend 'baremetal-kubernetes-drill*'").stdout
        assert "DRILL" not in host.run("iptables -t mangle -S").stdout
        assert host.run("find /run/systemd/system /etc/systemd/system -name '*drill*'").stdout == ""
    for name in cluster.control_planes:
        for service in ("haproxy", "keepalived", "kubelet"):
            assert cluster.host(name).service(service).is_running, "%s on %s" % (service, name)
        assert len(cluster.host(name).file("/etc/kubernetes/manifests").listdir()) == 4
    spaces = cluster.kubectl("get namespaces -o json")["items"]
    assert not [space for space in spaces if space["metadata"]["name"].startswith("drill-")]


def test_without_the_clusters_name_nothing_is_killed(cluster: Any) -> None:
    run = drill(directory="refused")
    assert run.returncode != 0 and "run again with -e drill_confirm=drill" in run.stdout
    assert not (OUTPUT / "refused").exists()
    nothing_is_left(cluster)


def test_check_mode_says_what_it_would_kill_and_kills_nothing(cluster: Any) -> None:
    before = [
        cluster.host(name).run("pgrep -x kube-apiserver; pgrep -x etcd; pgrep -x haproxy").stdout for name in cluster.control_planes
    ]
    run = drill("--check", directory="check")
    assert run.returncode == 0, run.stdout[-4000:]
    assert "SIGKILL to keepalived" in run.stdout and "director: left out, no host is in group directors" in run.stdout
    after = [
        cluster.host(name).run("pgrep -x kube-apiserver; pgrep -x etcd; pgrep -x haproxy").stdout for name in cluster.control_planes
    ]
    assert before == after and not (OUTPUT / "check").exists()


def test_what_would_cost_the_quorum_is_refused_before_anything_is_touched(cluster: Any, tmp_path: pathlib.Path) -> None:
    # As if all nodes were virtual machines of one computer: the plan itself sees that.
    run = drill("-e", NAME, "-e", "physical_host=one", directory="quorum")
    assert run.returncode != 0 and "machine one holds 3 of 3 etcd members" in run.stdout
    assert not (OUTPUT / "quorum").exists()


def test_every_fault_stays_within_its_limits_and_no_write_is_lost(cluster: Any) -> None:
    run = drill("-e", NAME)
    assert run.returncode == 0, run.stdout[-6000:]
    (*_earlier, report) = reports("all")
    assert [fault["fault"] for fault in report["faults"]] == FAULTS
    assert [entry["fault"] for entry in report["left_out"]] == ["director"]
    holder = report["faults"][0]
    assert holder["outage"]["longest"] <= 3.0
    # Where nothing is out, nothing was killed: this fault can't pass without a trace. A probe waits for longer than that.
    assert holder["outage"]["longest"] > 0
    whole = report["faults"][-1]
    assert len(whole["hosts"]) >= 1 and all(fault["lost_writes"] == 0 for fault in report["faults"])
    assert report["keys"]["acknowledged"] > 500 and report["keys"]["lost"] == []
    (*_earlier, page) = sorted((OUTPUT / "all").glob("*/report.html"))
    assert "<svg" in page.read_text() and "Passed" in page.read_text()
    nothing_is_left(cluster)


def test_loss_of_power_by_the_users_command_and_a_second_run(cluster: Any) -> None:
    lab = [sys.executable, str(ROOT / "tests" / "lab" / "lab.py")]
    power = {
        "drill_faults": ["vip_holder"],
        "drill_power_off_command": lab + ["stop", "drill-{{ inventory_hostname }}"],
        "drill_power_on_command": lab + ["start", "drill-{{ inventory_hostname }}"],
    }
    run = drill("-e", NAME, "-e", json.dumps(power), directory="power")
    assert run.returncode == 0, run.stdout[-6000:]
    (report,) = reports("power")[-1:]
    assert "power off" in report["faults"][0]["what"] and report["faults"][0]["outage"]["longest"] <= 3.0
    assert not (OUTPUT / "power" / "powered-off.json").exists()
    nothing_is_left(cluster)


@pytest.mark.parametrize("rescue", ["the node's own timer", "the next drill"])
def test_a_controller_that_is_killed_in_the_middle_leaves_no_node_cut(cluster: Any, rescue: str) -> None:
    short = ["-e", NAME, "-e", json.dumps({"drill_faults": ["load_balancer"], "drill_fault_seconds": 15, "drill_revert_after": 75})]
    process = subprocess.Popen(
        command(*short, directory="killed"),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if "Let it be dead for a while" in line:
            break
    else:
        pytest.fail("".join(seen[-80:]) + "the drill ended before anything was dead")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    dead = [name for name in cluster.control_planes if cluster.host(name).file(MARKER).exists]
    assert len(dead) == 1 and not cluster.host(dead[0]).service("haproxy").is_running
    if rescue == "the next drill":
        run = drill(*short, directory="killed")
        assert run.returncode == 0, run.stdout[-6000:]
    else:
        end = time.monotonic() + 120
        while cluster.host(dead[0]).file(MARKER).exists or not cluster.host(dead[0]).service("haproxy").is_running:
            assert time.monotonic() < end, "the node did not undo its fault"
            time.sleep(2)
    # What watched the endpoint noticed, too, that its controller is gone, and removed its namespace.
    end = time.monotonic() + 120
    while "drill-" in cluster.kubectl("get namespaces -o name"):
        assert time.monotonic() < end, "the namespace stays"
        time.sleep(2)
    cluster.playbook("verify")
    nothing_is_left(cluster)
