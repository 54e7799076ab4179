# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes YAML in block style, since a target need not have PyYAML: maps, lists, text, numbers, true, false and null."""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, List, Mapping

#: Text that every YAML reader takes for text when it stands bare: a letter or slash, then nothing that YAML reads.
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./+=@-]*(:[A-Za-z0-9_./+=@-]+)*\Z")

#: Words that YAML 1.1 or 1.2 reads as something else than text.
_WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"}


def _text(value: str) -> str:
    if _PLAIN.match(value) and value.lower() not in _WORDS:
        return value
    quoted = "".join(json.dumps(part)[1:-1] if ord(part[0]) <= 0xFFFF else "\\U%08X" % ord(part) for part in _runs(value))
    return '"%s"' % quoted  # a double-quoted scalar of YAML takes JSON's escapes, but no pairs of surrogates


def _runs(value: str) -> List[str]:
    return re.findall("[\U00010000-\U0010ffff]|[^\U00010000-\U0010ffff]+", value)


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = repr(value)
        if "e" in text and "." not in text:
            text = text.replace("e", ".0e")  # YAML 1.1 reads 1e-07 as text
        return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(text, text)
    if isinstance(value, int):
        return str(int(value))
    return _text(str(value))


def _sorted(document: Mapping[Any, Any]) -> List[Any]:
    first = [name for name in ("apiVersion", "kind") if name in document]
    return first + sorted((name for name in document if name not in first), key=str)


def _lines(value: Any, indent: str) -> Iterable[str]:
    if isinstance(value, Mapping) and value:
        for name in _sorted(value):
            yield from _entry("%s%s:" % (indent, _scalar(name)), value[name], indent)
    elif isinstance(value, (list, tuple)) and value:
        for item in value:
            inner = list(_lines(item, indent + "  "))
            yield "%s- %s" % (indent, inner[0][len(indent) + 2 :])
            yield from inner[1:]
    else:
        yield indent + _leaf(value)


def _leaf(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, (list, tuple)):
        return "[]"
    return _scalar(value)


def _entry(heading: str, value: Any, indent: str) -> Iterable[str]:
    if isinstance(value, (Mapping, list, tuple)) and value:
        yield heading
        yield from _lines(value, indent + "  ")
    else:
        yield "%s %s" % (heading, _leaf(value))


def dump(document: Mapping[str, Any]) -> str:
    """One document as text with a line end: apiVersion and kind first, then by name."""
    return "\n".join(_lines(document, "")) + "\n"


def dump_all(documents: Iterable[Mapping[str, Any]]) -> str:
    """Several documents in one file, each after a line of three dashes."""
    return "".join("---\n" + dump(document) for document in documents)
