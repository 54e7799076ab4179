# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a package manager did not install something, in words. Pure."""

from __future__ import annotations

import re
from typing import Any, Mapping, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.symptoms import PACKAGES_BUSY, find_symptoms, redact

#: Of ansible.builtin.apt: python-apt's exception has no text where a repository can't be fetched. Before 2.18 without the retries.
NO_REASON = re.compile(r"Failed to update apt cache( after \d+ retries)?:\s*(unknown reason)?\s*$")
#: Lines of what the program said that a message has, from the end.
LINES = 6
OTHERWISE = "mend what these lines name and run the play again"


def locked(result: Mapping[str, Any]) -> bool:
    """Whether the failure of a package module is about a lock, so that it matters who holds it."""
    return any(finding.cause == PACKAGES_BUSY for finding in find_symptoms(_said(result)))


def silent(result: Mapping[str, Any]) -> bool:
    """Whether apt's module has only that the repositories could not be read, and not why."""
    return bool(NO_REASON.search(str(result.get("msg") or "")))


def refusal(host: str, names: Sequence[str], result: Mapping[str, Any], busy: str) -> str:
    """Cause, evidence and remedy of a package module's failure.

    :param result: the module's own (C(msg), of dnf's C(failures), and where a program ran C(stderr) and C(stdout)).
    :param busy: the program that holds a package manager's lock on the host, empty where none does.
    """
    said = _said(result)
    findings = find_symptoms(said)
    causes = [finding.cause for finding in findings]
    remedies = [finding.remedy for finding in findings]
    if busy and locked(result):
        causes.append("it is %s" % busy)
    evidence = [finding.evidence for finding in findings] or _last(str(result.get("stderr") or "") or _words(result) or said)
    return "Packages on %s (%s) were not installed%s.%s\nWhat to do: %s." % (
        host,
        ", ".join(names),
        ": " + "; ".join(causes) if causes else "",
        "".join("\n  %s" % redact(line) for line in evidence),
        "; ".join(remedies) or OTHERWISE,
    )


def _said(result: Mapping[str, Any]) -> str:
    return "\n".join([str(result.get(part) or "") for part in ("stdout", "stderr")] + [_words(result)])


def _words(result: Mapping[str, Any]) -> str:
    """dnf's module has in its message that something failed, and what in a list beside it."""
    failures = result.get("failures")
    return "\n".join(map(str, [result.get("msg") or "", *(failures if isinstance(failures, list) else [])])).strip()


def _last(said: str) -> Sequence[str]:
    lines = [line.strip()[:500] for line in said.splitlines() if line.strip()]
    return lines[-LINES:] or ["(the package manager said nothing)"]
