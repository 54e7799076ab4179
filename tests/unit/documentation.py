"""Reads the pages that people read: README.md and docs/. What a page links to, shows, and calls settings."""

from __future__ import annotations

import functools
import pathlib
import re
from typing import Dict, Iterator, List, NamedTuple, Set

from conftest import ROOT
from yaml_files import read_yaml

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OPERATIONS = [path for path in PAGES if path.parent.name == "operations"]
PROVIDERS = [path for path in PAGES if path.parent.name == "providers"]

HEADING = re.compile(r"(#{1,6}) +(.+?) *#*$")
#: [text](target), ![text](target), also where the text has brackets of its own.
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+(?:\([^()]*\))?)\)")
CODE = re.compile(r"`([^`\n]+)`")


def name(path: pathlib.Path) -> str:
    return str(path.relative_to(ROOT))


class Block(NamedTuple):
    """What stands between two fences."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return "%s:%d" % (self.page, self.line)


class Page(NamedTuple):
    path: pathlib.Path
    blocks: List[Block]
    #: Line number -> line, without the blocks.
    prose: Dict[int, str]

    @property
    def headings(self) -> List[str]:
        return [match.group(2) for match in map(HEADING.match, self.prose.values()) if match]

    @property
    def anchors(self) -> Set[str]:
        """As GitHub makes them: lower case, no punctuation, a number behind one that is there already."""
        found: Set[str] = set()
        for heading in self.headings:
            words = re.sub(r"[^\w\- ]", "", CODE.sub(r"\1", heading).lower()).replace(" ", "-")
            number = 0
            while words + ("-%d" % number if number else "") in found:
                number += 1
            found.add(words + ("-%d" % number if number else ""))
        return found

    @property
    def links(self) -> Iterator[str]:
        for line in self.prose.values():
            yield from LINK.findall(CODE.sub("", line))

    @property
    def code(self) -> Iterator[str]:
        """What the prose shows as code."""
        for line in self.prose.values():
            yield from CODE.findall(line)


@functools.lru_cache(maxsize=None)
def read_page(path: pathlib.Path) -> Page:
    blocks: List[Block] = []
    prose: Dict[int, str] = {}
    inside: List[str] = []
    began, language = 0, ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.lstrip().startswith("```"):
            if began:
                blocks.append(Block(name(path), began, language, "\n".join(inside) + "\n"))
                began, inside = 0, []
            else:
                began, language = number, line.strip().strip("`")
        elif began:
            inside.append(line)
        else:
            prose[number] = line
    assert not began, "%s:%d: a block of code that does not end" % (name(path), began)
    return Page(path, blocks, prose)


@functools.lru_cache(maxsize=None)
def role_settings() -> Dict[str, str]:
    """Every setting of every role -> the role."""
    found: Dict[str, str] = {}
    for path in sorted((ROOT / "roles").glob("*/meta/argument_specs.yml")):
        for entry_point in read_yaml(path)["argument_specs"].values():
            for setting in entry_point.get("options") or {}:
                found.setdefault(setting, path.parts[-3])
    return found


@functools.lru_cache(maxsize=None)
def playbook_texts() -> Dict[str, str]:
    return {path.stem: path.read_text() for path in sorted((ROOT / "playbooks").glob("*.yml"))}
