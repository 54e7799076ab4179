"""Whatever a page links to is there. What is elsewhere is not asked: tests need no internet."""

from __future__ import annotations

import pathlib
import re
from typing import List
from urllib.parse import urlsplit

import pytest
from conftest import ROOT
from documentation import PAGES, name, read_page

#: Pages that files other than pages name, such as comments of inventories.
NAMED = re.compile(r"\bdocs/(?:operations|providers)/\w+\.md\b")
#: What a page shows as code and is a path of this repository.
PATH = re.compile(r"(?:plugins|roles|playbooks|tests|molecule|inventories|docs|changelogs|meta)/[\w./*-]+$")


def broken(path: pathlib.Path) -> List[str]:
    found = []
    for link in read_page(path).links:
        parts = urlsplit(link)
        if parts.scheme:
            if parts.scheme != "https" or "." not in parts.netloc or re.search(r"[\s<>\"\\]", link):
                found.append("%s is no address of the web by https" % link)
            continue
        target = (path.parent / parts.path).resolve() if parts.path else path
        if not target.exists() or ROOT not in (target, *target.parents):
            found.append("%s: there is no such file" % link)
        elif parts.fragment and (target.suffix != ".md" or parts.fragment not in read_page(target).anchors):
            found.append("%s: %s has no such heading" % (link, name(target)))
    return found


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_link_leads_somewhere(path: pathlib.Path) -> None:
    assert broken(path) == []


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_file_that_a_page_names_is_there(path: pathlib.Path) -> None:
    named = [code for code in read_page(path).code if PATH.match(code)]
    assert [code for code in named if not list(ROOT.glob(code.rstrip("/")))] == []


@pytest.mark.parametrize("path", [path for path in PAGES if path.name != "README.md"], ids=name)
def test_every_page_is_reached_from_the_readme(path: pathlib.Path) -> None:
    assert path in reached()


def reached() -> List[pathlib.Path]:
    """README.md, what it links to, what that links to, and so on."""
    found = [PAGES[0]]
    for page in found:
        targets = [(page.parent / urlsplit(link).path).resolve() for link in read_page(page).links if not urlsplit(link).scheme]
        found += [target for target in dict.fromkeys(targets) if target.suffix == ".md" and target not in found]
    return found


def test_every_picture_is_on_a_page() -> None:
    shown = {(page.parent / link).resolve() for page in PAGES for link in read_page(page).links if link.endswith(".svg")}
    assert set((ROOT / "docs").rglob("*.svg")) - shown == set()


def test_pages_that_other_files_name_are_there() -> None:
    named = {}
    for folder in ("inventories", "roles", "playbooks", "plugins", "molecule", "tests"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".yml", ".py", ".j2", ".sh") and path != pathlib.Path(__file__):
                named.update(dict.fromkeys(NAMED.findall(path.read_text()), name(path)))
    assert named and {page: by for page, by in named.items() if not (ROOT / page).exists()} == {}


def test_a_broken_link_is_found(tmp_path: pathlib.Path) -> None:
    page = ROOT / "docs" / "operations" / "none.md"
    text = "# A page\n[a](nowhere.md) [b](join.md#no-such-heading) [c](http://example.org) [d](https://example.org/x) `[e](f)`\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pathlib.Path, "read_text", lambda self: text if self == page else self.open().read())
        assert [problem.split()[0] for problem in broken(page)] == ["nowhere.md:", "join.md#no-such-heading:", "http://example.org"]
