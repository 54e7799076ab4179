# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that systemd runs on a host, and how it gets there: a zip file of these very modules, which Python runs.

``python3 /usr/local/lib/baremetal-kubernetes/backup.pyz run``, or ``list`` for what is on this host and in the storage.
"""

from __future__ import annotations

import io
import sys
import zipfile
from typing import Dict, Mapping, Optional, Sequence, TextIO

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup import names, report
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.settings import SETTINGS, STATE, read_settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.storage import Bucket
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.take import Run
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.errors import SnapshotError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.program import digest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner

PATH = "/usr/local/lib/baremetal-kubernetes/backup.pyz"
PACKAGE = "ansible_collections.baremetal.kubernetes.plugins.module_utils"
START = """# Written by baremetal.kubernetes.backup: the collection's own modules, to run without Ansible.
import sys

from %s.backup.program import main

sys.exit(main(sys.argv[1:]))
"""
#: zip's earliest time, so that equal modules make an equal file.
NO_TIME = (1980, 1, 1, 0, 0, 0)


def main(words: Sequence[str]) -> int:
    """Exit code: 0 for taken or left to another member, 1 for failed, 2 for a call that makes no sense."""
    if list(words) not in (["run"], ["list"]):
        say("usage: backup.pyz run | list", sys.stderr)
        return 2
    try:
        return run() if words[0] == "run" else show()
    except SnapshotError as error:
        say(str(error), sys.stderr)
        return 1


def say(line: str, stream: TextIO) -> None:
    """A line for whoever started the program; this is no module of Ansible's."""
    stream.write(line + "\n")
    stream.flush()


def run(path: str = SETTINGS, state: str = STATE) -> int:
    """Take the backup, or leave it to the member that it is for."""
    runner = HostRunner()
    text = runner.read(path)
    settings = read_settings(text, path)
    done = Run(settings, runner, state=state).carry_out()
    try:
        report.keep(done, settings, digest(text or "", runner.read_bytes(sys.argv[0]) or b""), runner, state)
    except OSError as error:
        say("the report could not be written: %s" % error, sys.stderr)
        return 1
    say(report.line(done), sys.stderr if done["outcome"] == "failed" else sys.stdout)
    return 1 if done["outcome"] == "failed" else 0


def show(path: str = SETTINGS) -> int:
    """Print what there is to restore from."""
    settings = read_settings(HostRunner().read(path), path)
    archives = names.in_directory(settings.directory)
    if settings.storage:
        bucket = Bucket(settings.storage)
        archives = names.whole(bucket.list(bucket.key(settings.cluster_name) + "/")) + archives
    for archive in archives:
        say("%s\t%.1f MB" % (archive.path, archive.size / 1e6), sys.stdout)
    return 0


def sources() -> Dict[str, bytes]:
    """Module -> source of every module of this collection that this process has loaded, from wherever Python has it."""
    found: Dict[str, bytes] = {}
    for name, module in list(sys.modules.items()):
        loader = getattr(module, "__loader__", None)
        if not name.startswith(PACKAGE + ".") or loader is None or not hasattr(loader, "get_source"):
            continue
        text: Optional[str] = loader.get_source(name)
        found[name + ".__init__" if hasattr(module, "__path__") else name] = (text or "").encode("utf-8")
    return found


def build(modules: Mapping[str, bytes]) -> bytes:
    """The zip file: the modules, empty packages above them, and what Python starts."""
    files: Dict[str, bytes] = {"__main__.py": (START % PACKAGE).encode("utf-8")}
    for name, content in modules.items():
        parts = name.split(".")
        for depth in range(1, len(parts)):
            files.setdefault("/".join(parts[:depth]) + "/__init__.py", b"")
        files["/".join(parts) + ".py"] = content
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            archive.writestr(zipfile.ZipInfo(path, NO_TIME), files[path], zipfile.ZIP_DEFLATED)
    return out.getvalue()
