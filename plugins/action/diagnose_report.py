# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts what node_diagnose returned on all hosts into one archive on the controller, with a first page."""

from __future__ import annotations

import base64
import io
import os
import tarfile
import time
from typing import Any, Dict, List, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.diagnose.page import Host, findings, page
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import GROUPS, mapping
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.controller_action import ControllerAction

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "directory": {"type": "path", "required": True},
    "cluster_name": {"type": "str", "default": "kubernetes"},
    "virtual_address": {"type": "str", "default": ""},
}
#: What the play registers on each host.
RESULT = "diagnose_node"


class ActionModule(ControllerAction):
    """Runs on the controller alone, once for all hosts."""

    ARGUMENTS = ARGUMENTS
    _supports_check_mode = True

    def work(self, arguments: Dict[str, Any], task_vars: Dict[str, Any]) -> Dict[str, Any]:
        result: Dict[str, Any] = {}
        hosts = _hosts(task_vars)
        now = time.gmtime()
        text = page(hosts, arguments["cluster_name"], time.strftime("%Y-%m-%d %H:%M:%S UTC", now), arguments["virtual_address"])
        name = os.path.join(arguments["directory"], time.strftime("%Y%m%dT%H%M%SZ", now))
        os.makedirs(arguments["directory"], mode=0o700, exist_ok=True)
        _write(name + ".tar.gz", _archive(hosts, text))
        _write(name + ".md", text.encode())
        result.update(
            changed=False,
            archive=name + ".tar.gz",
            page=name + ".md",
            findings=[one.line() for one in findings(hosts, arguments["virtual_address"])],
            silent=[host.name for host in hosts if host.why_not],
        )
        return result


def _hosts(task_vars: Mapping[str, Any]) -> List[Host]:
    groups, hostvars = mapping(task_vars.get("groups")), task_vars["hostvars"]
    names = dict.fromkeys(str(host) for group in GROUPS for host in groups.get(group) or [])
    return [_host(name, [group for group in GROUPS if name in (groups.get(group) or [])], hostvars) for name in names]


def _host(name: str, groups: List[str], hostvars: Any) -> Host:
    result = mapping(mapping(hostvars.raw_get(name)).get(RESULT))
    if not isinstance(result.get("archive"), str):
        why = str(result.get("msg") or "it was left out of this run").strip().splitlines()[0]
        return Host(name, groups, {}, {}, why)
    texts: Dict[str, str] = {}
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(result["archive"])), mode="r:gz") as archive:
        for member in archive.getmembers():
            stream = archive.extractfile(member)
            if stream is not None:
                texts[member.name] = stream.read().decode("utf-8", "replace")
    return Host(name, groups, mapping(from_json(texts.get("facts.json", "{}"))), texts)


def _archive(hosts: List[Host], text: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        files = {"page.md": text}
        for host in hosts:
            # A name from a host does not lead out of its folder.
            files.update({"%s/%s" % (host.name, name.replace("..", "_").lstrip("/")): one for name, one in host.texts.items()})
        for name, content in files.items():
            data = content.encode("utf-8", "replace")
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), 0o600, int(time.time())
            archive.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


def _write(path: str, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
