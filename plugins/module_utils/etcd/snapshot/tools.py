# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of etcd that do the work: from the host, or from the image that the host's own member runs from.

From 3.6 on ``etcdctl`` saves only; ``etcdutl``, there since 3.5, looks at a snapshot and restores it
(https://kubernetes.io/blog/2025/05/15/announcing-etcd-3.6/). Before 3.5 etcdctl does all, and leaves the snapshot's members in what
it restores, which etcd 3.6 takes for its own (https://etcd.io/blog/2025/zombie_members_upgrade/).
"""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.errors import SnapshotError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result, Runner

VERSION = re.compile(r"^(?:etcdctl|etcdutl) version:\s*v?([0-9]{1,9})\.([0-9]{1,9})", re.MULTILINE)
#: The first version whose etcdctl restores no more, and the first whose restore can set the revision ahead.
ETCDCTL_ONLY_SAVES = (3, 6)
CAN_BUMP_REVISION = (3, 5)
#: The first version that takes the snapshot's members out of what it restores.
FORGETS_MEMBERS = (3, 5)
IMAGE = re.compile(r"/etcd(?::|@)")
CONTAINER = "baremetal-kubernetes-etcd-tool"


class Certificates(NamedTuple):
    """Files of the client's TLS."""

    ca: str
    certificate: str
    key: str


class Tool(NamedTuple):
    """A program and how it is called; ``version`` is its minor version, as in (3, 5)."""

    name: str
    path: str
    image: str
    version: Tuple[int, int]

    def argv(self, arguments: Sequence[str], folders: Sequence[str]) -> List[str]:
        """The command; ``folders`` are those whose files it reads or writes."""
        if not self.image:
            return [self.path] + list(arguments)
        mounts: List[str] = []
        for folder in sorted(set(folders)):
            mounts += ["--mount", "type=bind,src=%s,dst=%s,options=rbind:rw" % (folder, folder)]
        run = ["ctr", "--namespace", "k8s.io", "run", "--rm", "--net-host"]
        return run + mounts + [self.image, "%s-%d" % (CONTAINER, os.getpid()), self.name] + list(arguments)


class Tools:
    """Finds the programs on one host."""

    def __init__(self, runner: Runner, timeout: float = 600) -> None:
        self._runner = runner
        self._timeout = timeout

    def saver(self) -> Tool:
        """What saves a snapshot: etcdctl, in every version."""
        tool = self._on_host("etcdctl") or self._in_image("etcdctl")
        if tool is None:
            raise _missing("etcdctl")
        return tool

    def restorer(self) -> Tool:
        """What looks at a snapshot and restores it: a distribution's etcdctl may be older than the members."""
        etcdctl = self._on_host("etcdctl")
        usable = etcdctl if etcdctl is not None and etcdctl.version < ETCDCTL_ONLY_SAVES else None
        good = usable if usable is not None and usable.version >= FORGETS_MEMBERS else None
        tool = self._on_host("etcdutl") or good or self._in_image("etcdutl")
        tool = tool or usable or self._in_image("etcdctl", ETCDCTL_ONLY_SAVES)
        if tool is None:
            raise _missing("etcdutl" if etcdctl is not None else "etcdutl or etcdctl")
        return tool

    def call(self, tool: Tool, arguments: Sequence[str], folders: Sequence[str]) -> Result:
        """Run it; ``ETCDCTL_API`` is what versions before 3.4 need."""
        return self._runner.run(tool.argv(arguments, folders), timeout=self._timeout, env={"ETCDCTL_API": "3"})

    def save(self, tool: Tool, endpoint: str, certificates: Certificates, path: str) -> None:
        """Save to a file that does not exist yet.

        :raises SnapshotError: etcd or the disk did not let it.
        """
        arguments = ["--endpoints=" + endpoint, "--cacert=" + certificates.ca, "--cert=" + certificates.certificate]
        arguments += ["--key=" + certificates.key, "snapshot", "save", path]
        result = self.call(tool, arguments, [os.path.dirname(name) for name in (path, *certificates)])
        if result.rc != 0:
            raise SnapshotError(
                endpoint,
                "no snapshot could be saved (exit code %d): %s" % (result.rc, _last_words(result)),
                "see that this member is healthy and that %s has room" % os.path.dirname(path),
            )

    def status(self, tool: Tool, path: str) -> Dict[str, int]:
        """``hash``, ``revision``, ``total_keys`` and ``total_size`` of a snapshot.

        :raises SnapshotError: the program can't read it.
        """
        result = self.call(tool, ["snapshot", "status", path, "--write-out=json"], [os.path.dirname(path)])
        try:
            answer: Any = from_json(result.stdout)
            return {
                "hash": int(answer["hash"]),
                "revision": int(answer["revision"]),
                "total_keys": int(answer["totalKey"]),
                "total_size": int(answer["totalSize"]),
            }
        except (ValueError, KeyError, TypeError):
            raise SnapshotError(path, "%s can't read it: %s" % (tool.name, _last_words(result)), "take another snapshot")

    def _on_host(self, name: str) -> Optional[Tool]:
        path = self._runner.which(name)
        if path is None:
            return None
        return self._asked(Tool(name, path, "", (0, 0)))

    def _in_image(self, name: str, below: Tuple[int, int] = (99, 0)) -> Optional[Tool]:
        if self._runner.which("ctr") is None:
            return None
        listed = self._runner.run(["ctr", "--namespace", "k8s.io", "images", "list", "--quiet"], timeout=30)
        # By tag: the last is the newest that the node has.
        for image in sorted((line for line in listed.stdout.split() if IMAGE.search(line) and "@" not in line), reverse=True):
            tool = self._asked(Tool(name, name, image, (0, 0)))
            if tool is not None and tool.version < below:
                return tool
        return None

    def _asked(self, tool: Tool) -> Optional[Tool]:
        """The tool with its version, or None where it does not run."""
        result = self.call(tool, ["version"], [])
        found = VERSION.search(result.stdout)
        if result.rc != 0 or not found:
            return None
        return tool._replace(version=(int(found.group(1)), int(found.group(2))))


def _last_words(result: Result) -> str:
    """The last lines that a program said, where Go programs put their error."""
    lines = [line for line in (result.stderr + "\n" + result.stdout).splitlines() if line.strip()]
    return " / ".join(lines[-2:])[-600:] or "it said nothing"


def _missing(name: str) -> SnapshotError:
    return SnapshotError(
        name,
        "it is neither on this host nor in an image of etcd that containerd has here",
        "install it in the version of your etcd (Debian: etcd-client), or run this on a member's host",
    )
