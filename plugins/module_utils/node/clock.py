# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far clocks are apart, as far as one can know that: hosts are read one after another, and a busy one takes its time. Pure."""

from __future__ import annotations

from typing import List, Mapping, NamedTuple, Sequence, Tuple


class Ahead(NamedTuple):
    """By how many seconds a clock is ahead of another one, at least and at most; negative for behind."""

    least: float
    most: float


def ahead(clock: float, reading_seconds: float, asked: float, answered: float) -> Ahead:
    """How far a host's clock is ahead of the controller's.

    The host read ``clock`` at some moment after it was ``asked``, and at least ``reading_seconds`` before it had ``answered``, both
    by the controller's clock (Cristian's algorithm).
    """
    return Ahead(round(clock - max(asked, answered - reading_seconds), 3), round(clock - asked, 3))


def apart(known: Mapping[str, Ahead]) -> List[Tuple[str, float]]:
    """The hosts, each with the seconds that its clock surely is ahead of what most agree on; 0 where it may be right.

    The medians of both bounds are bounds themselves as long as fewer than half of the clocks are wrong. Where the hosts are an even
    number, the controller's clock has a voice, too: of two that differ nobody could say which is wrong.
    """
    voices = list(known.values()) + [Ahead(0.0, 0.0)] * (1 - len(known) % 2)
    middle = Ahead(_median([one.least for one in voices]), _median([one.most for one in voices]))
    return [(host, max(0.0, one.least - middle.most) + min(0.0, one.most - middle.least)) for host, one in known.items()]


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
