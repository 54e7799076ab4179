"""Playbook upgrade_os: each node is emptied, gets a package that wants a reboot as a kernel does, and starts anew."""

from __future__ import annotations

import json
import pathlib
import sys
import threading
from collections.abc import Iterator
from typing import Any, Dict, List

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
LAB = ROOT / "tests" / "lab"
sys.path[:0] = [str(LAB), str(ROOT / "molecule" / "shared")]

import nodes  # noqa: E402

from playbooks import Playbooks  # noqa: E402

VERSION = ["-e", "cluster_kubernetes_version=1.20.3"]
#: A container shows the machine's own mark of its boot; so that each start of a node has another one, as systemd-nspawn does it.
BOOT_MARK = """
cat > /etc/systemd/system/lab-boot-mark.service <<'UNIT'
[Unit]
DefaultDependencies=no
Before=sysinit.target systemd-journald.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'cat /proc/sys/kernel/random/uuid > /run/boot-mark'
ExecStart=mount --bind /run/boot-mark /proc/sys/kernel/random/boot_id
[Install]
WantedBy=sysinit.target
UNIT
systemctl daemon-reload && systemctl enable --quiet --now lab-boot-mark
"""


class Machines(threading.Thread):
    """A node's system that starts itself anew ends its container; a machine would go on to its next boot."""

    def __init__(self, scenario: str) -> None:
        super().__init__()
        self.scenario = scenario
        self.ended = threading.Event()
        self.booted: List[str] = []

    def run(self) -> None:
        while not self.ended.wait(1):
            for name, state in nodes.containers(self.scenario).items():
                if state == "exited":
                    self.booted.append(name.removeprefix("bm-%s-" % self.scenario))
                    nodes.podman("start", name)


@pytest.fixture(name="machines")
def _machines(cluster: Any) -> Iterator[Machines]:
    thread = Machines(cluster.scenario)
    thread.start()
    yield thread
    thread.ended.set()
    thread.join()


def marks(cluster: Any) -> Dict[str, str]:
    return {name: cluster.host(name).file("/proc/sys/kernel/random/boot_id").content_string for name in cluster.nodes}


def test_every_node_is_emptied_upgraded_and_started_anew(cluster: Any, machines: Machines) -> None:
    for name in cluster.nodes:
        # Check mode asks no repository; a host's own timer does once a day.
        for script in (BOOT_MARK, (LAB / "files" / "os-updates.sh").read_text(), "apt-get --quiet update"):
            done = cluster.host(name).run("bash -c %s", script)
            assert done.rc == 0, done.stderr
    before = marks(cluster)
    assert len(set(before.values())) == len(cluster.nodes)
    looked = cluster.run("upgrade_os", *VERSION, "--check", "--diff")
    assert looked.returncode == 0, looked.stdout[-6000:]
    assert looked.stdout.count("1 packages; no reboot needed before") == len(cluster.nodes) and marks(cluster) == before
    # SIGKILL after the first node has lost its pods, and a second run that opens it and goes on.
    killed = kill_when_booting(cluster, machines)
    run = cluster.run("upgrade_os", *VERSION)
    assert run.returncode == 0, run.stdout[-6000:]
    print("killed while %s booted; all of them: %s" % (killed, machines.booted))
    # Workers first, each of them once.
    assert machines.booted[: len(cluster.workers)] == cluster.workers
    assert sorted(machines.booted) == sorted(cluster.nodes)
    after = marks(cluster)
    for name in cluster.nodes:
        assert after[name] != before[name]
        assert cluster.host(name).package("lab-news").version == "2.0"
    for node in cluster.kubectl("get nodes -o json")["items"]:
        assert not node["spec"].get("unschedulable") and "upgrade_os" not in json.dumps(node["metadata"])
        assert [one["status"] for one in node["status"]["conditions"] if one["type"] == "Ready"] == ["True"]


def kill_when_booting(cluster: Any, machines: Machines) -> str:
    """Start the playbook and kill it once the first node starts anew; that node's name."""
    with Playbooks(cluster.scenario).start("upgrade_os", *VERSION) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "TASK [" in line and "Start the host anew" in line:
                break
        else:
            pytest.fail("no node was started anew: %s" % said[-4000:])
        while not machines.booted and process.poll() is None:
            machines.ended.wait(0.2)
        process.kill()
    (name,) = machines.booted
    # Until it answers.
    nodes.start("%s-%s" % (cluster.scenario, name))
    return name


def test_a_second_run_finds_nothing_to_do(cluster: Any, machines: Machines) -> None:
    assert cluster.playbook("upgrade_os", *VERSION)["changed"] == 0
    assert not machines.booted
