# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules that install a program of this collection have to know of a host."""

from __future__ import annotations

import hashlib
import os
import sys

#: Names that stay when the distribution brings a newer Python.
NAMES = ("/usr/bin/python3", "/usr/libexec/platform-python")


def interpreter() -> str:
    """A lasting name of the Python that runs this, where it has one."""
    real = os.path.realpath(sys.executable)
    return next((name for name in NAMES if os.path.realpath(name) == real), sys.executable)


def checksum(path: str) -> str:
    """Of a file; empty where there is none."""
    try:
        with open(path, "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest()
    except OSError:
        return ""
