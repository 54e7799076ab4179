# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only way in which the knowledge touches a host, so that every piece of it can be tested without one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from typing import Dict, List, Mapping, NamedTuple, Optional, Protocol, Sequence

#: Ansible's SSH sessions may lack the sbin folders, where modprobe, swapoff and keepalived live.
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: The shell's own codes for a program that was not found and (by coreutils' timeout) for one that ran out of time.
NOT_FOUND = 127
TIMED_OUT = 124


def environment(more: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
    """What programs are started with: words in English, and every folder of programs."""
    return {**os.environ, "LC_ALL": "C", "PATH": SEARCH_PATH, **(more or {})}


class Result(NamedTuple):
    """What a program left behind: exit code, and both streams as text."""

    rc: int
    stdout: str
    stderr: str


class Runner(Protocol):
    """Reads files and runs programs on one host. No method raises for what a host may lack."""

    def run(
        self,
        argv: Sequence[str],
        timeout: Optional[float] = None,
        stdin: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
    ) -> Result:
        """Run a program without a shell; rc is 127 where it is missing and 124 after ``timeout`` seconds."""

    def read(self, path: str) -> Optional[str]:
        """The text of a file, or None where it can't be read."""

    def read_bytes(self, path: str) -> Optional[bytes]:
        """The bytes of a file, or None where it can't be read."""

    def list_dir(self, path: str) -> List[str]:
        """The sorted names in a directory; empty where there is none."""

    def exists(self, path: str) -> bool:
        """Whether the path leads to something."""

    def realpath(self, path: str) -> str:
        """The path with every symbolic link resolved."""

    def identity(self, path: str) -> Optional[str]:
        """Size, time of change and inode of a file, one of which changes when its content does; None where there is none."""

    def which(self, name: str) -> Optional[str]:
        """The path of a program, or None."""

    def now(self) -> float:
        """Seconds since the epoch by the host's clock."""

    def start(self, argv: Sequence[str], log: str, keep_open: Sequence[int] = ()) -> "Process":
        """Start a program that outlives this call's caller; OSError where it is missing."""


class Process:
    """A program that runs on while its caller looks elsewhere; its output goes to a file."""

    def __init__(self, argv: Sequence[str], log: str, keep_open: Sequence[int] = ()) -> None:
        self.log = log
        os.makedirs(os.path.dirname(log), mode=0o700, exist_ok=True)
        with open(log, "wb") as stream:
            os.chmod(log, 0o600)
            # A session of its own: it survives the end of the SSH connection, so that a killed run leaves no half step.
            self._child = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=environment(),
                start_new_session=True,
                pass_fds=tuple(keep_open),
            )

    def poll(self) -> Optional[int]:
        """The exit code, or None while it runs."""
        return self._child.poll()

    def output(self) -> str:
        """What it has printed so far, both streams in order."""
        with open(self.log, encoding="utf-8", errors="replace") as stream:
            return stream.read()

    def stop(self) -> None:
        """End it and all that it started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._child.pid, number)
                self._child.wait(timeout=10)
                return
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue


class HostRunner:
    """The runner for the host that this process runs on."""

    def run(
        self,
        argv: Sequence[str],
        timeout: Optional[float] = None,
        stdin: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
    ) -> Result:
        try:
            done = subprocess.run(
                list(argv),
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                env=environment(env),
                timeout=timeout,
                check=False,
            )
        except OSError as error:
            return Result(NOT_FOUND, "", str(error))
        except subprocess.TimeoutExpired:
            return Result(TIMED_OUT, "", "%s did not end within %s seconds" % (argv[0], timeout))
        return Result(done.returncode, done.stdout, done.stderr)

    def read(self, path: str) -> Optional[str]:
        content = self.read_bytes(path)
        return None if content is None else content.decode("utf-8", "replace")

    def read_bytes(self, path: str) -> Optional[bytes]:
        try:
            with open(path, "rb") as stream:
                return stream.read()
        except OSError:
            return None

    def list_dir(self, path: str) -> List[str]:
        try:
            return sorted(os.listdir(path))
        except OSError:
            return []

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def realpath(self, path: str) -> str:
        return os.path.realpath(path)

    def identity(self, path: str) -> Optional[str]:
        try:
            found = os.stat(path)
        except OSError:
            return None
        return "%d %d %d" % (found.st_size, found.st_mtime_ns, found.st_ino)

    def which(self, name: str) -> Optional[str]:
        return shutil.which(name, path=SEARCH_PATH)

    def now(self) -> float:
        return time.time()

    def start(self, argv: Sequence[str], log: str, keep_open: Sequence[int] = ()) -> Process:
        return Process(argv, log, keep_open)
