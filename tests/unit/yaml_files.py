"""Reads YAML files of the working tree, each once, with libyaml: Python's own reader takes seconds for all roles and playbooks."""

from __future__ import annotations

import copy
import functools
import pathlib
from typing import Any

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@functools.lru_cache(maxsize=None)
def _parsed(path: pathlib.Path) -> Any:
    return yaml.load(path.read_text(), LOADER)


def read_yaml(path: pathlib.Path) -> Any:
    """What the file holds; the caller may change it."""
    return copy.deepcopy(_parsed(path))
