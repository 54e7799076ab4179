"""A page of an operation has the same parts in the same order, and says no more of time than was measured."""

from __future__ import annotations

import pathlib
import re

import pytest
from conftest import ROOT
from documentation import OPERATIONS, PAGES, PROVIDERS, name, read_page
from yaml_files import read_yaml

PARTS = ["What it does", "What it needs", "Steps", "What can go wrong", "How long it took"]
#: A time that somebody took, such as 1.4 s or 12 minutes.
TIME = re.compile(r"\b\d[\d.,]* (?:ms|s|seconds|min|minutes|hours)\b")


def section(path: pathlib.Path, heading: str) -> str:
    return path.read_text().split("\n## %s\n" % heading)[1].split("\n## ")[0]


@pytest.mark.parametrize("path", OPERATIONS, ids=name)
def test_a_page_has_the_parts_of_an_operation_in_their_order(path: pathlib.Path) -> None:
    assert [heading for heading in read_page(path).headings if heading in PARTS] == PARTS


@pytest.mark.parametrize("path", OPERATIONS, ids=name)
def test_a_time_that_a_page_tells_stands_in_the_list_of_what_was_run(path: pathlib.Path) -> None:
    told = re.sub(r"\s+", " ", section(path, PARTS[-1]))
    times = set(TIME.findall(told))
    assert times or "Not measured" in told
    verified = re.sub(r"\s+", " ", (ROOT / "docs" / "verified.md").read_text())
    assert sorted(time for time in times if not re.search(r"(?<![\d.,])" + re.escape(time), verified)) == []


@pytest.mark.parametrize("path", PROVIDERS, ids=name)
def test_a_page_of_a_provider_has_the_parts_of_its_kind(path: pathlib.Path) -> None:
    parts = ["Settings", "Credentials", "How it is moved", "Traps", "What was tried"]
    assert [heading for heading in read_page(path).headings if heading in parts] == parts


def test_every_provider_has_a_page() -> None:
    options = read_yaml(ROOT / "roles" / "failover_ip" / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    assert {path.stem for path in PROVIDERS} == set(options["failover_ip_provider"]["choices"]) - {""}


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_table_has_a_head_and_rows_of_its_width(path: pathlib.Path) -> None:
    lines = {number: line for number, line in read_page(path).prose.items() if line.startswith("|")}
    for number, line in lines.items():
        if number - 1 not in lines:
            head = number
            assert re.match(r"[|: -]+$", lines.get(head + 1, "")), "%s:%d begins a table without a head" % (name(path), head)
        assert cells(line) == cells(lines[head]), "%s:%d has another number of cells than its head" % (name(path), number)


def cells(line: str) -> int:
    """As GitHub counts: a bar ends a cell within code, too."""
    return line.replace("\\|", "").strip().count("|") - 1


def test_every_operation_is_on_the_front_page() -> None:
    links = set(read_page(ROOT / "README.md").links)
    assert [name(path) for path in OPERATIONS if name(path) not in {link.split("#")[0] for link in links}] == []
