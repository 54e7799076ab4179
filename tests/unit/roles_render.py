"""Renders a role's texts as Ansible does: the role's and the cluster's defaults, a node's facts, and what a test sets."""

from __future__ import annotations

import contextlib
import functools
import pathlib
import sys
from typing import Any, Dict, Iterator, List

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar
from yaml_files import read_yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
_loaded: Dict[str, Any] = {}
#: Of imports, with Ansible's own: sys.meta_path and sys.path_hooks.
_finders: List[List[Any]] = []

NODE = {
    "os": {"family": "debian"},
    "packages": {"keepalived": "2.2.7", "haproxy": "2.6.12"},
    "addresses": [{"interface": "eth0", "address": "10.89.79.11", "prefix": 24, "family": 4}],
    "default_interface": "eth0",
    "default_address": "10.89.79.11",
    "interfaces": {"lo": 65536, "eth0": 1500},
}


def _trusted(text: str) -> str:
    try:
        from ansible.template import trust_as_template
    except ImportError:  # ansible-core 2.17, 2.18
        return text
    return trust_as_template(text)


def trusted_data(data: Any) -> Any:
    """The same with its texts allowed to be templates, which ansible-core 2.19 wants to be told."""
    if isinstance(data, str):
        return _trusted(data)
    if isinstance(data, list):
        return [trusted_data(item) for item in data]
    if isinstance(data, dict):
        return {key: trusted_data(value) for key, value in data.items()}
    return data


def variables(role: str, **given: Any) -> Dict[str, Any]:
    """What a task of the role sees."""
    merged: Dict[str, Any] = {"inventory_hostname": "cp1", "inventory_dir": "/inventory"}
    merged["ansible_facts"] = {"kubernetes_node": NODE}
    # Variables of a role's dependency reach it as its defaults do.
    for place in ("cluster/defaults", "cluster/vars", role + "/defaults"):
        merged.update(_variables(place))
    merged.update(trusted_data(given))
    return merged


@functools.lru_cache(maxsize=None)
def _variables(place: str) -> Dict[str, Any]:
    path = ROOT / "roles" / place / "main.yml"
    return dict(trusted_data(read_yaml(path) or {})) if path.exists() else {}


def _render(role: str, text: str, given: Dict[str, Any]) -> Any:
    with ansible_collections():
        return Templar(loader=DataLoader(), variables=variables(role, **given)).template(_trusted(text))


@contextlib.contextmanager
def ansible_collections() -> Iterator[None]:
    """Ansible's loader finds filters only in packages that it imported itself, and the tests import them the plain way."""
    plain = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "ansible_collections"}
    meta_path, path_hooks = sys.meta_path[:], sys.path_hooks[:]
    sys.modules.update(_loaded)
    if _finders:
        sys.meta_path[:], sys.path_hooks[:] = _finders
    else:
        init_plugin_loader([str(ROOT / ".build" / "collections")])
    try:
        yield
    finally:
        _loaded.update({name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "ansible_collections"})
        sys.modules.update(plain)
        _finders[:] = [sys.meta_path[:], sys.path_hooks[:]]
        sys.meta_path[:], sys.path_hooks[:] = meta_path, path_hooks
        sys.path_importer_cache.clear()


def expression(role: str, text: str, **given: Any) -> Any:
    """The value of an expression with braces."""
    return _render(role, text, given)


def template(role: str, name: str, **given: Any) -> str:
    """The text that one of the role's templates gives, with the spacing options of the template lookup."""
    text = (ROOT / "roles" / role / "templates" / name).read_text()
    return str(_render(role, "#jinja2: trim_blocks: True\n" + text, given))


def role_variables(role: str) -> Dict[str, Any]:
    """A role's own variables, as texts that a test can pass on."""
    return dict(read_yaml(ROOT / "roles" / role / "vars" / "main.yml"))
