# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the collection whose modules that ask a cluster only note that they were called, for machines that have none."""

from __future__ import annotations

import pathlib
import shutil

ROOT = pathlib.Path(__file__).resolve().parents[3]
CALLS = "/var/lib/lab-calls"
ANSWERS = {
    "topology_check": """{"plan": {"summary": "", "host_groups": [], "api_host": "server1", "external_etcd": {"endpoints": []},
        "endpoint": "10.20.0.11:6443", "node_names": ["server1", "server2"]}}""",
    "upgrade_info": """{"cluster": {"nodes": {}, "local_volumes": []}}""",
    "etcd_snapshot": """{"changed": True, "path": "/snapshot", "snapshot": {"revision": 1}}""",
    "cluster_health": """{"healthy": True}""",
    "node_drain": """{"changed": True}""",
}
MODULE = """#!/usr/bin/python
from ansible.module_utils.basic import _load_params, AnsibleModule
given = {name: value for name, value in _load_params().items() if not name.startswith("_")}
module = AnsibleModule(dict.fromkeys(given, {"type": "raw"}))
with open(%r, "a") as stream:
    print(%r, given.get("name", ""), given.get("state", ""), open("/proc/sys/kernel/random/boot_id").read().strip(), file=stream)
module.exit_json(**%s)
"""


def copy(folder: pathlib.Path) -> pathlib.Path:
    """The folder of collections that has it."""
    collection = folder / "ansible_collections" / "baremetal" / "kubernetes"
    for part in ("plugins", "roles", "meta", "playbooks"):
        shutil.copytree(ROOT / part, collection / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "galaxy.yml", collection)
    (collection / "plugins" / "action" / "topology_check.py").unlink()
    for name, answer in ANSWERS.items():
        (collection / "plugins" / "modules" / f"{name}.py").write_text(MODULE % (CALLS, name, answer))
    return folder
