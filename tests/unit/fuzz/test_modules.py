"""Whatever a module or an action is called with, on whatever machine: it ends by its own word, without a hang or a secret told.

The machine can only be read, and its disk is full: what a module wants to write, start or connect to is refused.
"""

from __future__ import annotations

import json
import pathlib
import random
from typing import Any, Iterator, Mapping

import pytest
from ansible.errors import AnsibleError
from conftest import LINK
from fuzz import modules
from fuzz.damage import CASES, SAME, no_hang
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

#: Others are but the documentation of an action.
NAMES = sorted(path.stem for path in (LINK / "plugins" / "modules").glob("*.py") if "def main(" in path.read_text())
#: They read all roles, or all of a host: what they decide by has cases of its own.
SLOW = ("node_diagnose", "offline_plan", "topology_check")


def some(name: str) -> settings:
    """A module takes ten times as long as a parser, and some a hundred times."""
    cases = max(2, CASES // 50) if name in SLOW else max(10, CASES // 10)
    # No database: all modules would share one, since they share this function.
    return settings(max_examples=cases, phases=(Phase.explicit, Phase.generate), database=None, derandomize=SAME)


def secrets(spec: Mapping[str, Any], values: Any) -> Iterator[str]:
    """What stands in options that are not to be logged."""
    for name, option in spec.items():
        value = values.get(name) if isinstance(values, dict) else None
        if option.get("no_log") is True and isinstance(value, str) and len(value) > 12 and not value.isspace():
            yield value
        elif isinstance(value, dict):
            yield from secrets(option.get("options") or {}, value)


@pytest.mark.parametrize("name", NAMES)
def test_a_module_ends_by_its_own_word(name: str) -> None:
    @some(name)
    @given(st.integers(0, 2**48))
    def case(number: int) -> None:
        arguments, host, check = modules.case(name, number)
        try:
            with no_hang():
                ended = modules.run_module(name, arguments, host, check)
            if ended.failed:
                assert str(ended.result.get("msg") or "").strip()
            said = json.dumps(ended.result, ensure_ascii=False)
        except BaseException as error:
            raise AssertionError("case %d, check %s: %r" % (number, check, arguments)) from error
        shown = [secret for secret in secrets(modules.spec_of(name), arguments) if secret in said]
        assert name in TELLS or shown == [] or _also_public(arguments, shown)

    case()


#: Modules whose answer is a secret; the tasks that call them hide it.
TELLS = ("rke2_token",)


def _also_public(arguments: Mapping[str, Any], shown: Any) -> bool:
    """Whether another option, which may be shown, happens to have the same text."""
    return all(json.dumps(arguments, ensure_ascii=False).count(secret) > 1 for secret in shown)


@pytest.mark.parametrize("name", modules.ACTIONS)
def test_an_action_answers_or_refuses(name: str, tmp_path: pathlib.Path) -> None:
    @some(name)
    @given(st.integers(0, 2**48))
    def case(number: int) -> None:
        try:
            with no_hang(), modules.only_readable():
                result = modules.run_action(name, random.Random(number), str(tmp_path))
            json.dumps(result)
        except AnsibleError as refusal:
            assert str(refusal).strip()
        except BaseException as error:
            raise AssertionError("case %d" % number) from error

    case()
