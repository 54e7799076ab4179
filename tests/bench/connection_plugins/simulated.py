# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are not there, for scale.py: each module that is sent to one is answered from a file."""

from __future__ import annotations

DOCUMENTATION = r"""
name: simulated
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
version_added: 0.1.0
short_description: Answer modules from a file
description:
  - Takes what Ansible would send to a host over SSH with pipelining, and gives the answer of C(HOST.json) in O(answers).
options:
  answers:
    description: Folder with a file for each host, which has the results of modules by their names.
    type: path
    required: true
    vars:
      - name: simulated_answers
  host:
    description: The host.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
extends_documentation_fragment:
  - connection_pipelining
"""

import json
import os
import re
import time
from typing import Any, Optional, Tuple

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase

MODULE = re.compile(rb"ansible_module='(?:\w+\.)*(\w+)'")


#: One host of ten has its forks weighed, at the moment at which they would wait for it.
WEIGHED = "1"


def proportional_kb() -> int:
    """What this process has in memory, a part of what it shares with others (proportional set size), kB."""
    with open("/proc/self/smaps_rollup", encoding="ascii") as stream:
        return sum(int(line.split()[1]) for line in stream if line.startswith("Pss:"))


class Connection(ConnectionBase):
    """Knows modules alone: whatever else a task would do on a host is an error, so that nothing passes that is not simulated."""

    transport = "simulated"
    has_pipelining = True

    def _connect(self) -> "Connection":
        return self

    def exec_command(self, cmd: str, in_data: Optional[bytes] = None, sudoable: bool = True) -> Tuple[int, bytes, bytes]:
        module = MODULE.search(in_data or b"")
        if not module:
            raise AnsibleConnectionFailure("%s sends no module: %.200s" % (self.get_option("host"), cmd))
        name = module.group(1).decode()
        path = os.path.join(self.get_option("answers"), self.get_option("host"))
        with open(path + ".json", encoding="utf-8") as stream:
            answers = json.load(stream)
        if name not in answers:
            raise AnsibleConnectionFailure("%s has no answer for the module %s" % (self.get_option("host"), name))
        if self.get_option("host").endswith(WEIGHED):
            with open(path + ".memory_kb", "a", encoding="utf-8") as stream:
                stream.write("%d\n" % proportional_kb())
        result = dict({"changed": False}, **answers[name])
        if name == "node_facts":
            result["ansible_facts"]["kubernetes_node"]["clock"] = time.time()
        return 0, json.dumps(result).encode(), b""

    def put_file(self, in_path: str, out_path: str) -> Any:
        raise AnsibleConnectionFailure("%s takes no file: %s" % (self.get_option("host"), out_path))

    def fetch_file(self, in_path: str, out_path: str) -> Any:
        raise AnsibleConnectionFailure("%s gives no file: %s" % (self.get_option("host"), in_path))

    def close(self) -> None:
        self._connected = False
