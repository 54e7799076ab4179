# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real S3 server, where the lab has built one."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import time
from typing import Callable, Iterator, NamedTuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.settings import Storage
from lab_programs import CACHE

SERVERS = sorted(CACHE.glob("go-versitygw-*/versitygw"))


class Server(NamedTuple):
    """``folder`` holds the bucket ``backups``; ``storage`` leads there."""

    storage: Storage
    folder: pathlib.Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if not SERVERS:
        pytest.skip("no S3 server: `python3 tests/lab/lab.py s3-server` builds one")
    folder = tmp_path_factory.mktemp("s3")
    (folder / "backups").mkdir()
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    process = subprocess.Popen(
        [str(SERVERS[-1]), "--port", "127.0.0.1:%d" % port, "posix", str(folder)],
        env=dict(os.environ, ROOT_ACCESS_KEY="access", ROOT_SECRET_KEY="secret-key"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: _connects(port) or process.poll() is not None)
        assert process.poll() is None, "the S3 server does not start"
        yield Server(Storage("http://127.0.0.1:%d" % port, "backups", "access", "secret-key"), folder)
    finally:
        process.kill()
        process.wait()


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.1)


def _connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
