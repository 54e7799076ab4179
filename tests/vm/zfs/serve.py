# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on the computer: reads [module, arguments] line by line, and answers what the module does, each in a process of its own."""

from __future__ import annotations

import json
import os
import sys

from ansible.module_utils.testing import patch_module_args
from ansible_collections.baremetal.kubernetes.plugins.modules import zfs_dataset, zfs_pool

MODULES = {"zfs_dataset": zfs_dataset, "zfs_pool": zfs_pool}

for line in sys.stdin:
    name, arguments = json.loads(line)
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.dup2(writer, 1)
        with patch_module_args(arguments):
            MODULES[name].main()
    os.close(writer)
    with open(reader) as stream:
        said = stream.read()
    os.wait()
    print(said.strip().splitlines()[-1], flush=True)
