"""Every command that a page shows can be typed: playbooks, targets, settings on the command line, roles and modules exist."""

from __future__ import annotations

import json
import pathlib
import re
import shlex
from typing import Iterator, List

import pytest
from ansible.cli.playbook import PlaybookCLI
from conftest import ROOT
from documentation import PAGES, name, playbook_texts, read_page, role_settings
from yaml_files import read_yaml

COLLECTION = "baremetal.kubernetes."
PLUGINS = {"module": "modules", "filter": "filter", "lookup": "lookup"}
#: Shells' comments; a # within quotes has no blank before it in our pages.
COMMENT = re.compile(r"(^|\s)#.*$")


def commands(path: pathlib.Path) -> Iterator[List[str]]:
    """The words of each command on the page, in blocks and in the text."""
    page = read_page(path)
    for block in page.blocks:
        if block.language in ("", "sh", "console"):
            for line in block.text.replace("\\\n", " ").splitlines():
                for part in re.split(r" && | \| ", COMMENT.sub("", line)):
                    yield from words(part)
    for code in page.code:
        yield from words(code)


def words(text: str) -> Iterator[List[str]]:
    try:
        found = shlex.split(text)
    except ValueError:  # An apostrophe: this is no command.
        return
    while found and re.match(r"\w+=", found[0]):
        del found[0]
    if found:
        yield found


def wrong(command: List[str]) -> Iterator[str]:
    program, rest = command[0], command[1:]
    if not rest:  # The name alone.
        return
    if program == "ansible-playbook":
        yield from wrong_playbook(command)
    elif program == "-e":
        yield from wrong_variables(rest[0])
    elif program == "make":
        makefiles = (ROOT / "Makefile").read_text() + (ROOT / "tests" / "lab" / "lab.mk").read_text()
        targets = re.findall(r"^([a-z-]+):", makefiles, re.MULTILINE)
        yield from ("make has no target %s" % word for word in rest if word.islower() and "=" not in word and word not in targets)
    elif program == "ansible-doc":
        yield from wrong_documentation(rest)
    elif program == "ansible-galaxy" and (rest[:1] != ["collection"] or rest[1:2] not in (["install"], ["build"])):
        yield "ansible-galaxy %s is not what people need here" % " ".join(rest)
    for word in command:
        if re.match(r"(tests|playbooks|inventories|molecule|docs)/[\w./-]+$", word) and not (ROOT / word).exists():
            yield "there is no %s" % word


def wrong_playbook(command: List[str]) -> Iterator[str]:
    cli = PlaybookCLI(command)
    cli.init_parser()
    try:
        options = cli.parser.parse_args(command[1:])
    except SystemExit:
        yield "ansible-playbook does not take: %s" % " ".join(command)
        return
    for playbook in options.args:
        if playbook.startswith(COLLECTION) and playbook[len(COLLECTION) :] not in playbook_texts():
            yield "there is no playbook %s" % playbook
    for given in options.extra_vars:
        yield from wrong_variables(given)


def wrong_variables(given: str) -> Iterator[str]:
    names = json.loads(given) if given.startswith("{") else [part.split("=")[0] for part in shlex.split(given)]
    for one in names:
        if one not in role_settings() and not any(re.search(r"\b%s\b" % one, text) for text in playbook_texts().values()):
            yield "-e %s: neither a role nor a playbook has it" % one


def wrong_documentation(rest: List[str]) -> Iterator[str]:
    kind = rest[rest.index("-t") + 1] if "-t" in rest else "module"
    short = rest[-1][len(COLLECTION) :]
    if not rest[-1].startswith(COLLECTION):
        yield "%s has no full name" % rest[-1]
    elif kind == "role":
        path = ROOT / "roles" / short / "meta" / "argument_specs.yml"
        if not path.exists():
            yield "there is no role %s" % short
        elif "-e" in rest and rest[rest.index("-e") + 1] not in read_yaml(path)["argument_specs"]:
            yield "role %s has no entry point %s" % (short, rest[rest.index("-e") + 1])
    elif not (ROOT / "plugins" / PLUGINS[kind] / (short + ".py")).exists():
        yield "there is no %s %s" % (kind, short)


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_command_of_a_page_can_be_typed(path: pathlib.Path) -> None:
    assert [problem for command in commands(path) for problem in wrong(command)] == []


def test_every_playbook_is_on_a_page_or_part_of_another() -> None:
    typed = {word for path in PAGES for command in commands(path) for word in command if word.startswith(COLLECTION)}
    texts = playbook_texts()
    parts = {part for text in texts.values() for part in re.findall(r"import_playbook: (\w+)\.yml", text)}
    assert sorted(set(texts) - {word[len(COLLECTION) :] for word in typed} - parts) == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("ansible-playbook -i inventory baremetal.kubernetes.upgrades", "no playbook baremetal.kubernetes.upgrades"),
        ("ansible-playbook -i inventory playbooks/none.yml", "no playbooks/none.yml"),
        ("ansible-playbook --inventories x baremetal.kubernetes.verify", "does not take"),
        ("ansible-playbook baremetal.kubernetes.reset -e reset_confirmed=x", "reset_confirmed"),
        ("""-e '{"offline_action": ["copy"]}'""", "offline_action"),
        ("make labs", "labs"),
        ("make molecule SCENARIO=single", ""),
        ("ansible-doc -t role baremetal.kubernetes.keepalive", "no role keepalive"),
        ("ansible-doc -t role -e main baremetal.kubernetes.cluster", "no entry point main"),
        ("ansible-doc baremetal.kubernetes.zfs", "no module zfs"),
        ("python3 tests/lab/none.py up", "tests/lab/none.py"),
    ],
)
def test_a_command_that_can_not_be_typed_is_found(text: str, word: str) -> None:
    found = [problem for command in words(text) for problem in wrong(command)]
    assert (not found) if not word else len(found) == 1 and word in found[0]
