# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What could not be read: facts that are missing must never look like facts that are empty."""

from __future__ import annotations

from typing import List


class Problems:
    """Collects texts from several threads (appending to a list is atomic)."""

    def __init__(self) -> None:
        self._texts: List[str] = []

    def add(self, subject: str, problem: str) -> None:
        self._texts.append("%s: %s" % (subject, problem))

    @property
    def texts(self) -> List[str]:
        return sorted(self._texts)
