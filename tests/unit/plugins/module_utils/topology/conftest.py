# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Right inventories; a test spoils one thing in one of them."""

from __future__ import annotations

from typing import Callable

import pytest
from topology_data import Inventory


@pytest.fixture
def single() -> Inventory:
    """One server that is everything."""
    return Inventory({"cluster_control_plane_schedulable": True}, 1, 0)


@pytest.fixture
def stacked_ha() -> Inventory:
    """Three control planes with a VIP, and a worker."""
    return Inventory({"cluster_vip": "10.89.79.100", "cluster_endpoint": "10.89.79.100:8443"}, 3, 1)


@pytest.fixture
def lvs() -> Inventory:
    """Three control planes behind two load balancers, and two directors in front of these, on three machines."""
    settings = {"cluster_vip": "10.89.79.100", "cluster_endpoint": "10.89.79.100:8443", "cluster_control_plane_schedulable": True}
    made = Inventory(settings, 3, 0)
    for number, machine in ((1, "m1"), (2, "m2")):
        made.add("lb%d" % number, "load_balancers", "10.89.79.3%d" % number)["vars"]["physical_host"] = machine
        made.add("dir%d" % number, "directors", "10.89.79.4%d" % number)["vars"]["physical_host"] = machine
    made.data["playbook"] = "lvs_haproxy"
    return made


@pytest.fixture
def inventory() -> Callable[..., Inventory]:
    return Inventory
