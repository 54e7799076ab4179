# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories that are right, for tests that spoil one thing each."""

from __future__ import annotations

import copy
from typing import Any, Dict, List

from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.check import Outcome, check_topology
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem

GIB = 1 << 30


def blank_facts(address: str, number: int) -> Dict[str, Any]:
    """What node_facts reads off a fresh machine."""
    return {
        "os": {
            "id": "debian",
            "version_id": "12",
            "family": "debian",
            "codename": "bookworm",
            "pretty": "Debian GNU/Linux 12",
        },
        "machine_id": "%032x" % number,
        "product_uuid": None,
        "cpus": 4,
        "memory_mb": 8000,
        "cgroup_version": 2,
        "swap": [],
        "kernel_modules": ["overlay", "br_netfilter", "nf_conntrack"],
        "time_sync": {"synchronized": True, "service": "chrony"},
        "clock": 1790000000.0,
        "clock_ahead": {"least": 0.0, "most": 0.0},
        "addresses": [
            {"interface": "lo", "address": "127.0.0.1", "prefix": 8, "family": 4},
            {"interface": "eth0", "address": address, "prefix": 24, "family": 4},
        ],
        "routes": [
            {"destination": "default", "gateway": "10.89.79.1", "interface": "eth0", "source": None},
            {"destination": "10.89.79.0/24", "gateway": None, "interface": "eth0", "source": address},
        ],
        "default_address": address,
        "default_interface": "eth0",
        "listening": [22],
        "firewall": "none",
        "runtime": None,
        "docker_pools": [],
        "packages": {"kubeadm": None, "kubelet": None, "keepalived": None},
        "kubeadm": {"state": "blank", "version": None, "started": None, "why": ""},
        "cluster": {"id": None, "endpoint": None},
        "static_pods": [],
        "etcd": None,
        "apiserver": {"ready": None, "message": ""},
        "kubelet": {"active": False},
        "filesystems": [{"mount": "/", "fstype": "ext4", "size_bytes": 100 * GIB, "free_bytes": 50 * GIB}],
    }


class Inventory:
    """Data for check_topology and a few ways to spoil it."""

    def __init__(self, settings: Dict[str, Any], control_planes: int, workers: int) -> None:
        self.data: Dict[str, Any] = {
            "settings": dict({"cluster_kubernetes_version": "1.33.6"}, **settings),
            "hosts": {},
            "playbook": "",
        }
        for number in range(1, control_planes + 1):
            self.add("cp%d" % number, "control_plane", "10.89.79.%d" % (10 + number))
        for number in range(1, workers + 1):
            self.add("worker%d" % number, "workers", "10.89.79.%d" % (20 + number))

    def add(self, host: str, group: str, address: str) -> Dict[str, Any]:
        entry = {"groups": [group], "vars": {}, "facts": blank_facts(address, len(self.data["hosts"]) + 1)}
        self.data["hosts"][host] = entry
        return entry

    def host(self, name: str) -> Dict[str, Any]:
        return self.data["hosts"][name]

    def facts(self, name: str) -> Dict[str, Any]:
        return self.data["hosts"][name]["facts"]

    def set(self, **settings: Any) -> "Inventory":
        self.data["settings"].update({"cluster_" + name: value for name, value in settings.items()})
        return self

    def set_all(self, **variables: Any) -> None:
        """Variables of every host."""
        for entry in self.data["hosts"].values():
            entry["vars"].update(variables)

    def live(self, *names: str) -> "Inventory":
        """Make the hosts members of one running cluster, with the traces that Kubernetes leaves on a host's network."""
        for number, name in enumerate(names):
            entry = self.host(name)
            control_plane = "control_plane" in entry["groups"]
            facts = entry["facts"]
            version = self.data["settings"]["cluster_kubernetes_version"]
            facts["kubeadm"] = {
                "state": "control_plane" if control_plane else "worker",
                "version": version,
                "started": None,
                "why": "",
            }
            facts["cluster"] = {"id": "sha256:" + "ab" * 32, "endpoint": self.data["settings"].get("cluster_endpoint")}
            facts["packages"] = {"kubeadm": version + "-1.1", "kubelet": version + "-1.1", "keepalived": "2.2.7"}
            facts["runtime"] = {"name": "containerd", "version": "2.0.5", "active": True}
            facts["kubelet"] = {"active": True}
            facts["listening"] = [22, 10250] + ([6443, 2379, 2380] if control_plane else [])
            facts["addresses"] += [
                {"interface": "cni0", "address": "10.244.%d.1" % number, "prefix": 24, "family": 4},
                {"interface": "flannel.1", "address": "10.244.%d.0" % number, "prefix": 32, "family": 4},
                {"interface": "kube-ipvs0", "address": "10.96.0.1", "prefix": 32, "family": 4},
            ]
            facts["routes"] += [
                {
                    "destination": "10.244.%d.0/24" % number,
                    "gateway": None,
                    "interface": "cni0",
                    "source": "10.244.%d.1" % number,
                },
                {"destination": "10.244.9.0/24", "gateway": "10.244.9.0", "interface": "flannel.1", "source": None},
                {"destination": "10.244.8.0/24", "gateway": "10.89.79.11", "interface": "eth0", "source": None},
                {"destination": "10.244.7.0/26", "gateway": None, "interface": None, "source": None},
            ]
            if control_plane:
                facts["static_pods"] = [{"name": "kube-apiserver", "image": "registry.k8s.io/kube-apiserver:v" + version}]
                facts["apiserver"] = {"ready": True, "message": "ok"}
                facts["etcd"] = {
                    "data_dir": "/var/lib/etcd",
                    "data_present": True,
                    "reachable": True,
                    "healthy": True,
                    "members": [],
                }
        return self

    def outcome(self) -> Outcome:
        before = copy.deepcopy(self.data)
        outcome = check_topology(self.data)
        assert self.data == before, "the check must not change what it looks at"
        return outcome

    def group(self, name: str) -> List[str]:
        """The hosts that the plan puts into one of its groups."""
        return hosts_of(self.outcome().plan, name)

    @property
    def problems(self) -> List[Problem]:
        return self.outcome().problems

    @property
    def warnings(self) -> List[Problem]:
        return self.outcome().warnings

    def refused(self, setting: str, *words: str) -> Problem:
        """The one problem of a setting whose text has all the words."""
        return _one(self.problems, setting, words)

    def warned(self, setting: str, *words: str) -> Problem:
        return _one(self.warnings, setting, words)


def hosts_of(plan: Dict[str, Any], group: str) -> List[str]:
    return [entry["host"] for entry in plan["work"] if entry["group"] == group]


def _one(problems: List[Problem], setting: str, words: Any) -> Problem:
    found = [
        one for one in problems if one.setting == setting and all(word in one.problem + " | " + one.remedy for word in words)
    ]
    assert len(found) == 1, "%s %s not (once) in:\n%s" % (setting, words, "\n".join(map(str, problems)))
    return found[0]
