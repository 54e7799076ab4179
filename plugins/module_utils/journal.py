# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the programs that run on a host without Ansible print: their log."""

from __future__ import annotations

import sys
from typing import Optional, TextIO


def say(line: str, stream: Optional[TextIO] = None) -> None:
    """A line for the journal, or for the person who started the program."""
    stream = stream or sys.stdout
    stream.write(line + "\n")
    stream.flush()
