# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What RKE2 has become on a host."""

from __future__ import annotations

from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.rke2 import read
from fakes import FakeRunner

SHOW = (
    *("systemctl", "show", "--property=Id,ActiveState", "--"),
    *("rke2-server.service", "rke2-agent.service"),
)
SERVER = {
    "/usr/local/bin/rke2": "program",
    "/etc/rancher/rke2/config.yaml": 'node-name: "cp1"\nserver: https://192.0.2.100:9345\ntls-san:\n  - server\n',
    "/etc/rancher/rke2/token": "the-secret\n",
    "/var/lib/rancher/rke2/server/db/etcd/member/wal": "",
    "/var/lib/rancher/rke2/agent/images/rke2-images.linux-amd64.tar.zst": "",
    "/var/lib/rancher/rke2/agent/images/.other.tar.zst.new": "",
    "/etc/passwd": "root:x:0:0\netcd:x:52034:52034\n",
}
COMMANDS = {
    ("/usr/local/bin/rke2", "--version"): "rke2 version v1.36.3+rke2r1 (abc)\ngo version go1.26\n",
    SHOW: "Id=rke2-server.service\nActiveState=active\n\nId=rke2-agent.service\nActiveState=inactive\n",
}


def test_a_blank_host_has_nothing_and_is_asked_nothing() -> None:
    runner = FakeRunner()
    facts = read(runner, 5)
    assert (facts["version"], facts["roles"], facts["data"], facts["configured"], facts["token"]) == ("", [], False, False, False)
    assert runner.calls == []


def test_a_server_says_what_it_is_and_not_its_token() -> None:
    facts = read(FakeRunner(SERVER, COMMANDS), 5, lambda: "")
    assert facts["version"] == "v1.36.3+rke2r1" and facts["roles"] == ["server"] and facts["ready"] and facts["data"]
    assert facts["node_name"] == "cp1" and facts["server"] == "https://192.0.2.100:9345"
    assert facts["token"] is True and facts["etcd_user"] and facts["images"] == ["rke2-images.linux-amd64.tar.zst"]
    assert "the-secret" not in str(facts)


def test_a_server_that_does_not_answer_is_not_ready_and_says_why() -> None:
    facts = read(FakeRunner(SERVER, COMMANDS), 5, lambda: "port 6443 does not answer")
    assert not facts["ready"] and facts["message"] == "port 6443 does not answer"
