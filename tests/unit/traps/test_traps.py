"""The tables of traps and of what is wrong with hosts: each one is met, and by a test that is there."""

from __future__ import annotations

import ast
import functools
from typing import Any, Dict, FrozenSet

import pytest
from conftest import ROOT
from yaml_files import read_yaml

TRAPS = read_yaml(ROOT / "tests" / "unit" / "traps" / "traps.yml")
HOSTS = read_yaml(ROOT / "tests" / "unit" / "traps" / "hosts.yml")


@functools.lru_cache(maxsize=None)
def named_in(path: str) -> FrozenSet[str]:
    """The tests of a file that run wherever its other tests do."""
    tree = ast.parse((ROOT / "tests" / "unit" / path).read_text())
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    return frozenset(one.name for one in found if not any("skip" in ast.dump(mark) for mark in one.decorator_list))


def test_there_are_66_of_them() -> None:
    assert len({trap["trap"] for trap in TRAPS}) == len(TRAPS) == 66


@pytest.mark.parametrize("trap", TRAPS + HOSTS, ids=lambda trap: trap["trap"])
def test_a_trap_is_met_by_tests_that_are_there(trap: Dict[str, Any]) -> None:
    assert trap["met"] in ("refused", "warned", "translated", "right")
    assert trap["tests"]
    for test in trap["tests"]:
        path, _colons, name = test.partition("::")
        assert name in named_in(path), test
    assert trap["met"] != "translated" or any("test_symptoms.py" in test for test in trap["tests"])
