# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What refuses a description: every problem at once, each with the setting, what is wrong and what to write."""

from __future__ import annotations

import difflib
from typing import Dict, Iterable, List, NamedTuple, Sequence


class Problem(NamedTuple):
    """One thing that is wrong: ``setting`` as the user spells it, ``problem`` and ``remedy`` as sentences."""

    setting: str
    problem: str
    remedy: str

    def text(self) -> str:
        return "%s: %s %s" % (self.setting, self.problem, self.remedy)

    def data(self) -> Dict[str, str]:
        return {"setting": self.setting, "problem": self.problem, "remedy": self.remedy}


class ConfigError(Exception):
    """A description that can't become a kubeadm configuration; ``problems`` has every reason."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: List[Problem] = list(dict.fromkeys(problems))
        count = len(self.problems)
        heading = "The kubeadm configuration has %d problem%s." % (count, "" if count == 1 else "s")
        super().__init__("\n".join([heading] + ["- " + problem.text() for problem in self.problems]))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The sentence that proposes the nearest known names, or lists them where none is near."""
    names = sorted(known)
    folded = name.replace("_", "").replace("-", "").lower()
    same = [each for each in names if each.replace("_", "").replace("-", "").lower() == folded]
    near = same or difflib.get_close_matches(name, names, n=2, cutoff=0.6)
    if near:
        return "Did you mean %s?" % " or ".join(near)
    if not names:
        return "Remove it: nothing can be set here."
    return "Remove it, or write one of: %s." % ", ".join(names)
