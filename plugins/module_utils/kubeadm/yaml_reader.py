# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the YAML that kubeadm and ``yaml_writer`` print, where the host has no PyYAML.

That is block maps and lists, scalars (bare, in quotes, or block text after | and >), and the empty [] and {}. Anything else
(anchors, tags, flow collections with content) raises YamlError, so that nothing is read wrongly.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+][0-9]+)?\Z")
_KEY = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#"'\[\]{}&*!|>%@`,?-][^#]*?|[-?][^\s#][^#]*?)\s*:(?:\s+(.*))?\Z""")

#: An escape of 32 bits, which JSON lacks; the other branch keeps an escaped backslash from starting one.
_LONG_ESCAPE = re.compile(r"\\U([0-9a-fA-F]{8})|\\.")
_INFINITE = {".inf": float("inf"), "-.inf": float("-inf")}


class YamlError(ValueError):
    """Text outside the subset; ``line`` counts from 1."""

    def __init__(self, line: int, problem: str) -> None:
        self.line = line
        self.problem = problem
        super().__init__("line %d: %s" % (line, problem))


class _Line(NamedTuple):
    number: int
    indent: int
    text: str


def _split(text: str) -> List[_Line]:
    lines = []
    for number, raw in enumerate(text.split("\n"), 1):
        stripped = raw.strip(" \r")
        if "\t" in raw[: len(raw) - len(raw.lstrip())]:
            raise YamlError(number, "a tab in the indentation")
        lines.append(_Line(number, len(raw) - len(raw.lstrip(" ")), stripped))
    return lines


class _Reader:
    def __init__(self, lines: List[_Line]) -> None:
        self.lines = lines
        self.position = 0

    def peek(self) -> Optional[_Line]:
        while self.position < len(self.lines):
            line = self.lines[self.position]
            if line.text and not line.text.startswith("#"):
                return line
            self.position += 1
        return None

    def value(self, indent: int) -> Any:
        line = self.peek()
        if line is None or line.indent < indent:
            return None
        if line.text == "-" or line.text.startswith("- "):
            return self.sequence(line.indent)
        if _KEY.match(line.text):
            return self.mapping(line.indent)
        self.position += 1
        return self.scalar(line.text, line.number)

    def mapping(self, indent: int) -> Any:
        found: Dict[Any, Any] = {}
        while True:
            line = self.peek()
            if line is None or line.indent < indent:
                return found
            match = _KEY.match(line.text)
            if line.indent > indent or match is None:
                raise YamlError(line.number, "expected a name and a colon in this column")
            key = self.scalar(match.group(1), line.number)
            if key in found:
                raise YamlError(line.number, "%s stands there twice" % (key,))
            self.position += 1
            rest = _uncomment(match.group(2) or "")
            found[key] = self.after(rest, line, indent)

    def after(self, rest: str, line: _Line, indent: int) -> Any:
        """The value behind a name: on its line, or below it (a list may stand in the name's own column)."""
        if rest:
            return self.inline(rest, line, indent)
        following = self.peek()
        if following is None or following.indent < indent:
            return None
        is_item = following.text == "-" or following.text.startswith("- ")
        if following.indent == indent:
            return self.sequence(indent) if is_item else None
        return self.value(following.indent)

    def sequence(self, indent: int) -> List[Any]:
        found: List[Any] = []
        while True:
            line = self.peek()
            if line is None or line.indent < indent:
                return found
            if not (line.text == "-" or line.text.startswith("- ")):
                if line.indent == indent:
                    return found
                raise YamlError(line.number, "expected a list item in this column")
            if line.indent > indent:
                raise YamlError(line.number, "expected a list item in column %d" % (indent + 1))
            rest = line.text[1:].lstrip(" ")
            if not _uncomment(rest):
                self.position += 1
                following = self.peek()
                found.append(self.value(following.indent) if following is not None and following.indent > indent else None)
                continue
            inner = line.indent + len(line.text) - len(rest)
            nested = rest == "-" or rest.startswith("- ") or _KEY.match(rest)
            if nested:
                self.lines[self.position] = _Line(line.number, inner, rest)
                found.append(self.value(inner))
            else:
                self.position += 1
                found.append(self.inline(_uncomment(rest), line, indent))

    def inline(self, rest: str, line: _Line, indent: int) -> Any:
        if rest[0] in "|>":
            return self.block(rest, line, indent)
        following = self.peek()
        if following is not None and following.indent > indent:
            raise YamlError(following.number, "text over several lines")
        return self.scalar(rest, line.number)

    def block(self, header: str, line: _Line, indent: int) -> str:
        """Literal (|) text; folded (>) text is outside the subset."""
        if header not in ("|", "|-", "|+"):
            raise YamlError(line.number, "%s is not read here" % header)
        taken: List[Tuple[int, str]] = []
        while self.position < len(self.lines):
            current = self.lines[self.position]
            if current.text and current.indent <= indent:
                break
            taken.append((current.indent, current.text))
            self.position += 1
        margin = min((spaces for spaces, text in taken if text), default=0)
        body = "\n".join(" " * (spaces - margin) + text if text else "" for spaces, text in taken)
        if header == "|-":
            return body.rstrip("\n")
        return body.rstrip("\n") + "\n" if header == "|" else body + "\n"

    @staticmethod
    def scalar(text: str, number: int) -> Any:
        if text[0] == '"':
            try:
                return json.loads(_LONG_ESCAPE.sub(_short_escape, text))
            except ValueError:
                raise YamlError(number, "quoted text that is not read here")
        if text[0] == "'":
            if len(text) < 2 or text[-1] != "'" or "'" in text[1:-1].replace("''", ""):
                raise YamlError(number, "quoted text that does not end")
            return text[1:-1].replace("''", "'")
        if text == "[]":
            return []
        if text == "{}":
            return {}
        if text[0] in "[]{}&*!|>%@`,?" or text.endswith(":") or ": " in text:
            raise YamlError(number, "%r is not read here" % text)
        if text in ("null", "Null", "NULL", "~"):
            return None
        if text.lower() in ("true", "false", "yes", "no", "on", "off"):
            return text.lower() in ("true", "yes", "on")
        if _INTEGER.match(text):
            # Python reads no more than 4300 digits, and nothing here counts so far.
            if len(text) > 400:
                raise YamlError(number, "a number of %d digits" % len(text))
            return int(text)
        if text in _INFINITE:
            return _INFINITE[text]
        if _FLOAT.match(text):
            return float(text)
        return text


def _short_escape(match: "re.Match[str]") -> str:
    """The escape as JSON has it: a pair of 16-bit escapes for a character beyond them."""
    if not match.group(1):
        return match.group(0)
    code = int(match.group(1), 16)
    return json.dumps(chr(code))[1:-1] if code <= 0x10FFFF else match.group(0)


def _uncomment(text: str) -> str:
    if text[:1] in ("'", '"'):
        match = re.match(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')\s*(#.*)?$""", text)
        return match.group(1) if match else text
    if text.startswith("#"):
        return ""
    return text.split(" #", 1)[0].rstrip()


def load_all(text: str) -> List[Any]:
    """Every document of the text. Raises YamlError for what is outside the subset."""
    documents: List[Any] = []
    part: List[_Line] = []
    for line in _split(text) + [_Line(0, 0, "---")]:
        if line.indent == 0 and (line.text == "---" or line.text.startswith("--- #")):
            reader = _Reader(part)
            if reader.peek() is not None:
                try:
                    documents.append(reader.value(0))
                except RecursionError:
                    raise YamlError(part[0].number, "hundreds of levels below this line")
                left = reader.peek()
                if left is not None:
                    raise YamlError(left.number, "text after the end of the document")
            part = []
        elif line.indent == 0 and line.text == "...":
            continue
        else:
            part.append(line)
    return documents


def load(text: str) -> Any:
    """The first document, or None."""
    documents = load_all(text)
    return documents[0] if documents else None
