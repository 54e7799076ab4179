#!/usr/bin/env python3
"""Runs a topology's playbook on blank nodes, kills it with SIGKILL inside five tasks and starts it again each time.

Usage: kill_and_resume.py TOPOLOGY. Fails unless the last run converges and one more reports changed=0.
"""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]

#: Task, and how many seconds of it may pass: early in the preparation, in the middle of it, inside kubeadm and after it.
#: kubeadm itself outlives the kill, as it outlives a lost connection; the next run waits for it or finds it done.
KILLS = {
    "single": [
        ("Set host names", 0.3),
        ("Configure containerd", 0.5),
        ("Bring programs, images and the kubelet", 2.0),
        ("Initialise the cluster on this", 4.0),
        ("Give the node its bridge", 0.3),
    ],
    "stacked_ha": [
        ("Configure containerd", 0.5),
        ("Bring programs, images and the kubelet", 3.0),
        ("Initialise the cluster on this", 6.0),
        ("Join the cluster as control plane", 4.0),
        ("Join the cluster as worker", 2.0),
    ],
    "external_etcd": [
        # One host alone has the authority; some members have begun; they agree on nothing yet; then inside kubeadm, twice.
        ("Make the certificate authority of etcd", 1.0),
        ("Bring the member of etcd to its state", 1.5),
        ("Bring the member of etcd to its state", 5.0),
        ("Initialise the cluster on this", 6.0),
        ("Join the cluster as control plane", 4.0),
    ],
    "lvs_haproxy": [
        ("Bring programs, images and the kubelet", 3.0),
        ("Have the virtual address on the loopback", 0.3),
        ("Give the kernel IP_VS", 1.0),
        ("Initialise the cluster on this", 6.0),
        ("Join the cluster as control plane", 4.0),
    ],
}


def play(topology: str) -> "subprocess.Popen[str]":
    """The playbook as a user starts it, in a session of its own so that all of it can be killed."""
    return subprocess.Popen(
        ["ansible-playbook", "--inventory", "inventories/lab/" + topology, "baremetal.kubernetes." + topology],
        cwd=ROOT,
        env=dict(os.environ, ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_FORCE_COLOR="0", PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def kill_inside(topology: str, task: str, after: float) -> None:
    """Start the playbook and kill it with all its children ``after`` seconds into the first task of that name."""
    process = play(topology)
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if line.startswith("TASK [") and task in line:
            time.sleep(after)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            print("killed %.1f s into %r after %d lines of output" % (after, task, len(seen)), flush=True)
            return
    sys.exit("".join(seen[-60:]) + "\nThe run ended before the task %r began." % task)


def run(topology: str) -> str:
    """The playbook to its end; its output."""
    process = play(topology)
    output, _ = process.communicate()
    if process.returncode != 0:
        sys.exit(output[-8000:] + "\nThe run after the kills failed.")
    return output


def main() -> None:
    topology = sys.argv[1]
    subprocess.run([sys.executable, "tests/lab/lab.py", "blank", "inventories/lab/" + topology], cwd=ROOT, check=True)
    for task, after in KILLS[topology]:
        kill_inside(topology, task, after)
    started = time.monotonic()
    run(topology)
    print("converged in %.0f s after %d kills" % (time.monotonic() - started, len(KILLS[topology])), flush=True)
    changed = re.findall(r"changed=(\d+)", run(topology))
    if not changed or any(count != "0" for count in changed):
        sys.exit("The run after that one still changed something: %s" % changed)
    print("and the run after that one changed nothing")


if __name__ == "__main__":
    main()
