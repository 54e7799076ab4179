# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong when a host is brought to a state."""

from __future__ import annotations


class HostStateError(Exception):
    """``subject`` can't be brought to the wanted state because of ``problem``; ``remedy`` is what a person does next."""

    def __init__(self, subject: str, problem: str, remedy: str) -> None:
        super().__init__("%s: %s. What to do: %s." % (subject, problem.rstrip("."), remedy.rstrip(".")))
        self.subject = subject
        self.problem = problem
        self.remedy = remedy
