# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends files of a bundle to a host, in batches of which each is in its place before the next one."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Optional

from ansible.plugins.action import ActionBase
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import FILE_NAME, BundleError, parse_manifest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner

ARGUMENTS: Dict[str, Any] = {
    "source": {"type": "path", "required": True},
    "path": {"type": "path", "required": True},
    "roles": {"type": "list", "elements": "str", "choices": ["control_plane", "worker"], "default": ["control_plane", "worker"]},
    "system": {"type": "str", "default": ""},
}
#: What a run that is killed sends again at most, and the files of a batch: each is an argument of the module.
BATCH_BYTES = 256 << 20
BATCH_FILES = 200


class ActionModule(ActionBase):
    """Asks the host what it lacks, sends it, and has the host check it."""

    TRANSFERS_FILES = True
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: Any = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        result: Dict[str, Any] = super().run(tmp, task_vars)
        _validated, arguments = self.validate_argument_spec(ARGUMENTS)
        where = os.path.join(arguments["source"], FILE_NAME)
        text = HostRunner().read(where)
        if text is None and self._task.check_mode:
            # What is only listed yet can't be compared with what the host has.
            return {**result, "changed": True, "sent": [], "msg": "%s is not made yet; a real run would send its files" % where}
        try:
            manifest = parse_manifest(text, where)
        except BundleError as error:
            return {**result, "failed": True, **error.fields()}
        self._wanted = manifest.files_for(arguments["roles"], arguments["system"])
        self._options = {"path": arguments["path"], "files": self._wanted, "manifest": text}
        self._variables = task_vars
        answer = self._receive({})
        missing: List[str] = answer.get("missing") or []
        if self._task.check_mode or not missing or answer.get("failed"):
            return {**result, **answer, "sent": missing}
        for batch in _batches(arguments["source"], missing):
            answer = self._receive(self._send(arguments["source"], batch))
            if answer.get("failed"):
                break
        return {**result, **answer, "changed": True, "sent": missing}

    def _receive(self, incoming: Dict[str, str]) -> Dict[str, Any]:
        answer: Dict[str, Any] = self._execute_module(
            module_name="baremetal.kubernetes.bundle_receive",
            module_args={**self._options, "incoming": incoming},
            task_vars=self._variables,
        )
        return answer

    def _send(self, source: str, names: List[str]) -> Dict[str, str]:
        """Path in the bundle -> where the file was put on the host."""
        if not self._connection._shell.tmpdir:
            self._make_tmp_path()
        sent = {}
        for number, name in enumerate(names):
            place = self._connection._shell.join_path(self._connection._shell.tmpdir, "bundle-%d" % number)
            sent[name] = self._transfer_file(os.path.join(source, name), place)
        return sent


def _batches(source: str, names: List[str]) -> List[List[str]]:
    batches: List[List[str]] = [[]]
    size = 0
    for name in names:
        size += os.path.getsize(os.path.join(source, name))
        if batches[-1] and (size > BATCH_BYTES or len(batches[-1]) >= BATCH_FILES):
            batches.append([])
            size = os.path.getsize(os.path.join(source, name))
        batches[-1].append(name)
    return batches
