# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encryption at rest: the keys of each resource, and the order in which control planes change them without losing anything. Pure.

Every API server must be able to read what any of them writes, at every moment: first all know all keys (``readable``), then all
write with the new one (``writing``), then what is stored is written again, and only then the old keys go (``alone``).
Source: kubernetes.io tasks/administer-cluster/encrypt-data, "Rotate a decryption key".
"""

from __future__ import annotations

import base64
import json
import os
import time
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import check_form, from_json

IDENTITY = "identity"
PHASES = ("readable", "writing", "alone")


class Key(NamedTuple):
    """A provider with one of its keys; names tell a key's age."""

    provider: str
    name: str = ""
    secret: str = ""


PLAIN = Key(IDENTITY)
#: A key that nothing is written with. Beside a first one it says, in the file, that what is stored plain was not written anew yet.
DUE = "a-rewrite-is-due"
#: Resource -> keys, of which the first writes.
Keys = Dict[str, Tuple[Key, ...]]


def new_key(provider: str, now: float) -> Key:
    """A key of 32 bytes of the kernel's randomness."""
    name = time.strftime("key-%Y%m%dT%H%M%SZ", time.gmtime(now))
    return Key(provider, name, base64.b64encode(os.urandom(32)).decode())


FORM = {
    "resources": [{"resources": [str], "providers": [{str: object}]}],
}
PROVIDER = {"keys?": [{"name": str, "secret": str}]}


def parse(text: str) -> Keys:
    """The keys in a file of ours; none where there is no file.

    :raises ValueError: it is not ours, or damaged.
    """
    found: Keys = {}
    if not text.strip():
        return found
    for entry in from_json(text, FORM)["resources"]:
        keys: List[Key] = []
        for provider in entry["providers"]:
            for name, content in provider.items():
                check_form(content or {}, PROVIDER)
                listed = (content or {}).get("keys") or [{"name": "", "secret": ""}]
                keys += [Key(name, key["name"], key["secret"]) for key in listed]
        for resource in entry["resources"]:
            found[resource] = tuple(keys)
    return found


def render(keys: Mapping[str, Sequence[Key]]) -> str:
    """The file of an API server, empty where there is nothing to say. Resources with the same keys stand together."""
    if not keys:
        return ""
    together: Dict[Tuple[Key, ...], List[str]] = {}
    for resource in sorted(keys):
        together.setdefault(tuple(keys[resource]), []).append(resource)
    resources = [{"resources": names, "providers": _providers(listed)} for listed, names in together.items()]
    content = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration", "resources": resources}
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def _providers(keys: Sequence[Key]) -> List[Dict[str, Any]]:
    # All keys of a provider in one place: of two entries with the same prefix the API server asks the first alone.
    providers: Dict[str, List[Dict[str, str]]] = {}
    for key in keys:
        providers.setdefault(key.provider, [])
        if key.name:
            providers[key.provider].append({"name": key.name, "secret": key.secret})
    return [{name: {"keys": listed} if listed else {}} for name, listed in providers.items()]


class Plan(NamedTuple):
    """What is to be done. ``texts`` holds, by phase and host, the whole file; secret. ``summary`` names keys only."""

    work: bool
    texts: Dict[str, Dict[str, str]]
    resources: List[str]
    summary: List[str]


def make_plan(files: Mapping[str, str], provider: str, resources: Sequence[str], fresh: Key, rotate: bool) -> Plan:
    """From the files of all control planes to those that are wanted.

    :param provider: what is to write, or ``none``.
    :param fresh: a new key of that provider, for where one is needed.
    :param rotate: have a new key where no rotation is under way.
    :raises ValueError: a file that can't be read; its host is named.
    """
    now: Dict[str, Keys] = {}
    for host, text in files.items():
        try:
            now[host] = parse(text)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError("%s: the file with the keys is not one that this collection wrote, or it is damaged" % host)
    every = sorted({resource for keys in now.values() for resource in keys} | set(resources if provider != "none" else ()))
    known = _union(key for keys in now.values() for listed in keys.values() for key in listed)
    target = _target(known, provider, fresh, rotate and _settled(now, known))
    wanted = {resource: (target, PLAIN) if target != PLAIN and resource in resources else (PLAIN,) for resource in every}
    work = any(keys.get(resource, (PLAIN,)) != wanted[resource] for keys in now.values() for resource in every)
    texts: Dict[str, Dict[str, str]] = {phase: {} for phase in PHASES}
    for host, keys in now.items():
        held = {resource: keys.get(resource, (PLAIN,)) for resource in every}
        of_all = {one: _union(key for keys_ in now.values() for key in keys_.get(one, (PLAIN,))) for one in every}
        both = {one: (*of_all[one], *wanted[one], *_due(of_all[one], wanted[one])) for one in every}
        texts["readable"][host] = render({one: _union([held[one][0], *both[one]]) for one in every})
        texts["writing"][host] = render({one: _union([wanted[one][0], *both[one]]) for one in every})
        texts["alone"][host] = render({one: keys_ for one, keys_ in wanted.items() if target == PLAIN or one in resources})
    if not work:
        texts = dict.fromkeys(PHASES, texts["alone"])
    return Plan(work, texts, every, _summary(now, wanted, work))


def _due(held: Sequence[Key], wanted: Sequence[Key]) -> Tuple[Key, ...]:
    """Where there is no former key whose presence would say so."""
    former = [key for key in held if key not in wanted and key.name != DUE]
    provider = wanted[0].provider
    return () if former or provider == IDENTITY else (Key(provider, DUE, base64.b64encode(bytes(32)).decode()),)


def _union(keys: Any) -> Tuple[Key, ...]:
    """Each key once, in the order of its first appearance; plain last unless it comes first."""
    listed = list(dict.fromkeys(keys))
    return tuple(listed[:1] + [key for key in listed[1:] if key != PLAIN] + ([PLAIN] if PLAIN in listed[1:] else []))


def _settled(now: Mapping[str, Keys], known: Sequence[Key]) -> bool:
    return len([key for key in known if key != PLAIN]) == 1 and len({render(keys) for keys in now.values()}) == 1


def _target(known: Sequence[Key], provider: str, fresh: Key, rotate: bool) -> Key:
    if provider == "none":
        return PLAIN
    own = sorted((key for key in known if key.provider == provider), key=lambda key: key.name)
    return fresh if rotate or not own else own[-1]


def _summary(now: Mapping[str, Keys], wanted: Mapping[str, Sequence[Key]], work: bool) -> List[str]:
    def words(keys: Sequence[Key]) -> str:
        return ", ".join("%s %s" % (key.provider, key.name) if key.name else "plain" for key in keys)

    if not work:
        return ["encryption at rest: %s: %s" % (one, words(keys)) for one, keys in sorted(wanted.items())] or [
            "encryption at rest: none"
        ]
    lines = []
    for one, keys in sorted(wanted.items()):
        held = sorted({words(keys_.get(one, (PLAIN,))) for keys_ in now.values()})
        lines.append("encryption at rest: %s: %s -> %s" % (one, " / ".join(held), words(keys)))
    return lines
