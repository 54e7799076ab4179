#!/usr/bin/env python3
"""Runs a topology's playbook on blank nodes, kills it with SIGKILL inside five tasks and starts it again each time.

Usage: kill_and_resume.py TOPOLOGY. Fails unless the last run converges and one more reports changed=0.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from playbooks import ROOT, Playbooks  # noqa: E402

#: Task, and how many seconds of it may pass: early in the preparation, in the middle of it, inside kubeadm and after it.
#: kubeadm itself outlives the kill, as it outlives a lost connection; the next run waits for it or finds it done.
KILLS = {
    "single": [
        ("Set host names", 0.3),
        ("Configure the container runtime", 0.5),
        ("Bring programs, images and the kubelet", 2.0),
        ("Initialise the cluster on this", 4.0),
        ("Give the node its bridge", 0.3),
    ],
    "stacked_ha": [
        ("Configure the container runtime", 0.5),
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


def main() -> None:
    topology = sys.argv[1]
    subprocess.run([sys.executable, "tests/lab/lab.py", "blank", "inventories/lab/" + topology], cwd=ROOT, check=True)
    playbooks = Playbooks(topology)
    for task, after in KILLS[topology]:
        playbooks.kill_inside(task, after, topology)
    started = time.monotonic()
    playbooks.run(topology)
    print("converged in %.0f s after %d kills" % (time.monotonic() - started, len(KILLS[topology])), flush=True)
    changed = re.findall(r"changed=(\d+)", playbooks.run(topology))
    if not changed or any(count != "0" for count in changed):
        sys.exit("The run after that one still changed something: %s" % changed)
    print("and the run after that one changed nothing")


if __name__ == "__main__":
    main()
