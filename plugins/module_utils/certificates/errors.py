# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong when certificates are renewed."""

from __future__ import annotations


class CertificateError(Exception):
    """``subject`` can't be renewed or taken up because of ``problem``; ``remedy`` is what a person does next."""

    def __init__(self, subject: str, problem: str, remedy: str) -> None:
        super().__init__("%s: %s. What to do: %s." % (subject, problem.strip().rstrip("."), remedy.rstrip(".")))
        self.subject = subject
        self.problem = problem
        self.remedy = remedy
