# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is mounted, as the kernel tells it in /proc/self/mountinfo (proc(5))."""

from __future__ import annotations

import re
from typing import Iterator, NamedTuple

OCTAL = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    #: major:minor
    device: str
    #: What of the file system is mounted: / for the whole of it.
    root: str
    mountpoint: str
    fstype: str
    source: str


def mounts(mountinfo: str) -> Iterator[Mount]:
    """Every mount, in the order in which they were made; lines of another form are left out."""
    for line in mountinfo.splitlines():
        left, _separator, right = line.partition(" - ")
        fields, rest = left.split(), right.split()
        if len(fields) >= 6 and len(rest) >= 2:
            yield Mount(fields[2], fields[3], unescape(fields[4]), rest[0], unescape(rest[1]))


def unescape(text: str) -> str:
    """A name with the blanks that the kernel writes in octal, as in /proc/swaps, too."""
    return OCTAL.sub(lambda match: chr(int(match.group(1), 8)), text)
