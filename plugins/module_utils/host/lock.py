# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time on a host: a lock that ends with the process that holds it, whatever ends that."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import Callable, Iterator


@contextlib.contextmanager
def hold(path: str, timeout: float, error: Exception, pause: Callable[[float], None] = time.sleep) -> Iterator[int]:
    """Hold the lock on ``path``, a file (made where it is missing) or a directory, and yield its descriptor.

    A process that inherits the descriptor holds the lock, too.

    :raises error: somebody else still holds it after ``timeout`` seconds.
    """
    flags = os.O_RDONLY if os.path.isdir(path) else os.O_RDWR | os.O_CREAT
    descriptor = os.open(path, flags, 0o600)
    deadline = time.monotonic() + timeout
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise error
            pause(1)
        yield descriptor
    finally:
        os.close(descriptor)
