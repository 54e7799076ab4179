# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the knowledge refuses reaches a template as the filter's error, in the same words."""

from __future__ import annotations

import importlib
from typing import Any, Dict

import pytest
from ansible.errors import AnsibleFilterError

CILIUM: Dict[str, Any] = {"proxy_mode": "disabled", "endpoint": "", "pod_subnet": "10.244.0.0/16", "nodes": 1}
FLANNEL: Dict[str, Any] = {"backend": "udp", "pod_subnet": "10.244.0.0/16", "mtu": 0}
LVS: Dict[str, Any] = {"virtual_address": "192.0.2.100", "mode": "tun", "scheduler": "wrr"}


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
    module: Any = importlib.import_module("ansible_collections.baremetal.kubernetes.plugins.filter." + file)
    with pytest.raises(AnsibleFilterError, match=words):
        module.FilterModule().filters()[name](*arguments)


def test_a_mistake_of_the_programs_own_stays_what_it_is() -> None:
    module: Any = importlib.import_module("ansible_collections.baremetal.kubernetes.plugins.filter.lvs_settings")
    with pytest.raises(KeyError):
        module.FilterModule().filters()["lvs_settings"]({})
