# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stream of zfs in parts: compressed piece by piece on the way out, and put together again on the way back.

Each part is a piece of the stream of fixed size, compressed and encrypted by itself. So a send that was cut goes on at the first
part that is missing: zfs makes the stream anew, and a piece whose checksum is known is not uploaded again. Whether zfs makes the
same bytes again (it does without -e, openzfs/zfs issue 13778) only decides how much is saved: what differs is sent anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import tempfile
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.encryption import ENDS, decrypt, encrypt, sha256_of
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, Runner, environment
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.settings import Settings

CHUNK = 1024 * 1024
#: zstd's own default; blocks that ZFS has compressed stay as they are (zfs send -c).
COMPRESS = ("zstd", "-q", "-3", "-c")


class Piece(NamedTuple):
    """Of the stream, before compression."""

    size: int
    sha256: str


class Sending:
    """``zfs send`` while it runs."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = argv
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        self._send = _start(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._said)

    def take(self, target: str, limit: int) -> Optional[Piece]:
        """Compress the next piece into a file; None where the stream has ended.

        :raises BackupError: zfs or zstd failed. What a stream that ended too early has left in the file is no part.
        """
        stream: Any = self._send.stdout
        chunk = stream.read(min(CHUNK, limit))
        if not chunk:
            self._ended()
            return None
        digest, size = hashlib.sha256(), 0
        with open(target, "wb") as out:
            packer = _start(COMPRESS, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.DEVNULL)
            pipe: Any = packer.stdin
            with contextlib.suppress(BrokenPipeError), pipe:
                while chunk:
                    digest.update(chunk)
                    size += len(chunk)
                    pipe.write(chunk)
                    chunk = stream.read(min(CHUNK, limit - size)) if size < limit else b""
            if packer.wait() != 0:
                raise BackupError(target, "zstd could not write it", "make room on that file system")
        if size < limit:
            self._ended()
        return Piece(size, digest.hexdigest())

    def _ended(self) -> None:
        if self._send.wait() != 0:
            said = _last_words(self._said, self._send.returncode)
            raise BackupError(" ".join(self._argv), said, "the next run goes on from here")

    def stop(self) -> None:
        _stop(self._send)
        self._said.close()


class Receiving:
    """``zfs receive`` while it runs. A stream that ends too early leaves nothing behind."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = argv
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        self._receive = _start(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._said)

    def give(self, path: str) -> None:
        pipe: Any = self._receive.stdin
        try:
            with open(path, "rb") as source:
                for chunk in iter(lambda: source.read(CHUNK), b""):
                    pipe.write(chunk)
        except BrokenPipeError:
            self.end()

    def end(self) -> None:
        """:raises BackupError: zfs did not take the stream."""
        with contextlib.suppress(BrokenPipeError):
            if self._receive.stdin is not None:
                self._receive.stdin.close()
        if self._receive.wait() != 0:
            said = _last_words(self._said, self._receive.returncode)
            raise BackupError(" ".join(self._argv), said, "mend what it says; nothing of this point was left behind")

    def stop(self) -> None:
        _stop(self._receive)
        self._said.close()


@contextlib.contextmanager
def sending(dataset_argv: Sequence[str]) -> Iterator[Sending]:
    made = Sending(dataset_argv)
    try:
        yield made
    finally:
        made.stop()


@contextlib.contextmanager
def receiving(argv: Sequence[str]) -> Iterator[Receiving]:
    made = Receiving(argv)
    try:
        yield made
    finally:
        made.stop()


def part_name(number: int, encryption: str) -> str:
    return "%06d.zst.%s" % (number, ENDS[encryption])


def seal(runner: Runner, settings: Settings, source: str, target: str, piece: Piece) -> Dict[str, Any]:
    """Encrypt a part; what the manifest says of it."""
    entry = encrypt(runner, settings.encryption, source, target, settings.passphrase_file, settings.age_recipients)
    entry.update(sha256=sha256_of(target), size=os.path.getsize(target))
    entry.update(stream_size=piece.size, stream_sha256=piece.sha256)
    return entry


def unseal(runner: Runner, entry: Mapping[str, Any], source: str, packed: str, target: str, key_file: str) -> None:
    """Check, decrypt and unpack a part, and see that it is the piece of the stream that it was.

    :raises BackupError: it is not.
    """
    decrypt(runner, source, packed, entry, key_file)
    result = runner.run(["zstd", "-q", "-d", "-f", "-o", target, packed], timeout=3600)
    if result.rc == NOT_FOUND:
        raise BackupError("zstd", "it is not installed on this host", "install its package")
    if result.rc != 0 or sha256_of(target) != entry["stream_sha256"]:
        problem = result.stderr.strip() or "unpacked it is not what was sent"
        raise BackupError(source, problem, "make room, or choose a point of another chain")


def _start(argv: Sequence[str], **streams: Any) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(list(argv), env=environment(), **streams)
    except OSError as error:
        raise BackupError(argv[0], "it can't be started: %s" % error.strerror, "install its package")


def _stop(child: "subprocess.Popen[bytes]") -> None:
    if child.poll() is None:
        child.kill()
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    child.wait()


def _last_words(said: Any, code: int) -> str:
    said.seek(0)
    lines: List[str] = said.read().decode("utf-8", "replace").strip().splitlines()
    return " / ".join(lines[-2:]) or "exit code %d" % code
