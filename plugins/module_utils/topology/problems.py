# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check finds, and how it is put into words."""

from __future__ import annotations

import difflib
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Sequence, Tuple, TypeVar

#: A list of hosts in a text is cut here; the result holds all of them.
HOSTS_IN_TEXT = 5

Key = TypeVar("Key")
Value = TypeVar("Value")


class Problem(NamedTuple):
    """One thing that is wrong: the setting (or the host's property), what is wrong with it, and what to write or do."""

    setting: str
    problem: str
    remedy: str
    hosts: Tuple[str, ...] = ()
    warning: bool = False

    def as_dict(self) -> Dict[str, Any]:
        return {"setting": self.setting, "problem": self.problem, "remedy": self.remedy, "hosts": list(self.hosts)}


def listed(names: Iterable[str], limit: int = HOSTS_IN_TEXT) -> str:
    """``a, b and c``, or ``a, b, c, d, e and 995 more``."""
    names = list(names)
    shown = names[:limit]
    if len(names) > limit:
        return "%s and %d more" % (", ".join(shown), len(names) - limit)
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def grouped(pairs: Iterable[Tuple[Key, Value]]) -> Dict[Key, List[Value]]:
    """All values of each key; keys and values in the order in which they came."""
    found: Dict[Key, List[Value]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def differing(setting: str, values: Mapping[str, object], who: str, remedy: str, secret: bool = False) -> Iterator[Problem]:
    """A problem where the hosts, each with its value, do not have the same one; values that may hold a password are not shown."""
    said = grouped((str(value), host) for host, value in values.items())
    if len(said) > 1:
        shown = "; ".join("%.60s on %s" % (value, listed(hosts, 3)) for value, hosts in said.items())
        text = "%s differ in it" % who
        text += ", and it is one cluster's" if secret else ": %s" % shown
        yield Problem(setting, text, remedy, tuple(values))


def of_hosts(found: Iterable[Tuple[Tuple[Any, ...], str]]) -> Iterator[Problem]:
    """Each complaint (setting, problem, remedy, and for a warning True) once, with all hosts that it is about."""
    for complaint, names in grouped(found).items():
        setting, problem, remedy = complaint[:3]
        yield Problem(setting, problem, remedy, tuple(dict.fromkeys(names)), any(complaint[3:]))


def counted(number: int, noun: str) -> str:
    """``1 member``, ``3 members``."""
    return "%d %s%s" % (number, noun, "" if number == 1 else "s")


def phrase(sentence: str) -> str:
    """A sentence as a part of another one."""
    return sentence[:1].lower() + sentence[1:].rstrip(".")


def did_you_mean(name: str, known: Sequence[str], alike: float = 0.75) -> str:
    """The known name that a person most likely meant, or an empty text.

    :param alike: how much of both names has to be the same, 0 to 1.
    """
    close = difflib.get_close_matches(name, known, n=1, cutoff=alike)
    return close[0] if close else ""


def readable(problems: Sequence[Problem]) -> str:
    """All problems as numbered paragraphs for a person."""
    paragraphs: List[str] = []
    for number, problem in enumerate(problems, 1):
        lines = ["%d. %s: %s" % (number, problem.setting, problem.problem), "   What to do: %s" % problem.remedy]
        if problem.hosts:
            lines.append("   Hosts: %s" % listed(problem.hosts))
        paragraphs.append("\n".join(lines))
    return "\n".join(paragraphs)
