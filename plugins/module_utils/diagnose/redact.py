# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes secrets out of texts that leave a host. What looks like one goes, too: a lost hash costs less than a lost key."""

from __future__ import annotations

import re
from typing import Tuple

PATTERNS: Tuple[Tuple["re.Pattern[str]", str], ...] = (
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        "(private key left out)",
    ),
    # Bootstrap tokens, keys of uploaded certificates, JSON web tokens.
    (re.compile(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b"), "(token left out)"),
    # A certificate key, or the id of a container: its beginning tells which, and opens nothing.
    (re.compile(r"(?<!sha256:)\b([0-9a-f]{12})[0-9a-f]{52}\b"), r"\1..."),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "(token left out)"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), r"\1 (left out)"),
    # name: value and name=value and "name value" of configuration files, whatever stands in quotes around it.
    (
        re.compile(
            r"(?im)((?:(?:password|passwd|passphrase|secret[\w-]*key|auth_pass|access[_-]?key|client-key-data|certificate-key|token)"
            r"|key-data)[\"']?(?:\s*[:=]\s*|\s+))[\"']?(?!\()[^\s\"',;{}]{4,}[\"']?"
        ),
        r"\1(left out)",
    ),
    (re.compile(r"(://[^/\s:@]+):[^/\s@]+@"), r"\1:(left out)@"),
)
#: Arguments that name a file or a switch and no secret.
HARMLESS = re.compile(r"(?i)(token-[a-z-]*file|bootstrap-token-auth|service-account[a-z-]*|token-ttl|key-file)")


def redact(text: str) -> str:
    """The text without what looks like a secret."""
    return "\n".join(_line(line) for line in _whole(text).split("\n"))


def _whole(text: str) -> str:
    pattern, instead = PATTERNS[0]
    return pattern.sub(instead, text)


def _line(line: str) -> str:
    for pattern, instead in PATTERNS[1:]:
        if pattern is PATTERNS[5][0] and HARMLESS.search(line):
            continue
        line = pattern.sub(instead, line)
    return line
