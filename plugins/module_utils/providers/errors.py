# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong between us and a provider, for a person to read and for a program to act on."""

from __future__ import annotations

from typing import Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError


class ProviderError(ProblemError):
    """``subject`` is a setting or a thing at the provider."""


class CredentialsError(ProviderError):
    """The provider does not let us in. Not to be tried again soon: some providers lock out who does."""


class BusyError(ProviderError):
    """It may work later: a lock, a rate limit, an outage. ``retry_after``: the provider's own word in seconds, if it has one."""

    def __init__(self, subject: str, problem: str, remedy: str, retry_after: Optional[float] = None) -> None:
        super().__init__(subject, problem, remedy)
        self.retry_after = retry_after


class Abandoned(Exception):
    """The caller's right to move the address ended before anything was sent."""
