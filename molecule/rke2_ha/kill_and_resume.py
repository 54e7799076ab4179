#!/usr/bin/env python3
"""Runs playbook rke2_ha on nodes that are blank but for RKE2's files, and kills it with SIGKILL inside five tasks."""

from __future__ import annotations

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "shared"))

from playbooks import Playbooks  # noqa: E402

#: Task, and how many seconds of it may pass: the token is made; archives are being copied; the first server starts; the endpoint
#: has no server but that one; a server joins.
KILLS = [
    ("Settle the token by which nodes join", 0.7),
    ("Put archives of images where RKE2 imports them", 0.5),
    ("Have RKE2 run with its configuration", 1.5),
    ("Bring the load balancer to its configuration", 0.5),
    ("Have RKE2 run with its configuration", 6.0),
]


def main() -> None:
    playbooks = Playbooks("rke2_ha")
    for task, after in KILLS:
        playbooks.kill_inside(task, after, "rke2_ha")
    playbooks.run("rke2_ha")


if __name__ == "__main__":
    main()
