# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the knowledge refuses reaches a template as the filter's error, in the same words."""

from __future__ import annotations

import importlib
from typing import Any, Dict

import pytest
from ansible.errors import AnsibleFilterError
from roles_render import ansible_collections

CILIUM: Dict[str, Any] = {"proxy_mode": "disabled", "endpoint": "", "pod_subnet": "10.244.0.0/16", "nodes": 1}
FLANNEL: Dict[str, Any] = {"backend": "udp", "pod_subnet": "10.244.0.0/16", "mtu": 0}
LVS: Dict[str, Any] = {"virtual_address": "192.0.2.100", "mode": "tun", "scheduler": "wrr"}


def run(file: str, name: str, *arguments: Any) -> Any:
    """A filter's answer, by Ansible's own loader: once a test has put that in, it takes no package imported the plain way."""
    with ansible_collections():
        module: Any = importlib.import_module("ansible_collections.baremetal.kubernetes.plugins.filter." + file)
        return module.FilterModule().filters()[name](*arguments)


@pytest.mark.parametrize(
    ("file", "name", "arguments", "words"),
    [
        ("bridge_settings", "bridge_settings", [{"node_name": "x", "nodes": [], "pod_subnet": "10.244.0.0/16"}], "x"),
        ("cilium_settings", "cilium_settings", [CILIUM], "cluster_endpoint"),
        ("flannel_settings", "flannel_settings", [FLANNEL], "cni_flannel_backend"),
        ("keepalived_settings", "keepalived_settings", [{"priority": 999, "priorities": []}], "keepalived_priority"),
        ("lvs_settings", "lvs_settings", [LVS], "lvs_mode"),
        ("containerd", "containerd_generation", ["0.9"], "0.9"),
        ("containerd", "containerd_config_schema", ["0.9"], "0.9"),
    ],
)
def test_a_refusal_is_a_filters_error(file: str, name: str, arguments: Any, words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words):
        run(file, name, *arguments)


def test_a_mistake_of_the_programs_own_stays_what_it_is() -> None:
    with pytest.raises(KeyError):
        run("lvs_settings", "lvs_settings", {})
