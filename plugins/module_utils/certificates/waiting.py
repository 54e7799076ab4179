# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until a program has taken up what was written for it."""

from __future__ import annotations

from typing import Callable

from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.errors import CertificateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

PAUSE = 1.0


def wait_for(
    subject: str, why_not: Callable[[], str], remedy: str, runner: Runner, timeout: float, sleep: Callable[[float], None]
) -> None:
    """Wait until there is no reason any more.

    :raises CertificateError: there still is one after ``timeout`` seconds.
    """
    deadline = runner.now() + timeout
    while True:
        reason = why_not()
        if not reason:
            return
        if runner.now() > deadline:
            raise CertificateError(subject, "after %d s: %s" % (timeout, reason), remedy)
        sleep(PAUSE)
