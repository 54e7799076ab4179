# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every error says: whom it is about, what is wrong, and what a person does next."""

from __future__ import annotations

from typing import Dict


class ProblemError(Exception):
    """``subject`` (a file, a host, a program) has a ``problem``; ``remedy`` is what a person does next."""

    def __init__(self, subject: str, problem: str, remedy: str) -> None:
        super().__init__("%s: %s. What to do: %s." % (subject, problem.strip().rstrip("."), remedy.rstrip(".")))
        self.subject = subject
        self.problem = problem
        self.remedy = remedy

    def fields(self) -> Dict[str, str]:
        """What a module fails with."""
        return {"msg": str(self), "subject": self.subject, "problem": self.problem, "remedy": self.remedy}


class SettingError(ProblemError, ValueError):
    """The subject is a setting as the user spells it, and the remedy what to write."""

    @property
    def setting(self) -> str:
        return self.subject
