# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose pools are folders, and which sends them to a real S3 server."""

from __future__ import annotations

import pathlib
import shutil
from typing import Any

import pytest
import zfs_programs
from ansible_collections.baremetal.kubernetes.plugins.module_utils import runner as runner_module
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup import encryption
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup import send
from s3_server import server  # noqa: F401 - a fixture
from zfs_pools import Host


@pytest.fixture
def host(server: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Host:  # noqa: F811
    if shutil.which("zstd") is None:
        pytest.skip("zstd is not installed")
    folder = tmp_path / "programs"
    zfs_programs.install(folder, tmp_path / "pool")
    monkeypatch.setattr(runner_module, "SEARCH_PATH", "%s:%s" % (folder, runner_module.SEARCH_PATH))
    # What a key costs is not what is tried here.
    monkeypatch.setattr(encryption, "ITERATIONS", 1000)
    monkeypatch.setattr(send, "ROOM", 0)
    return Host(tmp_path, server.storage)
