# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every template can be read by Jinja, those that few runs come to as well. ansible-lint does not read variables' files."""

from __future__ import annotations

import pathlib
import re
from typing import Any, Iterator

import jinja2
import pytest
import yaml
from yaml_files import LOADER

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOLDERS = ("roles", "playbooks", "molecule", "inventories", "tests/vm")
#: Whose values are expressions without brackets.
CONDITIONS = ("when", "until", "failed_when", "changed_when", "that")
ENVIRONMENT = jinja2.Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])


def templates(value: Any, condition: bool = False) -> Iterator[str]:
    """The templates in what a YAML file holds."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from templates(inner, name in CONDITIONS)
    elif isinstance(value, list):
        for inner in value:
            yield from templates(inner, condition)
    elif isinstance(value, str):
        yield "{{ %s }}" % value if condition and "{{" not in value else value


FILES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*")) if path.suffix in (".yml", ".j2")]


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES])
def test_jinja_can_read_it(path: pathlib.Path) -> None:
    text = path.read_text()
    for template in [text] if path.suffix == ".j2" else templates(yaml.load(text, LOADER)):
        try:
            ENVIRONMENT.parse(template)
        except jinja2.TemplateSyntaxError as error:
            pytest.fail("%s in:\n%s" % (error, template))


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".yml"], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_expression_asks_jinja_for_a_line_break(path: pathlib.Path) -> None:
    # Ansible escapes backslashes in expressions: a line break has to be YAML's own, in double quotes.
    for template in templates(yaml.load(path.read_text(), LOADER)):
        assert not re.search(r"\{\{[^}]*'[^']*\\n'", template), template
