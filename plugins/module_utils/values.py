# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as people give them: in YAML, in INI inventories, on the command line, and laid over those of a chart. Pure."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Optional

TRUE = ("yes", "on", "true", "1", "y", "t")
FALSE = ("no", "off", "false", "0", "n", "f")


def truth(value: Any) -> Optional[bool]:
    """A truth value, in any of the ways that YAML, INI inventories and the command line have; None for anything else."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, (str, int)) else ""
    return True if word in TRUE else False if word in FALSE else None


def whole_number(value: Any) -> Optional[int]:
    """A whole number, or the text of one; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    try:
        return int(value.strip()) if isinstance(value, str) else None
    except ValueError:
        return None


def is_digits(text: object) -> bool:
    """Whether it is a text of digits that make a number of 64 bits: str.isdigit() takes ² as well, and digits without end."""
    return isinstance(text, str) and re.match(r"[0-9]{1,20}\Z", text) is not None


def number_or(text: object, otherwise: int) -> int:
    """The number that a program prints, or ``otherwise`` where it is none."""
    return int(str(text)) if is_digits(text) else otherwise


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Dict[str, Any]:
    """``over`` laid over ``base``, dictionary by dictionary; lists are replaced."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result
