# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role rke2 wants of a node, from its settings and the plan."""

from __future__ import annotations

import base64
import copy
from typing import Any, Dict

import pytest
import yaml
from conftest import ROOT
from roles_render import NODE, expression, role_variables

VERSION = "v1.36.3+rke2r1"
SEEN: Dict[str, Any] = {
    "version": VERSION,
    "images": ["rke2-images.linux-amd64.tar.zst"],
    "etcd_user": True,
    "network_manager": False,
    "ca_certificate": "",
}
CLUSTER = {
    "cluster_kubernetes_version": "1.36.3",
    "rke2_role": "server",
    "rke2_source": "directory",
    "rke2_token": "0123456789abcdef0123456789abcdef",
    "rke2_sans": ["10.89.79.100"],
    "rke2_endpoint": "10.89.79.100:6443",
}


def value(text: str, seen: Dict[str, Any], **given: Any) -> Any:
    node = dict(copy.deepcopy(NODE), architecture="amd64", rke2=dict(SEEN, **seen))
    merged = dict(role_variables("rke2"), ansible_facts={"kubernetes_node": node}, **dict(CLUSTER, **given))
    return expression("rke2", text, **merged)


@pytest.mark.parametrize(
    "seen, given, unprepared",
    [
        ({}, {}, False),
        ({"version": ""}, {}, True),
        ({}, {"cluster_kubernetes_version": "1.36.4"}, True),
        ({}, {"rke2_revision": 2}, True),
        ({"images": []}, {}, True),
        ({}, {"rke2_images": ["rke2-images", "rke2-images-cilium"]}, True),
        ({"etcd_user": False}, {}, False),
        ({"etcd_user": False}, {"rke2_profile": "cis"}, True),
        ({"etcd_user": False}, {"rke2_profile": "cis", "rke2_role": "agent"}, False),
    ],
)
def test_a_node_is_prepared_where_something_is_missing(seen: Dict[str, Any], given: Dict[str, Any], unprepared: bool) -> None:
    assert value("{{ rke2_unprepared }}", seen, **given) is unprepared


def test_no_text_that_is_shown_has_a_secret_in_it() -> None:
    storage = {"endpoint": "s3.example.org", "bucket": "b", "access_key": "the-access", "secret_key": "the-secret"}
    given = {
        "rke2_snapshot_storage": storage,
        "rke2_agent_token": "for-agents-alone-1",
        "rke2_registries": {"configs": {"r": {"auth": {"password": "p4ss"}}}},
    }
    shown = str(value("{{ _rke2_wanted }}", {}, **given))
    secrets = value("{{ _rke2_state.secrets }}", {}, **given)
    for secret in ("the-access", "the-secret", "for-agents-alone-1", "p4ss", CLUSTER["rke2_token"]):
        assert secret not in shown and any(secret in text for text in secrets.values())
    assert {file["mode"] for file in value("{{ _rke2_wanted }}", {}, **given) if "state" not in file} == {"0600"}
    assert set(secrets) < set(value("{{ _rke2_state.read_at_start }}", {}, **given))


def test_an_agent_joins_by_its_own_token_and_never_learns_the_servers() -> None:
    secrets = value("{{ _rke2_state.secrets }}", {}, rke2_role="agent", rke2_agent_token="for-agents-alone-1")
    assert secrets == {"/etc/rancher/rke2/token": "for-agents-alone-1\n"}


def test_network_manager_leaves_the_pod_network_alone_where_there_is_one() -> None:
    files = [file["path"] for file in value("{{ _rke2_wanted }}", {"network_manager": True})]
    assert files[-1] == "/etc/NetworkManager/conf.d/rke2-canal.conf" and files[0] == "/etc/rancher/rke2"


def test_nodes_count_as_ready_by_kubectls_second_word() -> None:
    task = yaml.safe_load((ROOT / "roles" / "rke2" / "tasks" / "verify.yml").read_text())[0]
    lines = [
        "cp1   Ready    etcd   1m   v1",
        "cp2   NotReady   etcd   1m   v1",
        "worker1   Ready,SchedulingDisabled   <none>   1m   v1",
    ]
    assert value(task["vars"]["_rke2_ready"], {}, _rke2_nodes={"stdout_lines": lines}) == ["cp1", "worker1"]


def test_the_kubeconfig_leads_to_the_endpoint_under_the_clusters_name() -> None:
    own = "clusters:\n- cluster:\n    server: https://127.0.0.1:6443\n  name: default\ncurrent-context: default\nkind: Config\n"
    block = yaml.safe_load((ROOT / "roles" / "rke2" / "tasks" / "kubeconfig.yml").read_text())[0]["block"]
    read = {"content": base64.b64encode(own.encode()).decode()}
    text = value(block[1]["ansible.builtin.copy"]["content"], {}, _rke2_admin=read, cluster_name="mine")
    config = yaml.safe_load(text)
    assert config["clusters"][0] == {"cluster": {"server": "https://10.89.79.100:6443"}, "name": "mine"}
    assert config["current-context"] == "mine"
