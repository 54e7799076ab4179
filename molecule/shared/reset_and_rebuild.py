#!/usr/bin/env python3
"""Resets a whole cluster and builds it again on the same nodes.

Usage: reset_and_rebuild.py TOPOLOGY. Fails unless the reset refuses to work without its opt-in, takes the nodes to blank with it,
has nothing to do when it is run once more, and the topology's playbook converges on what it leaves.
"""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys
import time
from typing import Dict, List

ROOT = pathlib.Path(__file__).resolve().parents[2]
#: What a refusal must not touch: the cluster's files with the times of their last change, and its containers.
STATE = "find /etc/kubernetes /etc/cni -type f -printf '%p %C@ ' ; ctr -n k8s.io tasks ls -q | sort"
#: What makes a node one of a cluster.
TRACES = "ls -d /etc/kubernetes/*.conf /etc/kubernetes/pki/* /etc/kubernetes/manifests/* /etc/cni/net.d/* /var/lib/etcd/member"
#: The data of etcd are moved aside, not deleted.
KEPT = "ls -d /var/lib/etcd.removed-*/member"


def run(argv: List[str]) -> "subprocess.CompletedProcess[str]":
    environment = dict(os.environ, ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_FORCE_COLOR="0", ANSIBLE_NOCOLOR="1")
    return subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True)


class Topology:
    """A topology's playbooks, and its nodes by their own word."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.inventory = ["--inventory", "inventories/lab/" + name]

    def playbook(self, name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return run(["ansible-playbook", *self.inventory, "baremetal.kubernetes." + name, *arguments])

    def changed(self, name: str, *arguments: str) -> int:
        """How many tasks changed something in a run that must not fail."""
        done = self.playbook(name, *arguments)
        check(done.returncode == 0, "%s %s failed" % (name, " ".join(arguments)), done.stdout + done.stderr)
        return sum(map(int, re.findall(r"changed=(\d+)", done.stdout)))

    def ask(self, command: str) -> Dict[str, str]:
        """The command's output on each node, whatever its exit code."""
        shell = ["-m", "ansible.builtin.shell", "-a", "{ %s; } 2>/dev/null; true" % command]
        answers = run(["ansible", *self.inventory, "control_plane:workers", "--one-line", *shell])
        check(answers.returncode == 0, "%r did not run" % command, answers.stdout + answers.stderr)
        return {
            line.split(" | ")[0]: line.partition("(stdout)")[2].strip() for line in answers.stdout.splitlines() if " | " in line
        }


def check(good: bool, problem: str, evidence: object) -> None:
    if not good:
        sys.exit("%s\n%s" % (str(evidence)[-8000:], problem))


def main() -> None:
    topology = Topology(sys.argv[1])
    confirm = "reset_confirm=" + topology.name
    started = time.monotonic()

    before = topology.ask(STATE)
    check(all(before.values()), "there is no cluster to reset", before)
    refused = topology.playbook("reset")
    check(
        refused.returncode != 0 and "run again with -e " + confirm in refused.stdout and "--limit all" in refused.stdout,
        "a reset without opt-in did not refuse",
        refused.stdout,
    )
    check(
        "changed=0" in refused.stdout and not re.search(r"changed=[1-9]", refused.stdout),
        "a refused reset changed something",
        refused.stdout,
    )
    after = topology.ask(STATE)
    check(before == after, "a refused reset left the nodes otherwise than it found them", (before, after))
    print("refused without the opt-in, and nothing changed", flush=True)

    check(topology.changed("reset", "--limit", "all", "-e", confirm) > 0, "the reset changed nothing", before)
    left = topology.ask(TRACES)
    check(not any(left.values()), "the reset left traces of the cluster", left)
    kept = topology.ask(KEPT)
    check(any(kept.values()), "the data of etcd were not kept", kept)
    again = topology.changed("reset", "--limit", "all", "-e", confirm)
    check(again == 0, "a second reset changed something", again)
    print("reset, twice, in %.0f s; the second changed nothing" % (time.monotonic() - started), flush=True)

    started = time.monotonic()
    check(topology.changed(topology.name) > 0, "the playbook built no cluster", "")
    print("built again in %.0f s" % (time.monotonic() - started))


if __name__ == "__main__":
    main()
