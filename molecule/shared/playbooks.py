"""A scenario's playbooks as a user starts them, to their end or killed inside a task."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
from typing import List, Optional

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Playbooks:
    """Runs the collection's playbooks on the lab nodes of an inventory."""

    def __init__(self, inventory: str) -> None:
        self.inventory = ROOT / "inventories" / "lab" / inventory

    def start(self, name: str, *arguments: str) -> "subprocess.Popen[str]":
        """In a session of its own, so that all of it can be killed."""
        # Where skipped hosts are not shown, a task is not named before its first host has done it.
        shown = {"ANSIBLE_DISPLAY_SKIPPED_HOSTS": "1", "ANSIBLE_FORCE_COLOR": "0", "PYTHONUNBUFFERED": "1"}
        return subprocess.Popen(
            ["ansible-playbook", "--inventory", str(self.inventory), "baremetal.kubernetes." + name, *arguments],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), **shown},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def kill_inside(self, task: str, after: float, name: str, *arguments: str) -> None:
        """Kill it with SIGKILL ``after`` seconds into the first task of that name."""
        process = self.start(name, *arguments)
        assert process.stdout is not None
        seen = []
        for line in process.stdout:
            seen.append(line)
            if line.startswith("TASK [") and task in line:
                time.sleep(after)
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                print("killed %.1f s into %r" % (after, task), flush=True)
                return
        sys.exit("".join(seen[-60:]) + "\nThe run ended before the task %r began." % task)

    def kill_after(self, seconds: float, name: str, *arguments: str) -> Optional[str]:
        """Kill it with SIGKILL after so many seconds; the task that was cut, or None when it had ended well before."""
        process = self.start(name, *arguments)
        timer = threading.Timer(seconds, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        output, _ = process.communicate()
        timer.cancel()
        if process.returncode == 0:
            return None
        if process.returncode != -signal.SIGKILL:
            sys.exit(output[-8000:] + "\n%s failed before it was killed." % " ".join([name, *arguments]))
        return ([name] + re.findall(r"^TASK \[(?:baremetal\.kubernetes\.)?(.+?)\] \*", output, re.MULTILINE))[-1]

    def run(self, name: str, *arguments: str) -> str:
        """To its end, which must be a good one; its output."""
        started = time.monotonic()
        process = self.start(name, *arguments)
        output, _ = process.communicate()
        if process.returncode != 0:
            sys.exit(output[-8000:] + "\n%s failed." % " ".join([name, *arguments]))
        print("%s: %.0f s, changed=%d" % (" ".join([name, *arguments]), time.monotonic() - started, changed(output)), flush=True)
        return output


def changed(output: str) -> int:
    """How many tasks changed something, by the recap."""
    return sum(map(int, re.findall(r"changed=(\d+)", output)))


def check(good: bool, problem: str, evidence: object = "") -> None:
    """End with the problem unless all is good."""
    if not good:
        sys.exit("%s\n%s" % (str(evidence)[-8000:], problem))


def on_node(address: str, command: str, stdin: bytes = b"") -> bytes:
    """A command on a node over SSH; what it prints."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "baremetal-kubernetes-lab" / "ssh"
    argv: List[str] = [
        "ssh",
        "-o",
        "BatchMode=yes",
        "-i",
        str(cache / "id_ed25519"),
        "-o",
        "UserKnownHostsFile=%s" % (cache / "known_hosts"),
    ]
    done = subprocess.run([*argv, "root@" + address, command], input=stdin, capture_output=True)
    if done.returncode != 0:
        sys.exit("%s: %s: %s" % (address, command, done.stderr.decode(errors="replace")))
    return done.stdout
