# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role would refuse when it writes a file is refused by the plan, in the role's own words."""

from __future__ import annotations

from typing import Any, Dict

import pytest


@pytest.mark.parametrize(
    ("variables", "setting", "words"),
    [
        ({"keepalived_advert_interval": 0}, "keepalived_advert_interval", "is no interval"),
        ({"keepalived_advert_interval": 100}, "keepalived_advert_interval", "write a smaller number"),
        ({"keepalived_virtual_addresses": ["a.b.c.d"]}, "keepalived_virtual_addresses", "192.0.2.100"),
        ({"keepalived_authentication": "hmac", "keepalived_hmac_key": "short"}, "keepalived_hmac_key", "32"),
        ({"keepalived_preempt": False, "keepalived_check_weight": -5}, "keepalived_check_weight", "without preemption"),
        ({"container_runtime_registries": [{"name": "https://docker.io"}]}, "container_runtime_registries", "without scheme"),
        (
            {"container_runtime_registries": [{"name": "docker.io", "mirrors": [{"url": "mirror.example.org"}]}]},
            "container_runtime_registries",
            "it has no scheme",
        ),
        ({"load_balancer_idle_timeout": 0}, "load_balancer_idle_timeout", "write 3600 or more"),
        ({"load_balancer_bind_addresses": ["1.2.3"]}, "load_balancer_bind_addresses", "is no IP address"),
    ],
)
def test_it_is_refused_for_all_hosts_at_once(stacked_ha: Any, variables: Dict[str, Any], setting: str, words: str) -> None:
    stacked_ha.set_all(**variables)
    assert {"cp1", "cp2", "cp3"} <= set(stacked_ha.refused(setting, words).hosts)


@pytest.mark.parametrize(
    ("variables", "setting", "words"),
    [
        ({"lvs_sync_id": 300}, "lvs_sync_id", "0 to 255"),
        ({"lvs_idle_timeout": 60}, "lvs_idle_timeout", "3600 or more"),
        ({"lvs_gateway": "192.0.2.1"}, "lvs_gateway", "nobody uses it"),
    ],
)
def test_a_director_is_looked_at_as_well(lvs: Any, variables: Dict[str, Any], setting: str, words: str) -> None:
    lvs.set_all(**variables)
    assert lvs.refused(setting, words).hosts == ("dir1", "dir2")


def test_what_only_the_role_knows_yet_is_left_to_it(stacked_ha: Any) -> None:
    stacked_ha.set_all(keepalived_authentication="hmac")
    for name in ("cp1", "cp2", "cp3", "worker1"):
        stacked_ha.host(name)["later"] = ["keepalived_hmac_key"]
    assert stacked_ha.problems == []


def test_what_another_runtime_reads_elsewhere_is_refused_for_it(stacked_ha: Any) -> None:
    stacked_ha.set_all(container_runtime_registries=[{"name": "docker.io", "mirrors": [{"url": "https://m", "ca": "/ca.crt"}]}])
    assert stacked_ha.problems == []
    stacked_ha.set(container_runtime="crio").refused("container_runtime_registries", "/etc/containers/certs.d")
