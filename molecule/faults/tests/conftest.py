"""Real nodes, and what happens to them: each fault is there as long as its `with` block."""

from __future__ import annotations

import contextlib
import pathlib
import re
import subprocess
import sys
import time
from typing import Any, Dict, Iterator, List, Sequence

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests" / "lab"), str(ROOT / "molecule" / "shared")]
import host
import nodes

from playbooks import Playbooks

FAKETIME = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
#: Holds dpkg's lock as apt does, and lets go after so many seconds.
LOCK_HOLDER = """
import fcntl, sys, time
file = open("/var/lib/dpkg/lock-frontend", "w")
fcntl.lockf(file, fcntl.LOCK_EX)
time.sleep(float(sys.argv[1]))
"""


class Scene:
    """The scenario's nodes by podman, which reaches them whatever is wrong with them, and its playbook."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster
        host.use_containers_conf()
        self.lab = nodes.read(cluster.inventory)
        self.playbooks = Playbooks(cluster.scenario)

    # --- on a node

    def sh(self, node: str, command: str, check: bool = True) -> str:
        done = subprocess.run(
            ["podman", "exec", self.lab.container(node), "sh", "-c", command], capture_output=True, text=True, timeout=600
        )
        assert not check or done.returncode == 0, "%s: %s\n%s%s" % (node, command, done.stdout, done.stderr)
        return done.stdout

    def in_network_of(self, node: str) -> List[str]:
        """The beginning of a command that is run by this machine's programs in the node's network."""
        pid = host.podman("inspect", "--format", "{{.State.Pid}}", self.lab.container(node)).strip()
        return ["nsenter", "--target", pid, "--net"]

    def state(self) -> Dict[str, List[str]]:
        """Names, sizes and times of all that a playbook could have written; Python's own caches are nobody's."""
        places = "/etc /usr /opt /root /var/lib/dpkg"
        command = "find %s -xdev -not -path '*/__pycache__*' -printf '%%p %%s %%T@\\n' 2>/dev/null" % places
        return {node: sorted(self.sh(node, command, check=False).splitlines()) for node in self.lab.nodes}

    # --- the playbook

    def refused(self, *words: str, within: float = 600) -> str:
        """The playbook refuses in these words, before it has changed anything; what it said."""
        before = self.state()
        output = self.fails(*words, "no host was changed", within=within)
        assert not re.search(r"changed=[1-9]", output), output[-3000:]
        after = self.state()
        for node in before:
            assert before[node] == after[node], set(before[node]) ^ set(after[node])
        return output

    def fails(self, *words: str, within: float = 900, arguments: Sequence[str] = ()) -> str:
        """The playbook ends in time and says these words, none of them Python's; what it said."""
        begun = time.monotonic()
        run = self.cluster.run("single", *arguments)
        took = time.monotonic() - begun
        output = str(run.stdout + run.stderr)
        return self.said(run.returncode, output, took, words, within)

    def said(self, code: int, output: str, took: float, words: Any, within: float) -> str:
        message = output.replace("\\n", "\n").replace('\\"', '"')
        print(excerpt(message))
        print("ended after %.0f s" % took)
        assert code != 0, output[-4000:]
        assert took < within, "it took %.0f s\n%s" % (took, output[-3000:])
        for word in words:
            assert word in message, "%r was not said:\n%s" % (word, message[-6000:])
        assert "Traceback (most recent call last)" not in output, output[-6000:]
        return message

    def converges(self) -> None:
        """The same playbook builds the cluster now, and the run after finds nothing to do."""
        begun = time.monotonic()
        first = self.cluster.playbook("single")
        middle = time.monotonic()
        second = self.cluster.playbook("single")
        print("converged in %.0f s (changed=%d), then changed=%d" % (middle - begun, first["changed"], second["changed"]))
        assert second["changed"] == 0

    def reset(self, *hosts: str) -> None:
        """What a refusal says to do."""
        self.cluster.playbook("reset", "--limit", ",".join(hosts), "-e", "reset_confirm=" + self.cluster.setting("cluster_name"))

    # --- faults

    @contextlib.contextmanager
    def cut_off(self, node: str, how: str = "DROP") -> Iterator[None]:
        """Nobody gets an answer of the node's sshd: by silence, or by `REJECT --reject-with tcp-reset` as where it does not run."""
        rule = "INPUT -p tcp --dport 22 -j " + how
        self.sh(node, "iptables -I " + rule)
        try:
            yield
        finally:
            self.sh(node, "iptables -D " + rule)

    @contextlib.contextmanager
    def clock(self, node: str, offset: int) -> Iterator[None]:
        """The node's Python, which is what modules run in, gets the time from libfaketime: a container's clock is the machine's."""
        subprocess.run(["podman", "cp", str(FAKETIME), self.lab.container(node) + ":/opt/libfaketime.so.1"], check=True)
        wrapper = '#!/bin/sh\\nLD_PRELOAD=/opt/libfaketime.so.1 FAKETIME=%+d exec /usr/bin/python3.11 "$@"\\n' % offset
        self.sh(
            node, "mv /usr/bin/python3 /usr/bin/python3-kept; printf '%s' >/usr/bin/python3; chmod 755 /usr/bin/python3" % wrapper
        )
        try:
            yield
        finally:
            self.sh(node, "rm -f /usr/bin/python3 /opt/libfaketime.so.1; mv /usr/bin/python3-kept /usr/bin/python3")

    @contextlib.contextmanager
    def small_disk(self, node: str, path: str, megabytes: int) -> Iterator[None]:
        """A file system of its own at the path, of this size. Whatever has the path open is stopped before it changes."""
        self.sh(node, "systemctl stop kubelet containerd", check=False)
        image = "/var/small-%d" % megabytes
        self.sh(node, "truncate -s %dM %s && mkfs.ext4 -q -m 0 %s" % (megabytes, image, image))
        self.sh(node, "mkdir -p %s && mount -o loop %s %s" % (path, image, path))
        try:
            yield
        finally:
            self.sh(node, "systemctl stop kubelet containerd 2>/dev/null; umount --lazy %s && rm %s" % (path, image))

    @contextlib.contextmanager
    def filling(self, node: str, path: str, once: str) -> Iterator[None]:
        """Something fills the file system at the path up, once there is this file."""
        fill = "until [ -e %s ]; do sleep 0.2; done; cat /dev/zero >%s/ballast" % (once, path)
        self.sh(node, "systemd-run --quiet --unit fill-disk sh -c '%s'" % fill)
        try:
            yield
        finally:
            self.sh(
                node, "systemctl stop fill-disk 2>/dev/null; systemctl reset-failed fill-disk 2>/dev/null; rm -f %s/ballast" % path
            )

    @contextlib.contextmanager
    def without_dns(self, node: str) -> Iterator[None]:
        """The server that the node's resolv.conf names is none (RFC 5737). The file is podman's mount, so it is not replaced."""
        self.sh(node, "cp /etc/resolv.conf /run/resolv.conf.kept; echo nameserver 192.0.2.53 >/etc/resolv.conf")
        assert not self.sh(node, "timeout 10 getent hosts dns.example.org", check=False)
        try:
            yield
        finally:
            self.sh(node, "cat /run/resolv.conf.kept >/etc/resolv.conf")

    @contextlib.contextmanager
    def locked(self, node: str, seconds: float) -> Iterator[str]:
        """Another package manager is at work on the node; its process' number."""
        self.sh(node, "cat >/opt/hold-lock.py <<'EOT'\n%sEOT\n" % LOCK_HOLDER)
        self.sh(node, "systemd-run --quiet --unit hold-lock /usr/bin/python3 /opt/hold-lock.py %g" % seconds)
        time.sleep(1)
        try:
            yield self.sh(node, "systemctl show --property MainPID --value hold-lock").strip()
        finally:
            self.sh(node, "systemctl stop hold-lock 2>/dev/null; rm -f /opt/hold-lock.py")

    @contextlib.contextmanager
    def slow_links(self, delay: float, lost: float) -> Iterator[None]:
        """All that the nodes send is late, and some of it is lost."""
        with contextlib.ExitStack() as stack:
            for node in self.lab.nodes:
                stack.enter_context(self._slow(self.in_network_of(node), delay, lost))
            yield

    @contextlib.contextmanager
    def _slow(self, inside: List[str], delay: float, lost: float) -> Iterator[None]:
        program = [*inside, sys.executable, str(ROOT / "molecule" / "faults" / "slow_link.py"), str(delay), str(lost)]
        process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        queue = ["-o", "eth0", "-j", "NFQUEUE", "--queue-num", "1"]
        subprocess.run([*inside, "iptables", "-t", "mangle", "-A", "POSTROUTING", *queue], check=True)
        try:
            yield
        finally:
            subprocess.run([*inside, "iptables", "-t", "mangle", "-D", "POSTROUTING", *queue], check=True)
            process.stdin.close()
            process.wait(timeout=10)


def excerpt(message: str) -> str:
    """What the playbook said of the failure, without the plays around it."""
    found = re.search(r"\[ERROR\]: .*?(?=\nOrigin:|\nfatal:)", message, re.DOTALL)
    return found.group(0) if found else message[-1500:]


@pytest.fixture(scope="session")
def scene(cluster: Any) -> Scene:
    return Scene(cluster)
