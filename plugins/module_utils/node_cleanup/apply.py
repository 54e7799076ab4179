# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a cleanup carried out."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.node_cleanup.plan import Step
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

#: What ip says when the thing went by itself: with the service that held it, or with the link that it was on.
GONE = (
    "Cannot find device",
    "Cannot assign requested address",
    "ddress not found",
    "No such process",
    "No such file or directory",
)


class CleanupError(Exception):
    """``step`` failed with ``problem``; those before it are done and are not done again."""

    def __init__(self, step: str, problem: str) -> None:
        remedy = "mend what this message names and run the reset again"
        super().__init__("%s: %s. What to do: %s." % (step, problem.rstrip("."), remedy))
        self.step = step
        self.problem = problem
        self.remedy = remedy


def carry_out(runner: Runner, steps: Sequence[Step]) -> None:
    """Do them in their order.

    :raises CleanupError: the first one that failed.
    """
    for step in steps:
        result = runner.run(step.argv, timeout=180, stdin=step.stdin)
        if result.rc != 0 and not any(words in result.stderr for words in GONE):
            raise CleanupError(step.text, result.stderr.strip() or "%s ended with code %d" % (step.argv[0], result.rc))
