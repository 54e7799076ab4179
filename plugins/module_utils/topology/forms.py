# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a value is what its argument specification asks for, and in a person's words what to write instead. Pure.

ansible-core's own validator converts where it can, as for a module. Variables of roles are not converted: a text that stands for a
list would be read letter by letter.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import did_you_mean
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import truth, whole_number

#: What stays of a value of which nothing can be used.
NOTHING = object()

#: Type of a specification -> what a person calls it.
KINDS = {
    "str": "a text",
    "path": "a path",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "a mapping of names to values",
}
#: What choices are called elsewhere: levels of RAID, whose names are like those of others.
OTHER_WORDS = {"raid0": "single", "raid1": "mirror", "raid10": "mirror", "raid5": "raidz1", "raidz": "raidz1", "raid6": "raidz2"}
#: So many keys of a mapping make an example of it.
KEYS_SHOWN = 3
#: So many characters of a wrong value are shown.
SHOWN = 60


class Fault(NamedTuple):
    """One thing that is wrong, within a setting such as ``zfs_pools[0].vdevs``."""

    setting: str
    problem: str
    remedy: str


def conform(setting: str, value: Any, specification: Mapping[str, Any], commas: bool = False) -> Tuple[Any, List[Fault]]:
    """The value with what is right of it (NOTHING where that is nothing), and what is wrong.

    :param commas: whether a text with commas may stand for a list, as on the command line.
    """
    faults: List[Fault] = []
    return _value(setting, value, specification, faults, commas), faults


def _holds_secrets(specification: Mapping[str, Any]) -> bool:
    """Whether a value of this form, or a part of one, may be a password."""
    options: Mapping[str, Mapping[str, Any]] = specification.get("options") or {}
    return bool(specification.get("no_log")) or any(map(_holds_secrets, options.values()))


def _value(setting: str, value: Any, specification: Mapping[str, Any], faults: List[Fault], commas: bool = False) -> Any:
    secret = _holds_secrets(specification)
    kind = str(specification.get("type") or "str")
    if value is None:
        default = specification.get("default")
        else_ = "; without it, it is %s" % default if default not in (None, "", [], {}) and not secret else ""
        remedy = "write %s, or remove the line%s" % (KINDS.get(kind, "a value"), else_)
        faults.append(Fault(setting, "nothing is written there, which YAML reads as null", remedy))
        return NOTHING
    if kind == "list":
        return _list(setting, value, specification, faults, commas)
    if kind == "dict":
        return _mapping(setting, value, specification, faults)
    word = kind == "str" and isinstance(value, bool) and bool(specification.get("choices"))
    converted = SCALARS[kind](value) if kind in SCALARS and not word else value
    if converted is None:
        faults.append(_wrong(setting, value, kind, _instead(value, kind, specification, secret), secret))
        return NOTHING
    if kind == "str" and isinstance(value, float) and setting.endswith("version"):
        problem = "%s is read by YAML as a number, which loses a patch and turns 1.30 into 1.3" % value
        faults.append(Fault(setting, problem, 'put the whole version in quotes, like "1.36.3"'))
        return NOTHING
    return _chosen(setting, converted, specification, faults)


def _list(setting: str, value: Any, specification: Mapping[str, Any], faults: List[Fault], commas: bool) -> Any:
    secret = _holds_secrets(specification)
    of_mappings = specification.get("elements") == "dict"
    if isinstance(value, (list, tuple)):
        members = list(value)
    elif of_mappings or isinstance(value, Mapping):
        entry = _example(specification) if of_mappings else "first"
        faults.append(_wrong(setting, value, "list", "write a list, each entry with a hyphen: - %s" % entry, secret))
        return NOTHING
    else:
        members = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else [value]
        if not (commas and isinstance(value, str)):
            remedy = "write it in brackets" if secret else "write [%s]" % ", ".join(map(str, members))
            faults.append(_wrong(setting, value, "list", remedy, secret))
    inner = {name: specification[name] for name in ("options", "choices", "no_log") if name in specification}
    element = {"type": specification.get("elements") or "raw", **inner}
    kept = [_value("%s[%d]" % (setting, number), member, element, faults) for number, member in enumerate(members)]
    return [member for member in kept if member is not NOTHING]


def _mapping(setting: str, value: Any, specification: Mapping[str, Any], faults: List[Fault]) -> Any:
    if not isinstance(value, Mapping):
        remedy = "write a mapping, like %s" % _example(specification)
        faults.append(_wrong(setting, value, "dict", remedy, _holds_secrets(specification)))
        return NOTHING
    options: Mapping[str, Mapping[str, Any]] = specification.get("options") or {}
    if not options:
        return dict(value)
    kept: Dict[str, Any] = {}
    meant: List[str] = []
    for name, inner in value.items():
        if name in options:
            # What is within a secret is one.
            option = {**options[name], "no_log": True} if specification.get("no_log") else options[name]
            one = _value("%s.%s" % (setting, name), inner, option, faults)
            if one is not NOTHING:
                kept[name] = one
            continue
        close = did_you_mean(str(name), list(options))
        meant.append(close)
        problem = "there is no such key%s" % (", did you mean %s?" % close if close else "")
        faults.append(Fault("%s.%s" % (setting, name), problem, "write %s" % (close or "one of " + ", ".join(options))))
    for name, option in options.items():
        if option.get("required") and name not in value and name not in meant:
            kind = KINDS.get(str(option.get("type")), "a text")
            faults.append(Fault(setting, "it has no %s" % name, "add %s, which is %s" % (name, kind)))
    return kept


def _chosen(setting: str, value: Any, specification: Mapping[str, Any], faults: List[Fault]) -> Any:
    choices: Sequence[Any] = specification.get("choices") or ()
    if not choices or value in choices:
        return value
    # YAML reads these words as truth values, and some choices are called so.
    words = {True: ("yes", "on", "true"), False: ("no", "off", "false")}.get(value, ()) if isinstance(value, bool) else ()
    unquoted = next((word for word in words if word in choices), None)
    if unquoted is not None:
        return unquoted
    known = [str(choice) for choice in choices if choice != ""]
    word = str(value).lower()
    close = OTHER_WORDS[word] if OTHER_WORDS.get(word) in known else did_you_mean(word, known)
    unset = ", or nothing" if "" in choices else ""
    problem = "%.*r is none of %s%s" % (SHOWN, value, ", ".join(known), unset)
    faults.append(Fault(setting, problem, "write %s" % (close or "one of them")))
    return close or NOTHING


def _wrong(setting: str, value: Any, kind: str, remedy: str, secret: bool) -> Fault:
    return Fault(setting, "it is %s, and %s is needed" % (kind_of(value, secret), KINDS[kind]), remedy)


def kind_of(value: Any, secret: bool = False) -> str:
    """What a person calls the value, which is not shown where it may hold a password."""
    if isinstance(value, bool):
        return "true or false (YAML takes yes, no, on and off for it)"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if secret:
        return "a text" if isinstance(value, str) else "a number"
    return "the number %s" % value if isinstance(value, (int, float)) else "the text %.*r" % (SHOWN, str(value))


def _instead(value: Any, kind: str, specification: Mapping[str, Any], secret: bool) -> str:
    if kind == "bool":
        return "write true or false"
    if kind in ("int", "float"):
        default = specification.get("default")
        like = default if isinstance(default, (int, float)) and not isinstance(default, bool) else None
        unit = isinstance(value, str) and value[:1].isdigit()
        return "write digits alone%s%s" % (", without a unit" if unit else "", ", like %s" % like if like is not None else "")
    if isinstance(value, bool):
        return 'put it in quotes, like "%s"' % ("on" if value else "off")
    scalars = isinstance(value, (list, tuple)) and all(isinstance(one, (str, int, float)) for one in value)
    if scalars and len(value) == 1 and not secret:
        return "write %s" % value[0]
    return "write it in one line, without brackets and hyphens"


def _example(specification: Mapping[str, Any]) -> str:
    """A mapping as its specification has it: what it needs, else its first keys."""
    options: Mapping[str, Mapping[str, Any]] = specification.get("options") or {}
    needed = [name for name, option in options.items() if option.get("required")]
    names = needed or list(options)[:KEYS_SHOWN]
    return "{%s}" % ", ".join("%s: …" % name for name in names) if names else "{name: value}"


def _text(value: Any) -> Optional[str]:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _number(value: Any) -> Optional[float]:
    if isinstance(value, bool):
        return None
    try:
        return float(value) if isinstance(value, (int, float, str)) else None
    except ValueError:
        return None


#: Type -> the value as this type; None where it can't be one. A text may stand for a number or a truth value, as with -e.
SCALARS: Dict[str, Callable[[Any], Any]] = {
    "str": _text,
    "path": _text,
    "int": whole_number,
    "float": _number,
    "bool": truth,
}
