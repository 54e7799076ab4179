# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories of many hosts, and what each of them answers: what node_facts reads off recorded nodes, made each host's own."""

from __future__ import annotations

import base64
import copy
import ipaddress
import json
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / ".build" / "collections"), str(ROOT / "tests" / "unit")]

from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.collect import collect
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.network import parse_addresses, parse_mtus, parse_routes
from recorded_host import RecordedHost

STANDING, BLANK = "standing", "blank"
RECORDINGS = {"control_plane": "debian12-control-plane", "worker": "debian12-worker", BLANK: "debian12-blank-bundle"}
NETWORK = ipaddress.ip_network("10.16.0.0/12")
PODS = ipaddress.ip_network("10.128.0.0/12")
ENDPOINT = "10.31.255.1:8443"
SETTINGS = f"""\
ansible_connection: simulated
simulated_answers: "{{{{ inventory_dir }}}}/answers"

# Of the recorded nodes.
cluster_kubernetes_version: 1.20.2
cluster_packages_source: bundle

cluster_vip: {ENDPOINT.partition(":")[0]}
cluster_endpoint: {ENDPOINT}
cluster_pod_subnet: {PODS}
cluster_service_subnet: 10.96.0.0/16
cluster_cni: flannel
"""


def make_cluster(folder: Path, number: int, state: str) -> Path:
    """The file of an inventory of so many hosts: three control planes, the rest workers.

    :param state: STANDING or BLANK.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "answers").mkdir(parents=True)
    (folder / "group_vars").mkdir()
    (folder / "group_vars" / "all.yml").write_text(SETTINGS)
    planes = 3 if number >= 3 else 1
    hosts = {f"cp{one + 1}" if one < planes else f"worker{one - planes + 1}": address(one) for one in range(number)}
    groups = {"control_plane": list(hosts)[:planes], "workers": list(hosts)[planes:]}
    children = {group: {"hosts": {host: {"ansible_host": hosts[host]} for host in those}} for group, those in groups.items()}
    inventory = folder / "hosts.json"
    inventory.write_text(json.dumps({"all": {"children": children}}))
    recorded = {kind: collect(RecordedHost(name)) for kind, name in RECORDINGS.items()}
    for position, host in enumerate(hosts):
        kind = "control_plane" if position < planes else "worker"
        if state == BLANK:
            kind = BLANK
        facts = own_facts(recorded[kind], list(hosts), position, kind)
        (folder / "answers" / f"{host}.json").write_text(json.dumps(answers(facts, kind)))
    if state != BLANK:
        authority = base64.b64encode(recorded["control_plane"]["ca_certificate"].encode()).decode()
        (folder / "kubeconfig-kubernetes.cfg").write_text(f"server: https://{ENDPOINT}\ncertificate-authority-data: {authority}\n")
    return inventory


def address(position: int) -> str:
    """Of a host by its place in the inventory."""
    return str(NETWORK[256 + position])


def pods(position: int) -> ipaddress.IPv4Network:
    """The /24 of a host's pods."""
    return ipaddress.ip_network((int(PODS.network_address) + 256 * position, 24))


def own_facts(recorded: dict[str, Any], hosts: list[str], position: int, kind: str) -> dict[str, Any]:
    """The facts of a recorded node, with all that is one host's alone put in its place."""
    facts = copy.deepcopy(recorded)
    own, host = address(position), hosts[position]
    live = kind != BLANK
    links = [link("eth0", own, NETWORK.prefixlen)]
    routes: list[dict[str, Any]] = [
        {"dst": "default", "gateway": str(NETWORK[1]), "dev": "eth0"},
        {"dst": str(NETWORK), "dev": "eth0", "prefsrc": own},
    ]
    if live:
        links += [link("cni0", str(pods(position)[1]), 24, 1450), link("flannel.1", str(pods(position)[0]), 32, 1450)]
        routes.append({"dst": str(pods(position)), "dev": "cni0", "prefsrc": str(pods(position)[1])})
        # Flannel has a route to each other node on each.
        others = [one for one in range(len(hosts)) if one != position]
        routes += [{"dst": str(pods(one)), "gateway": str(pods(one)[0]), "dev": "flannel.1", "flags": ["onlink"]} for one in others]
    facts.update(
        hostname=host,
        machine_id=f"{position + 1:032x}",
        addresses=parse_addresses(links),
        interfaces=parse_mtus(links),
        routes=parse_routes(routes, 4),
        default_address=own,
        nameservers=["9.9.9.9"],
        # Not the recording machine's, which had cgroup v1 and no time service.
        cgroup_version=2,
        time_sync={"synchronized": True, "service": "chrony"},
    )
    if live:
        facts["cluster"]["endpoint"] = ENDPOINT
    if kind == "control_plane":
        facts["etcd"].update(reachable=True, healthy=True, message="")
        nodes = [{"name": name, "address": address(one), "pod_cidrs": [str(pods(one))]} for one, name in enumerate(hosts)]
        facts["apiserver"] = {"ready": True, "message": "ok", "nodes": nodes}
    return facts


def link(interface: str, own: str, prefix: int, mtu: int = 1500) -> dict[str, Any]:
    """As `ip -json address show` has it."""
    return {"ifname": interface, "mtu": mtu, "addr_info": [{"local": own, "prefixlen": prefix, "scope": "global"}]}


def answers(facts: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """What the modules of stacked_ha return on this host."""
    done = {"changed": kind == BLANK, "changes": [], "steps": []}
    return {
        "node_facts": {"ansible_facts": {"kubernetes_node": facts}},
        "host_state": done,
        "kubeadm_node": done,
        "kubeadm_config": {**done, "path": "/etc/kubernetes/kubeadm.yaml", "flags": [], "flags_by_command": {}, "difference": []},
        "kubectl_apply": {"objects": []},
        "cluster_health": {"healthy": True, "checks": [], "report": ["everything is healthy"], "lost_together": []},
    }
