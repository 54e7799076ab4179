"""``-e setting=false`` and INI inventories give text, and the text "false" is true to Jinja: every switch is read by ``| bool``."""

from __future__ import annotations

import re
from typing import Iterator, List

import pytest
from roles_render import ROOT, expression
from yaml_files import read_yaml

#: Where the whole value goes into a module's argument, the module converts it.
WHOLE = re.compile(r"""^\s*(- )?\w+:\s*["']?\{\{\s*\w+\s*\}\}["']?\s*$""")


def switches() -> Iterator[str]:
    for path in sorted((ROOT / "roles").glob("*/meta/argument_specs.yml")):
        for entry_point in read_yaml(path)["argument_specs"].values():
            for name, option in (entry_point.get("options") or {}).items():
                if option.get("type") == "bool":
                    yield name


def unread(text: str, switch: str) -> List[str]:
    """Lines that take the switch's text for a truth value."""
    bare = re.compile(r"\b%s\b(?!\s*\|\s*bool\b)" % switch)
    # Comments, keys, and the words that tell what to write are no use of it.
    used = [re.sub(r"^\s*%s:|#.*|-e %s=\w+" % (switch, switch), "", line) for line in text.splitlines()]
    return [line for line in used if bare.search(line) and not WHOLE.match(line)]


@pytest.mark.parametrize("switch", sorted(set(switches())))
def test_a_switch_is_read_as_a_truth_value(switch: str) -> None:
    rooms = [path for room in ("tasks", "templates", "vars", "handlers") for path in (ROOT / "roles").glob("*/%s/*" % room)]
    found = {
        str(path.relative_to(ROOT)): unread(path.read_text(), switch) for path in rooms + list((ROOT / "playbooks").glob("*.yml"))
    }
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_a_switch_that_is_read_as_text_is_found() -> None:
    assert unread("  when: verify_network\n", "verify_network")
    assert unread("{% if not a_switch %}", "a_switch")
    assert not unread('  when: verify_network | bool\n  dns: "{{ verify_network }}"\n  # verify_network\n', "verify_network")


@pytest.mark.parametrize(("given", "kept"), [("false", True), ("true", False), (False, True), (True, False)])
def test_the_text_false_does_not_delete_the_data_of_etcd(given: object, kept: bool) -> None:
    tasks = read_yaml(ROOT / "roles" / "reset" / "tasks" / "main.yml")
    (call,) = (task["baremetal.kubernetes.kubeadm_node"] for task in tasks if "baremetal.kubernetes.kubeadm_node" in task)
    assert expression("reset", call["keep_etcd_data"], reset_delete_etcd_data=given) is kept
