# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of our own that is there whole or not at all."""

from __future__ import annotations

import os
from typing import Union


def replace_file(path: str, content: Union[str, bytes], mode: int = 0o644) -> None:
    """Put a file in its place with exactly this mode, whatever the umask. Two writers of one path must not meet.

    :raises OSError: the file of before is untouched, and what was written of the new one stands beside it as ``.NAME.new``.
    """
    # Hidden: the kubelet takes every other file of its folder for a manifest.
    undone = os.path.join(os.path.dirname(path), ".%s.new" % os.path.basename(path))
    # Nobody else may read it before it has its mode.
    descriptor = os.open(undone, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(descriptor, mode)
        stream.write(content.encode("utf-8") if isinstance(content, str) else content)
        stream.flush()
        os.fsync(descriptor)
    os.replace(undone, path)


def sync(path: str) -> None:
    """Have a file, or the names in a directory, on the disk itself."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
