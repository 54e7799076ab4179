# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program of this collection on a host: one file of the very modules that run here, so no second copy of the code is kept."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import io
import os
import sys
import zipfile
from typing import Any, Dict, Iterator, List

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file

#: What of the collection an import may name.
PACKAGE = "ansible_collections.baremetal.kubernetes.plugins.module_utils"
MAIN = """# Modules of the collection baremetal.kubernetes, to run without Ansible.
import sys

from %s import main

sys.exit(main())
"""
#: One moment for all files, so that the same code gives the same bytes.
MOMENT = (1980, 1, 1, 0, 0, 0)
#: Names of Python that stay when the distribution brings a newer one.
PYTHONS = ("/usr/bin/python3", "/usr/libexec/platform-python")


def install(path: str, content: bytes, check: bool) -> Dict[str, Any]:
    """Have the program there, mode 0755, and say so as a module does; with ``check`` it only says what it would do.

    :raises ProblemError: it can't be written; what was there stays.
    """
    before, after = _checksum(path), hashlib.sha256(content).hexdigest()
    if before != after and not check:
        try:
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            replace_file(path, content, 0o755)
        except OSError as error:
            raise ProblemError(path, "it can't be written: %s" % error.strerror, "have its file system writable, with room on it")
    return {
        "changed": before != after,
        "path": path,
        "python": interpreter(),
        "sha256": after,
        "diff": {"before": before and before + "\n", "after": after + "\n"},
    }


def digest(settings: str, program: bytes) -> str:
    """What a run was made with: a report with another one says nothing about the settings of now."""
    return hashlib.sha256(settings.encode("utf-8") + b"\0" + program).hexdigest()


def interpreter() -> str:
    """A lasting name of the Python that runs this, where it has one."""
    real = os.path.realpath(sys.executable)
    return next((name for name in PYTHONS if os.path.realpath(name) == real), sys.executable)


def _checksum(path: str) -> str:
    """Of a file; empty where there is none."""
    try:
        with open(path, "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest()
    except OSError:
        return ""


def sources(start: str) -> Dict[str, str]:
    """Module -> its text, of all that the program needs of the collection."""
    found: Dict[str, str] = {}
    waiting: List[str] = [start]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _text(name)
            waiting.extend(_imports(found[name]))
    return found


def build(start: str) -> bytes:
    """A zip file that Python runs: ``main`` of the module ``start``."""
    modules = sources(start)
    files = {name.replace(".", "/") + ".py": text for name, text in modules.items()}
    for name in modules:
        parts = name.split(".")[:-1]
        for depth in range(1, len(parts) + 1):
            files.setdefault("/".join(parts[:depth]) + "/__init__.py", "")
    files["__main__.py"] = MAIN % start
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[path])
    return content.getvalue()


def _text(name: str) -> str:
    """The source, from wherever Python has it: Ansible's own zip file on a host, a directory elsewhere."""
    found = importlib.util.find_spec(name)
    loader = found.loader if found is not None else None
    text = loader.get_source(name) if loader is not None and hasattr(loader, "get_source") else None
    if not isinstance(text, str):
        raise ImportError("there is no source of %s" % name)
    return text


def _imports(text: str) -> Iterator[str]:
    """The modules of the collection that a source imports."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith(PACKAGE):
            for alias in node.names:
                inner = "%s.%s" % (node.module, alias.name)
                yield inner if _is_module(inner) else node.module


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        # Its parent is no package, but a module that has something of this name.
        return False
