"""A page names no setting that does not exist, and no setting is without documentation."""

from __future__ import annotations

import pathlib
import re
from typing import Dict, Iterator, List, Set

import pytest
from conftest import ROOT
from documentation import PAGES, Page, name, playbook_texts, read_page, role_settings
from yaml_files import read_yaml

ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
MODULES = {path.stem for folder in ("modules", "filter", "lookup") for path in (ROOT / "plugins" / folder).glob("*.py")}
#: Words that begin as settings do and are something else.
OTHERS = {
    *(path.name for path in (ROOT / "molecule").iterdir()),
    "host_vars",
    "host_key_checking",  # Ansible's own
    "host_pattern_mismatch",
    "zfs_backports",  # an image of the lab
    "offline_disks",  # within zfs_pools
    "remove_disks",
}
WORD = re.compile(r"(?<![\w/.<-])(?:%s)_[a-z0-9_]*[a-z0-9](?![\w(/*-]|\.[a-z])" % "|".join([*ROLES, "preflight"]))


def words(page: Page) -> Iterator[str]:
    for text in [*page.code, *(block.text for block in page.blocks)]:
        yield from WORD.findall(text)


def known() -> Set[str]:
    texts = playbook_texts()
    return {*role_settings(), *ROLES, *MODULES, *texts, *re.findall(r"\bpreflight_\w+", texts["preflight"]), *OTHERS}


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_page_names_only_settings_that_exist(path: pathlib.Path) -> None:
    page = read_page(path)
    assert sorted(set(words(page)) - known()) == []


def test_every_setting_has_a_sentence_and_its_default_is_the_roles() -> None:
    found: List[str] = []
    for role in ROLES:
        specifications = read_yaml(ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"].values()
        path = ROOT / "roles" / role / "defaults" / "main.yml"
        defaults = (read_yaml(path) if path.exists() else None) or {}
        options = {setting: option for one in specifications for setting, option in (one.get("options") or {}).items()}
        found += ["%s is not described" % setting for setting, option in options.items() if not _sentence(option)]
        found += ["%s: a default that the specification lacks" % setting for setting in defaults.keys() - options.keys()]
        for setting, option in options.items():
            if setting in defaults and "default" in option and option["default"] != defaults[setting]:
                found.append("%s: %r in the specification, %r in the role" % (setting, option["default"], defaults[setting]))
    assert found == []


def _sentence(option: Dict[str, object]) -> bool:
    described = option.get("description")
    last = described[-1] if isinstance(described, list) and described else described
    return isinstance(last, str) and last.rstrip().endswith((".", ")"))


@pytest.mark.parametrize("topology", sorted(path.name for path in (ROOT / "inventories").iterdir() if path.name != "lab"))
def test_an_example_names_only_settings_that_exist_in_its_comments_too(topology: str) -> None:
    for path in (ROOT / "inventories" / topology).rglob("*.yml"):
        assert sorted(set(WORD.findall(path.read_text())) - known()) == []


def test_the_page_of_settings_has_every_role() -> None:
    page = read_page(ROOT / "docs" / "settings.md")
    assert sorted(set(ROLES) - set(page.code)) == []
