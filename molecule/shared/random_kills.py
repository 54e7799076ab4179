#!/usr/bin/env python3
"""Kills a topology's playbook with SIGKILL at random moments, wherever they fall, and starts it again each time.

Blank nodes, kills until a run gets to its end, a run that must change nothing, `verify`; and again on blank nodes, until there were
as many kills as asked for. Its last line sums them up.
"""

from __future__ import annotations

import argparse
import pathlib
import random
import subprocess
import sys
import time
from typing import List

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from playbooks import ROOT, Playbooks, changed, check  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("topology")
    parser.add_argument("count", type=int, help="kills")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the moments; printed")
    parser.add_argument("--within", type=float, default=150, help="seconds of a run in which it is killed")
    parser.add_argument("--prepare", help="a playbook for the blank nodes, before the first run")
    parser.add_argument("--unverified", action="store_true", help="without playbook verify, which is for clusters of kubeadm")
    arguments = parser.parse_args()
    print("%s: %d kills, seed %d" % (arguments.topology, arguments.count, arguments.seed), flush=True)
    moments = random.Random(arguments.seed)
    cut: List[str] = []
    rounds = 0
    while len(cut) < arguments.count:
        rounds += 1
        cut += one_round(arguments, moments, arguments.count - len(cut))
    print("%s: converged after %d kills in %d rounds, inside %d tasks" % (arguments.topology, len(cut), rounds, len(set(cut))))


def one_round(arguments: argparse.Namespace, moments: random.Random, most: int) -> List[str]:
    """The tasks that were cut, at most so many."""
    inventory = "inventories/lab/" + arguments.topology
    subprocess.run([sys.executable, "tests/lab/lab.py", "blank", inventory], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    if arguments.prepare:
        prepared = ["ansible-playbook", "--inventory", inventory, arguments.prepare]
        subprocess.run(prepared, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    playbooks = Playbooks(arguments.topology)
    cut: List[str] = []
    ended = False
    while len(cut) < most and not ended:
        seconds = moments.uniform(0, arguments.within)
        task = playbooks.kill_after(seconds, arguments.topology)
        ended = task is None
        if task is not None:
            cut.append(task)
            print("%s killed after %.1f s in %r" % (time.strftime("%X"), seconds, task), flush=True)
    if not ended:
        playbooks.run(arguments.topology)
    again = playbooks.run(arguments.topology)
    check(changed(again) == 0, "The run after %d kills and one to the end still changed something." % len(cut), again)
    if not arguments.unverified:
        playbooks.run("verify")
    return cut


if __name__ == "__main__":
    main()
