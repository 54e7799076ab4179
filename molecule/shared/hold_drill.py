#!/usr/bin/env python3
"""Holds a drill on a scenario's living cluster. Its reports stay in tests/output/drill/TOPOLOGY.

Usage: hold_drill.py TOPOLOGY FAULT…: exactly these faults have to be found and done, and to stay within their limits: the
endpoint back within 3 s, no acknowledged write lost.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any, Dict, List

ROOT = pathlib.Path(__file__).resolve().parents[2]


def check(good: bool, problem: str, evidence: object) -> None:
    if not good:
        sys.exit("%s\n%s" % (str(evidence)[-8000:], problem))


def hold(topology: str, directory: pathlib.Path) -> str:
    """The drill as a user holds it; its output."""
    listed = subprocess.run(
        ["ansible-inventory", "--inventory", "inventories/lab/" + topology, "--list"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    name = next(iter(json.loads(listed.stdout)["_meta"]["hostvars"].values()))["cluster_name"]
    done = subprocess.run(
        [
            *("ansible-playbook", "--inventory", "inventories/lab/" + topology, "baremetal.kubernetes.drill"),
            *("-e", "drill_confirm=" + name, "-e", "drill_report_directory=%s" % directory),
        ],
        cwd=ROOT,
        env=dict(os.environ, ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_FORCE_COLOR="0", ANSIBLE_NOCOLOR="1"),
        capture_output=True,
        text=True,
    )
    check(done.returncode == 0, "the drill did not pass", done.stdout + done.stderr)
    return done.stdout


def main() -> None:
    topology, wanted = sys.argv[1], sys.argv[2:]
    directory = ROOT / "tests" / "output" / "drill" / topology
    output = hold(topology, directory)
    (*_earlier, newest) = sorted(directory.glob("*/report.json"))
    report: Dict[str, Any] = json.loads(newest.read_text())
    found: List[str] = [fault["fault"] for fault in report["faults"]]
    check(found == wanted, "other faults were done than %s" % ", ".join(wanted), found)
    for fault in report["faults"]:
        print(
            "%s on %s: outage %.2f s, %d of %d probes and %d of %d writes failed, %d acknowledged writes lost"
            % (
                *(fault["fault"], ", ".join(fault["hosts"]), fault["outage"]["longest"]),
                *(fault["probes"]["failed"], fault["probes"]["sent"], fault["writes"]["failed"], fault["writes"]["sent"]),
                fault["lost_writes"],
            ),
            flush=True,
        )
        check(fault["outage"]["longest"] <= 3.0 and fault["lost_writes"] == 0, "%s is over its limits" % fault["fault"], fault)
    # Where nothing is out, nothing was killed: without its address the endpoint can't be there. A probe waits for longer than that.
    check(report["faults"][0]["outage"]["longest"] > 0, "the endpoint was there without its address", report["faults"][0])
    check(report["keys"]["acknowledged"] > 100 and report["keys"]["lost"] == [], "keys were lost, or never written", report["keys"])
    page = newest.with_name("report.html").read_text()
    check("<svg" in page and "Passed" in page, "there is no page of it", output)
    print("%d acknowledged writes, none lost; report: %s" % (report["keys"]["acknowledged"], newest.parent.relative_to(ROOT)))


if __name__ == "__main__":
    main()
