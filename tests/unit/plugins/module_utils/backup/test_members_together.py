# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three real members from one backup: they find each other, and one that a killed restore left behind follows later."""

from __future__ import annotations

import os
import pathlib
from typing import Any, List

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup import stage
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.restore import Wanted, restore
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from real_etcd import Files, Node, running, wait_for


def bring_back(nodes: List[Node], node: Node, snapshot: str) -> None:
    cluster = {one.name: one.peer_url for one in nodes}
    wanted = Wanted(snapshot, str(node.folder / node.name), node.name, cluster, "restore-1", operation="restore-1")
    assert restore(wanted, HostRunner(), only_look=False).changed


def test_members_restored_side_by_side_agree_and_one_that_comes_later_catches_up(host: Any, tmp_path: pathlib.Path) -> None:
    path = host.run()["path"]
    back = stage.stage(HostRunner(), os.path.basename(path), "lab", None, path, host.key.read_text(), str(tmp_path / "staged"))
    files = Files(host.member.certificates.ca, host.member.certificates.certificate, host.member.certificates.key)
    folder = tmp_path / "new"
    folder.mkdir()
    nodes = [Node(name, folder, files) for name in ("a", "b", "c")]
    first, second, third = nodes
    for node in (first, second):
        bring_back(nodes, node, back.snapshot)
    # As kubeadm's manifests and the role's units say it of a member that joined: what is in the data decides.
    with running(first.start([first]), second.start(nodes[:2], existing=True)):
        wait_for(first.client().health, lambda health: health.healthy)
        revision, keys = first.client().count()
        assert keys == 5
        first.client()._call("kv/put", {"key": "bmV3", "value": "bmV3"})
        bring_back(nodes, third, back.snapshot)
        with running(third.start(nodes, existing=True)):
            wait_for(third.client().health, lambda health: health.healthy)
            wait_for(third.client().status, lambda status: status.raft_index >= first.client().status().raft_index)
            assert third.client().count() == (revision + 1, 6)
            assert sorted(member.name for member in third.client().member_list()) == ["a", "b", "c"]
