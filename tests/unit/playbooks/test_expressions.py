"""Every expression of roles, playbooks and inventories is one that Jinja can read; ansible-lint passes over those in vars files."""

from __future__ import annotations

import pathlib
from typing import Any, Iterator

import jinja2
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOLDERS = ("roles", "playbooks", "inventories", "molecule", "tests")
#: Keywords whose value is an expression without braces.
BARE = {"when", "until", "failed_when", "changed_when", "that"}
ENVIRONMENT = jinja2.Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])


class Loader(yaml.SafeLoader):
    """Ansible's own tags are no concern of this test."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: getattr(node, "value", None))  # type: ignore[no-untyped-call]


def expressions(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from expressions(one, str(name))
    elif isinstance(value, list):
        for one in value:
            yield from expressions(one, key)
    elif isinstance(value, str):
        yield "{{ %s }}" % value if key in BARE and "{{" not in value else value


def readable(text: str) -> bool:
    try:
        ENVIRONMENT.parse(text)
    except jinja2.TemplateSyntaxError:
        return False
    return True


@pytest.mark.parametrize("folder", FOLDERS)
def test_expressions_can_be_read(folder: str) -> None:
    found = 0
    for path in sorted((ROOT / folder).rglob("*.yml")):
        for document in yaml.load_all(path.read_text(), Loader):
            for text in expressions(document):
                assert readable(text), "%s: %s" % (path, text)
                found += 1
    assert found > 10


def test_templates_can_be_read() -> None:
    for path in sorted((ROOT / "roles").rglob("*.j2")):
        assert readable(path.read_text()), path


def test_a_bad_expression_is_seen() -> None:
    # Jinja takes the `if` for the test's argument.
    assert not readable("{{ a is none if b else c }}")
