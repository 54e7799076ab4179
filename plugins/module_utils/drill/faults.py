# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drill can kill. A row here is all that a new kind of fault needs. Pure data."""

from __future__ import annotations

from typing import NamedTuple, Tuple

#: How a fault is done on a node; see module_utils/drill/node.py.
CRASH_SERVICES = "crash_services"
CRASH_STATIC_POD = "crash_static_pod"
ISOLATE = "isolate"
#: By a command of the user's on the controller, such as IPMI.
POWER = "power"


class Way(NamedTuple):
    """One way in which a part runs on a host: systemd services, of which those that are active are killed, or a static pod."""

    action: str
    services: Tuple[str, ...] = ()
    pod: str = ""


class Fault(NamedTuple):
    """One row. ``groups``: the first of them that has hosts with one of ``ways`` gives the candidates.

    ``holder``: the host with the virtual address is preferred, because its loss costs most; ``address``: that address dies, too.
    ``machine``: everything on the physical host dies; ``power``: a power-off command of the user's is the better way.
    ``redundant``: what must be there twice, in words.
    """

    name: str
    title: str
    groups: Tuple[str, ...]
    ways: Tuple[Way, ...]
    redundant: str
    address: bool = False
    machine: bool = False
    power: bool = False
    leader: bool = False


KEEPALIVED = Way(CRASH_SERVICES, services=("keepalived",))
BALANCER = Way(CRASH_SERVICES, services=("haproxy", "nginx"))
API_SERVER = Way(CRASH_STATIC_POD, pod="kube-apiserver")
#: A member of its own is a systemd service or, under a kubelet in standalone mode, a static pod.
ETCD = (Way(CRASH_STATIC_POD, pod="etcd"), Way(CRASH_SERVICES, services=("etcd",)))
CUT_OFF = Way(ISOLATE, services=("keepalived",))

#: In the order in which a drill kills.
FAULTS = (
    Fault(
        "vip_holder",
        "the holder of the virtual address",
        ("directors", "load_balancers", "control_plane"),
        (KEEPALIVED,),
        "hosts with keepalived",
        address=True,
        power=True,
    ),
    Fault("apiserver", "an API server", ("control_plane",), (API_SERVER,), "API servers"),
    Fault("etcd_member", "an etcd member", ("etcd", "control_plane"), ETCD, "etcd members", leader=True),
    Fault("load_balancer", "a load balancer", ("load_balancers", "control_plane"), (BALANCER,), "load balancers"),
    Fault("director", "a director", ("directors",), (CUT_OFF,), "directors", address=True, power=True),
    Fault(
        "physical_host",
        "a whole physical host",
        ("control_plane", "workers", "etcd", "load_balancers", "directors"),
        (CUT_OFF,),
        "physical hosts",
        address=True,
        machine=True,
        power=True,
    ),
)

NAMES = tuple(fault.name for fault in FAULTS)
