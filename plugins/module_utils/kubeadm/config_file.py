# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the configuration file to the wanted text: read, validate by the binary, write, and a diff without secrets."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Set

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.config import Rendered
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, Runner

#: Fields whose values open the cluster; they are masked wherever a person could see them.
SECRET_FIELDS = ("certificateKey", "token", "tlsBootstrapToken", "certificate_key", "tls_bootstrap_token")

_SECRET_LINE = re.compile(r"^(\s*(?:- )?(?:%s):\s+)(\S.*)$" % "|".join(SECRET_FIELDS), re.M)


class FileError(Exception):
    """The file can't be placed; ``problem`` says why, ``remedy`` what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__("%s %s" % (problem, remedy))


class FileState(NamedTuple):
    """What lies at the path: no text where there is nothing."""

    text: str
    present: bool
    mode: int


def secrets(value: Any) -> Set[str]:
    """The values of every secret field, however deep."""
    found: Set[str] = set()
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name in SECRET_FIELDS and isinstance(inner, (str, int)) and str(inner):
                found.add(str(inner))
            else:
                found |= secrets(inner)
    elif isinstance(value, (list, tuple)):
        for item in value:
            found |= secrets(item)
    return found


def masked(text: str, other: str = "") -> str:
    """The text with its secrets masked; those that ``other`` hasn't are marked, so that a diff shows the change alone."""

    def mask(match: "re.Match[str]") -> str:
        return match.group(1) + ("(secret)" if match.group(2) in other else "(secret, differs)")

    return _SECRET_LINE.sub(mask, text)


def diff(path: str, before: FileState, wanted: str, mode: int) -> Dict[str, str]:
    """Ansible's diff, without secrets."""
    shown = {
        "before": masked(before.text, wanted),
        "after": masked(wanted, before.text),
        "before_header": path if before.present else "(absent) " + path,
        "after_header": path,
    }
    if before.present and before.mode != mode:
        shown["before_header"] += " (mode %04o)" % before.mode
        shown["after_header"] += " (mode %04o)" % mode
    return shown


def read(runner: Runner, path: str) -> FileState:
    """What lies at the path now."""
    text = runner.read(path)
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode) if text is not None else 0
    except OSError:
        mode = 0
    return FileState(text or "", text is not None, mode)


def validate(runner: Runner, rendered: Rendered, kubeadm: str, path: str) -> List[str]:
    """Have ``kubeadm config validate`` read the file at the path, where this version has it. Returns warnings.

    Raises FileError with kubeadm's own words. A missing binary is no error: the file may come before the packages.
    """
    if not rendered.config_validate or not rendered.text:
        return []
    result = runner.run([kubeadm, "config", "validate", "--config", path], timeout=60)
    if result.rc == NOT_FOUND:
        return ["%s is not there yet, so its own validation was left out." % kubeadm]
    if result.rc != 0:
        said = masked((result.stderr or result.stdout).strip())
        raise FileError("kubeadm config validate refuses the file: %s" % said, "Change the setting that it names.")
    return [line.strip() for line in result.stderr.splitlines() if "deprecated" in line]


def place(runner: Runner, rendered: Rendered, path: str, mode: int, kubeadm: str, check_mode: bool, validated: bool) -> List[str]:
    """Write the text beside the path, validate it there, and move it into place (unless in check mode). Returns warnings."""
    directory = os.path.dirname(path) or "."
    if not check_mode and not os.path.isdir(directory):
        try:
            os.makedirs(directory, mode=0o755)
        except OSError as error:
            raise FileError("%s can't be made: %s" % (directory, error), "Run it as root, or write another path.")
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=".kubeadm-", suffix=".yaml", dir=None if check_mode else directory)
    except OSError as error:
        raise FileError("nothing can be written in %s: %s" % (directory, error), "Run it as root.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(rendered.text)
            stream.flush()
            os.fsync(stream.fileno())
        warnings = validate(runner, rendered, kubeadm, temporary) if validated else []
        if not check_mode:
            os.chmod(temporary, mode)
            os.replace(temporary, path)
        return warnings
    except OSError as error:
        raise FileError("%s can't be written: %s" % (path, error), "Run it as root.")
    finally:
        _remove([temporary])


def _remove(paths: Iterable[str]) -> None:
    for path in paths:
        if os.path.exists(path):
            os.unlink(path)
