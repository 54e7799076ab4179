# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON from outside: read, and held against the form that its reader counts on, before anybody reads it. Pure.

A form is a type (``str``, ``int``, ``float``, ``bool``, ``object`` for anything), ``[form]`` for a list, ``{str: form}`` for an
object with any names, or ``{"name": form, "name?": form}``, of which those with a question mark may be missing or null.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Tuple, Union

WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false", dict: "an object", list: "a list"}

#: What JSON may write and UTF-8 can't: a surrogate, which is right in pairs only.
HALF = re.compile(r"\\u[dD][89a-fA-F]")


class FormError(ValueError):
    """It is no JSON, or a value in it is not what it should be."""


def from_json(text: Union[str, bytes, None], form: Any = object) -> Any:
    """The data of a JSON text that has the form. Numbers are finite, and no text has half a character.

    :raises FormError: it is none, or has not.
    """
    if isinstance(text, (bytes, bytearray)):
        text = text.decode("utf-8", "replace")
    try:
        data = json.loads(text or "", parse_constant=_finite, parse_float=_finite)
        if HALF.search(text or ""):
            data = json.loads(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise FormError("it is no JSON: %s" % error)
    check_form(data, form)
    return data


def object_or_empty(text: Union[str, bytes, None], form: Any = object) -> Dict[str, Any]:
    """The object of a JSON text; empty where it is none, or has not the form."""
    try:
        data = from_json(text, form)
    except FormError:
        return {}
    return data if isinstance(data, dict) else {}


def _finite(word: str) -> float:
    number = float(word)
    if not abs(number) < float("inf"):
        raise ValueError("%s is no number of JSON's" % word[:20])
    return number


def check_form(data: Any, form: Any, where: str = "") -> None:
    """Hold data against a form.

    :raises FormError: which value is wrong, by its path.
    """
    if isinstance(form, dict):
        _need(data, dict, where)
        for name, inner in form.items():
            if name is str:
                for key, value in data.items():
                    check_form(value, inner, "%s.%s" % (where, key))
                continue
            plain = name.rstrip("?")
            value = data.get(plain)
            if value is None and plain != name:
                continue
            if plain not in data:
                raise FormError("%s is missing" % "{0}.{1}".format(where, plain).lstrip("."))
            check_form(value, inner, "%s.%s" % (where, plain))
    elif isinstance(form, list):
        _need(data, list, where)
        for number, value in enumerate(data):
            check_form(value, form[0], "%s[%d]" % (where, number))
    elif form is not object:
        _need(data, form, where)


def _need(data: Any, kind: type, where: str) -> None:
    kinds: Tuple[type, ...] = (int, float) if kind is float else (kind,)
    # A truth value is a number in Python.
    if not isinstance(data, kinds) or (isinstance(data, bool) and kind is not bool):
        raise FormError("%s is not %s" % (where.lstrip(".") or "the whole", WORDS[kind]))
