# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on each condition, as node-problem-detector's custom plugins say it: exit code 0, 1 or 2, and one line of text. Pure.

A plugin runs in a container without Python and without the disks. So each verdict is a small file, which a few lines of shell in
that container read (role node_problem_detector), and it says itself how long it may be believed.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.findings import (
    CONDITIONS,
    DEGRADED,
    FAILING,
    KINDS,
    Finding,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.watch import Look
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

GOOD, BAD, UNKNOWN = 0, 1, 2
#: node-problem-detector cuts messages at max_output_length, which its role sets to this.
LONGEST = 250


class Verdict(NamedTuple):
    """On one condition."""

    code: int
    text: str


def verdicts(look: Look) -> Dict[str, Verdict]:
    """Condition -> verdict. True needs a finding; good needs that something was read; all else is unknown."""
    found = {CONDITIONS[kind].type: _of(kind, look) for kind in KINDS}
    if look.findings:
        found[DEGRADED.type] = Verdict(BAD, _line(look.findings))
    else:
        found[DEGRADED.type] = Verdict(GOOD, DEGRADED.good_message)
    return found


def _of(kind: str, look: Look) -> Verdict:
    failing = [one for one in look.findings if one.kind == kind and one.severity == FAILING]
    if failing:
        return Verdict(BAD, _line(failing))
    unread = look.blind(kind)
    if unread:
        return Verdict(UNKNOWN, _plain("; ".join("%s: %s" % (one.subject, one.why) for one in unread)))
    return Verdict(GOOD, CONDITIONS[kind].good_message)


def _line(findings: List[Finding]) -> str:
    first = findings[0].text
    more = " (and %d more)" % (len(findings) - 1) if len(findings) > 1 else ""
    return _plain(first, LONGEST - len(more)) + more


def _plain(text: str, longest: int = LONGEST) -> str:
    """One line of ASCII: the detector cuts bytes, and a message with half a character in it is refused by the API."""
    line = "".join(sign if " " <= sign <= "~" else "?" for sign in " ".join(text.split()))
    return line if len(line) <= longest else line[: longest - 3] + "..."


def file_text(verdict: Verdict, now: float, interval: int) -> str:
    """``CODE SECONDS-SINCE-THE-EPOCH BELIEVED-FOR TEXT``: after three looks that did not come it says nothing any more."""
    return "%d %d %d %s\n" % (verdict.code, now, 3 * interval + 120, verdict.text)


def read_file(text: str, now: float) -> Verdict:
    """What a file says now; unknown where it is too old or no verdict."""
    fields = text.split(" ", 3)
    if len(fields) != 4 or not all(is_digits(field) for field in fields[:3]) or int(fields[0]) not in (GOOD, BAD, UNKNOWN):
        return Verdict(UNKNOWN, "there is no verdict of hardware_watch on this node")
    age = int(now) - int(fields[1])
    # From the future: the clock was wrong then, and nobody knows how old it is.
    if abs(age) > int(fields[2]):
        return Verdict(UNKNOWN, "the last look at the hardware was %d s ago: see the journal of kubernetes-hardware-watch" % age)
    return Verdict(int(fields[0]), fields[3].strip())
