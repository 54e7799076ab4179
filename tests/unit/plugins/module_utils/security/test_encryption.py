# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys change without a moment in which an API server could not read what another one writes, wherever a run is killed."""

from __future__ import annotations

import itertools
from typing import Dict, Iterator, List, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.security.encryption import (
    PHASES,
    PLAIN,
    Key,
    make_plan,
    new_key,
    parse,
    render,
)

ONE = Key("secretbox", "key-20261122T010000Z", "MQ==")
TWO = Key("secretbox", "key-20261122T020000Z", "Mg==")
OTHER = Key("aescbc", "key-20261122T030000Z", "Mw==")
HOSTS = ("cp1", "cp2", "cp3")


def all_hosts(*keys: Key) -> Dict[str, str]:
    return {host: render({"secrets": keys}) if keys else "" for host in HOSTS}


def readable_by_all(texts: Dict[str, str], resource: str = "secrets") -> bool:
    """Whether every host has the key that any host writes with."""
    keys = {host: parse(text).get(resource, (PLAIN,)) for host, text in texts.items()}
    return all(keys[writer][0] in keys[reader] for writer in keys for reader in keys)


def moments(
    texts: Dict[str, str], provider: str, resources: List[str], fresh: Key, rotate: bool
) -> Iterator[Tuple[str, Dict[str, str]]]:
    """The files after each single host's change, in the order of the playbook."""
    plan = make_plan(texts, provider, resources, fresh, rotate)
    # The playbook goes through the first phase whether there is work or not.
    for phase, host in itertools.product(PHASES if plan.work else PHASES[:1], HOSTS):
        texts = {**texts, host: plan.texts[phase][host]}
        yield phase, texts


CHANGES = {
    "on": (all_hosts(), "secretbox", ["secrets"], ONE, False),
    "rotated": (all_hosts(ONE, PLAIN), "secretbox", ["secrets"], TWO, True),
    "another provider": (all_hosts(ONE, PLAIN), "aescbc", ["secrets"], OTHER, False),
    "off": (all_hosts(ONE, PLAIN), "none", ["secrets"], PLAIN, False),
    "one more resource": (all_hosts(ONE, PLAIN), "secretbox", ["configmaps", "secrets"], TWO, False),
    "one resource less": ({h: render({"secrets": (ONE, PLAIN), "configmaps": (ONE, PLAIN)}) for h in HOSTS},)
    + ("secretbox", ["secrets"], TWO, False),
}


@pytest.mark.parametrize("name", CHANGES)
def test_at_every_moment_all_read_what_any_writes(name: str) -> None:
    texts, provider, resources, fresh, rotate = CHANGES[name]
    for _phase, now in moments(texts, provider, resources, fresh, rotate):
        assert readable_by_all(now, "secrets") and readable_by_all(now, "configmaps")
    assert not make_plan(now, provider, resources, Key("secretbox", "key-z", "eg=="), False).work, "the next run changes nothing"


@pytest.mark.parametrize("name", CHANGES)
def test_killed_at_any_moment_the_next_run_completes_the_same_change(name: str) -> None:
    texts, provider, resources, fresh, rotate = CHANGES[name]
    steps = [now for _phase, now in moments(texts, provider, resources, fresh, rotate)]
    for killed in steps[:-1]:
        # Until everything is written anew, which comes after "writing", a run has work: no file looks like the end before.
        assert make_plan(killed, provider, resources, Key(fresh.provider, "key-z", "eg=="), False).work
        # Without the opt-in, and with another fresh key: what was begun decides.
        again = [now for _phase, now in moments(killed, provider, resources, Key(fresh.provider, "key-z", "eg=="), False)]
        assert all(readable_by_all(now) and readable_by_all(now, "configmaps") for now in again)
        assert (again or [killed])[-1] == steps[-1]


def test_a_key_goes_only_when_nothing_is_written_with_it() -> None:
    writing = {}
    for phase, now in moments(*CHANGES["rotated"]):
        writing[phase] = {host: parse(text)["secrets"] for host, text in now.items()}
    assert set(writing["readable"].values()) == {(ONE, TWO, PLAIN)}
    assert set(writing["writing"].values()) == {(TWO, ONE, PLAIN)}
    assert set(writing["alone"].values()) == {(TWO, PLAIN)}


def test_no_new_key_while_a_change_is_under_way() -> None:
    begun = {**all_hosts(ONE, PLAIN), "cp1": render({"secrets": (ONE, TWO, PLAIN)})}
    plan = make_plan(begun, "secretbox", ["secrets"], Key("secretbox", "key-z", "eg=="), True)
    assert "key-z" not in str(plan.texts)


def test_at_rest_and_without_encryption_there_is_nothing_to_do() -> None:
    held = all_hosts(ONE, PLAIN)
    assert not make_plan(held, "secretbox", ["secrets"], TWO, False).work
    assert [now for _phase, now in moments(held, "secretbox", ["secrets"], TWO, False)] == [held] * len(HOSTS)
    plan = make_plan(all_hosts(), "none", ["secrets"], PLAIN, False)
    assert not plan.work and set(plan.texts["alone"].values()) == {""}


def test_the_summary_names_keys_and_shows_none() -> None:
    plan = make_plan(all_hosts(ONE, PLAIN), "secretbox", ["secrets"], TWO, True)
    assert TWO.name in plan.summary[0] and ONE.secret not in str(plan.summary) and TWO.secret not in str(plan.summary)


def test_all_keys_of_a_provider_stand_together() -> None:
    # Of two entries of one provider the API server would ask the first alone.
    assert render({"secrets": (ONE, OTHER, TWO, PLAIN)}).count('"secretbox"') == 1
    assert set(parse(render({"secrets": (ONE, OTHER, TWO, PLAIN)}))["secrets"]) == {ONE, OTHER, TWO, PLAIN}


def test_a_new_key_has_32_bytes_and_is_never_the_same() -> None:
    first, second = new_key("secretbox", 0.0), new_key("secretbox", 0.0)
    assert len(first.secret) == 44 and first.secret != second.secret and first.name == "key-19700101T000000Z"


def test_a_damaged_file_is_named_by_its_host() -> None:
    with pytest.raises(ValueError, match="cp2: the file with the keys"):
        make_plan({"cp1": "", "cp2": "{broken"}, "secretbox", ["secrets"], ONE, False)
