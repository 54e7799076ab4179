# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares a document with its field table: unknown, misplaced and wrongly typed fields, and what the API lacks."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.errors import Problem, did_you_mean
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.fields import (
    ARGUMENTS,
    BOOL,
    DURATION,
    INTEGER,
    NUMBER,
    QUANTITY,
    STRING,
    Field,
    ListOf,
    MapOf,
    Struct,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.fields_components import (
    COMPONENTS,
    NEWEST_MINOR,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.fields_kubeadm import KUBEADM

KINDS: Dict[str, Struct] = dict(KUBEADM, **COMPONENTS)

Path = Tuple[str, ...]

#: Go's time.ParseDuration, without signs.
_DURATION = re.compile(r"(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+\Z")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration_seconds(text: Any) -> Optional[float]:
    """The seconds in a Go duration such as "4m0s" or "0", None where it is none."""
    if text == "0":
        return 0.0
    if not isinstance(text, str) or not _DURATION.match(text):
        return None
    parts = re.findall(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)", text)
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


class Target(NamedTuple):
    """What a document is checked for: the kubeadm API and the Kubernetes minor."""

    api: str
    minor: int


def places() -> Dict[str, List[str]]:
    """Every place of every field name, as "Kind.path"."""
    found: Dict[str, List[str]] = {}

    def walk(struct: Struct, prefix: str) -> None:
        for name, field in struct.fields.items():
            path = "%s.%s" % (prefix, name)
            found.setdefault(name, []).append(path)
            inner = field.type
            while isinstance(inner, (ListOf, MapOf)):
                inner = inner.item if isinstance(inner, ListOf) else inner.value
                path += "[]"
            if isinstance(inner, Struct):
                walk(inner, path)

    for kind, struct in KINDS.items():
        walk(struct, kind)
    return found


_PLACES = places()


def check_document(
    kind: str,
    document: Mapping[str, Any],
    target: Target,
    name_of: Callable[[Path], str],
    warnings: List[str],
) -> List[Problem]:
    """Every field of a document that its table refuses. ``name_of`` gives a path's name as the user wrote it."""
    problems: List[Problem] = []

    def wrong(path: Path, problem: str, remedy: str) -> None:
        problems.append(Problem(name_of(path), problem, remedy))

    def unknown(path: Path, struct: Struct, name: str) -> None:
        newer = kind == "KubeletConfiguration" and len(path) == 1 and target.minor > NEWEST_MINOR
        if newer:
            warnings.append("%s: not in the field tables, which end at Kubernetes 1.%d." % (name_of(path), NEWEST_MINOR))
            return
        elsewhere = [place for place in _PLACES.get(name, []) if place != "%s.%s" % (kind, ".".join(path))]
        if elsewhere:
            wrong(
                path,
                "%s has no such field." % (".".join((kind,) + path[:-1])),
                "It belongs in %s." % " or ".join(elsewhere[:3]),
            )
        else:
            available = [each for each, field in struct.fields.items() if field.available(target.api, target.minor)]
            wrong(path, "%s has no such field." % ".".join((kind,) + path[:-1]), did_you_mean(name, available))

    def walk_struct(path: Path, struct: Struct, value: Any) -> None:
        if not isinstance(value, Mapping):
            wrong(
                path,
                "it is %s, not a dictionary." % describe(value),
                "Write one with %s." % ", ".join(sorted(struct.fields)),
            )
            return
        for name, inner in value.items():
            here = path + (str(name),)
            field = struct.fields.get(name) if isinstance(name, str) else None
            if field is None:
                unknown(here, struct, str(name))
            elif kind in KUBEADM and target.api not in field.apis:
                wrong(here, "%s has no such field." % target.api, "It is in %s; leave it out." % field.where())
            elif not field.available(target.api, target.minor):
                wrong(
                    here,
                    "Kubernetes 1.%d has no such field." % target.minor,
                    "It is in %s; leave it out." % field.where(),
                )
            else:
                walk(here, field, inner)

    def walk(path: Path, field: Field, value: Any) -> None:
        walk_type(path, field.type, value)
        if field.choices and isinstance(value, str) and value not in field.choices:
            wrong(path, "%r is not a value of it." % value, "Write one of: %s." % ", ".join(field.choices))

    def walk_type(path: Path, kind_of: Any, value: Any) -> None:
        if isinstance(kind_of, Struct):
            walk_struct(path, kind_of, value)
        elif isinstance(kind_of, ListOf):
            if not isinstance(value, (list, tuple)):
                wrong(path, "it is %s, not a list." % describe(value), "Write a list, even for one value.")
                return
            for index, item in enumerate(value):
                walk_type(path + ("[%d]" % index,), kind_of.item, item)
        elif isinstance(kind_of, MapOf):
            if not isinstance(value, Mapping):
                wrong(path, "it is %s, not a dictionary." % describe(value), "Write name: value pairs.")
                return
            for name, item in value.items():
                if not isinstance(name, str):
                    wrong(path, "the name %r is no text." % (name,), "Put it in quotes.")
                walk_type(path + (str(name),), kind_of.value, item)
        elif kind_of == ARGUMENTS:
            walk_arguments(path, value)
        else:
            remedy = scalar_remedy(kind_of, value)
            if remedy:
                wrong(path, "%s is not %s." % (describe(value, True), kind_of), remedy)

    def walk_arguments(path: Path, value: Any) -> None:
        if target.api != "v1beta4":
            if not isinstance(value, Mapping):
                wrong(path, "%s takes a map of name: value here." % target.api, 'Write, for example, {"v": "2"}.')
                return
            pairs = list(value.items())
        else:
            named = isinstance(value, (list, tuple)) and all(
                isinstance(item, Mapping) and set(item) == {"name", "value"} for item in value
            )
            if not named:
                wrong(
                    path,
                    "v1beta4 takes a list of {name, value} here, not a map.",
                    'Write, for example, [{name: "v", value: "2"}].',
                )
                return
            pairs = [(item["name"], item["value"]) for item in value]
        for name, each in pairs:
            if not isinstance(name, str) or not name:
                wrong(path, "the argument name %r is no text." % (name,), "Write the name of the flag without dashes.")
            elif not isinstance(each, str):
                wrong(path + (name,), "%s is not text." % describe(each, True), "Put it in quotes.")
            elif name.startswith("-"):
                wrong(path + (name,), "names are written without dashes.", "Write %s." % name.lstrip("-"))
            elif "=" in name or " " in name:
                wrong(path + (name,), "this is no name of a flag.", "Write the name and the value apart.")

    walk_struct((), KINDS[kind], document)
    return problems


def describe(value: Any, show: bool = False) -> str:
    """A value for a person: its kind, with ``show`` the value itself where it is short."""
    if value is None:
        return "empty"
    if isinstance(value, Mapping):
        return "a dictionary"
    if isinstance(value, (list, tuple)):
        return "a list"
    if show:
        return repr(value)
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    return "text"


def scalar_remedy(kind_of: str, value: Any) -> str:
    """What to write instead of a value that is not of the scalar kind; empty where it is."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if kind_of == STRING:
        return "" if isinstance(value, str) else "Write text, in quotes."
    if kind_of == BOOL:
        return "" if isinstance(value, bool) else "Write true or false."
    if kind_of == INTEGER:
        return "" if whole else "Write digits, without quotes."
    if kind_of == NUMBER:
        return "" if whole or isinstance(value, float) else "Write a number, without quotes."
    if kind_of == DURATION:
        if duration_seconds(value) is not None:
            return ""
        return 'Write "%ds".' % value if whole and value >= 0 else 'Write it with units, as in "4m0s".'
    if kind_of == QUANTITY:
        return "" if isinstance(value, str) or whole else "Write text such as 512Mi."
    return ""
