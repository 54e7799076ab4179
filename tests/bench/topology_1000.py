#!/usr/bin/env python3
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long topology_check takes for an inventory of 1,000 hosts, through ansible-playbook and without a connection.

Prints the seconds of the task and of the whole ansible-playbook process; ends with 1 where the task took more than the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from ansible.plugins.loader import cache_loader

ROOT = pathlib.Path(__file__).resolve().parents[2]

PLAYBOOK = """
- name: Check 1,000 hosts
  hosts: control_plane
  gather_facts: false
  tasks:
    - name: Note the time
      ansible.builtin.set_fact:
        started: "{{ lookup('ansible.builtin.pipe', 'date +%s.%N') }}"
      run_once: true
    - name: Check
      baremetal.kubernetes.topology_check:
        playbook: stacked_ha
      register: topology
      run_once: true
      ignore_errors: true
    - name: Report
      ansible.builtin.copy:
        dest: "{{ report }}"
        mode: "0644"
        content: >-
          {{ {'seconds': (lookup('ansible.builtin.pipe', 'date +%s.%N') | float) - (started | float),
              'errors': topology.errors, 'nodes': topology.plan.nodes | length} | to_json }}
      delegate_to: localhost
      run_once: true
"""


def address(number: int) -> str:
    return "10.%d.%d.%d" % (20 + number // 60000, number // 250 % 240, number % 250 + 1)


def facts(number: int) -> dict:
    """A live node's facts, as large as node_facts returns them."""
    own = address(number)
    links = [
        {"interface": "veth%08x" % link, "address": "fe80::%x:%x" % (number, link), "prefix": 64, "family": 6}
        for link in range(8)
    ]
    return {
        "os": {
            "id": "debian",
            "version_id": "12",
            "family": "debian",
            "codename": "bookworm",
            "pretty": "Debian GNU/Linux 12 (bookworm)",
        },
        "kernel": "6.1.0-18-amd64",
        "architecture": "amd64",
        "python": "3.11.2",
        "hostname": "node%d" % number,
        "machine_id": "%032x" % (number + 1),
        "product_uuid": "4c4c4544-%012x" % number,
        "cpus": 16,
        "memory_mb": 64000,
        "cgroup_version": 2,
        "swap": [],
        "swap_fstab": [],
        "swap_units": [],
        "zram": False,
        "kernel_modules": ["overlay", "br_netfilter", "nf_conntrack"],
        "ip_forward": True,
        "time_sync": {"synchronized": True, "service": "chronyd"},
        "clock": 1790000000.0 + number / 10,
        "clock_ahead": {"least": -0.9, "most": 0.4},
        "addresses": [
            {"interface": "lo", "address": "127.0.0.1", "prefix": 8, "family": 4},
            {"interface": "eth0", "address": own, "prefix": 12, "family": 4},
        ]
        + links,
        "routes": [
            {"destination": "default", "gateway": "10.16.0.1", "interface": "eth0", "source": None},
            {"destination": "10.16.0.0/12", "gateway": None, "interface": "eth0", "source": own},
        ],
        "default_address": own,
        "default_interface": "eth0",
        "interfaces": {"lo": 65536, "eth0": 1500},
        "listening": [22],
        "selinux": "disabled",
        "firewall": "none",
        "runtime": None,
        "docker_pools": [],
        "packages": {"kubeadm": None, "kubelet": None, "kubectl": None, "containerd": None, "keepalived": None},
        "kubeadm": {"state": "blank", "version": None, "started": None, "why": "nothing is there"},
        "cluster": {"id": None, "endpoint": None},
        "static_pods": [],
        "certificates": [
            {
                "path": "/etc/kubernetes/pki/%d.crt" % one,
                "subject": "CN=x",
                "issuer": "CN=y",
                "not_before": "2026-11-21T10:00:00Z",
                "not_after": "2027-11-21T10:00:00Z",
                "days_left": 365,
                "ca": False,
                "sans": ["a", "b"],
            }
            for one in range(10)
        ],
        "ca_certificate": None,
        "etcd": None,
        "apiserver": {"ready": None, "message": ""},
        "kubelet": {"active": False},
        "disks": [
            {
                "name": "nvme%dn1" % one,
                "size_bytes": 10**12,
                "rotational": False,
                "model": "SAMSUNG",
                "by_id": ["x" * 50] * 3,
                "mountpoints": ["/"],
            }
            for one in range(4)
        ],
        "filesystems": [{"mount": "/", "fstype": "ext4", "size_bytes": 10**12, "free_bytes": 10**11}],
        "problems": [],
    }


def write_inventory(folder: pathlib.Path, number: int) -> None:
    """An inventory as people write it: groups, group variables that refer to each other, host variables, and cached facts."""
    hosts = ["cp%d" % one for one in range(1, 4)] + ["worker%d" % one for one in range(1, number - 2)]
    groups = {"control_plane": hosts[:3], "workers": hosts[3:]}
    inventory = {
        "all": {
            "children": {
                group: {
                    "hosts": {
                        host: {
                            "ansible_host": address(hosts.index(host)),
                            "node_address": "{{ ansible_host }}",
                            "physical_host": "rack-%s" % host,
                        }
                        for host in members
                    }
                }
                for group, members in groups.items()
            }
        }
    }
    (folder / "hosts.json").write_text(json.dumps(inventory))
    (folder / "group_vars").mkdir()
    (folder / "group_vars" / "all.yml").write_text(
        'cluster_kubernetes_version: "1.33.6"\n'
        "cluster_vip: 10.16.200.200\n"
        'cluster_endpoint: "{{ cluster_vip }}:{{ cluster_load_balancer_port }}"\n'
        "cluster_pod_subnet: 10.64.0.0/12\n"
        "cluster_service_subnet: 10.96.0.0/16\n"
        "container_runtime_registries: []\n"
    )
    cache = cache_loader.get("jsonfile", _uri=str(folder / "facts"))
    for position, host in enumerate(hosts):
        cache.set(host, {"kubernetes_node": facts(position)})
    (folder / "play.yml").write_text(PLAYBOOK)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--limit", type=float, default=10.0, help="seconds that the task may take")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_inventory(folder, arguments.hosts)
        environment = dict(
            os.environ,
            ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"),
            ANSIBLE_CACHE_PLUGIN="jsonfile",
            ANSIBLE_CACHE_PLUGIN_CONNECTION=str(folder / "facts"),
            ANSIBLE_CACHE_PLUGIN_TIMEOUT="0",
        )
        started = time.monotonic()
        run = subprocess.run(
            [
                "ansible-playbook",
                "-i",
                str(folder / "hosts.json"),
                str(folder / "play.yml"),
                "-e",
                "report=%s" % (folder / "report.json"),
            ],
            cwd=str(ROOT),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        whole = time.monotonic() - started
        if not (folder / "report.json").exists():
            print(run.stdout[-4000:])
            return 1
        report = json.loads((folder / "report.json").read_text())
    if report["errors"] or report["nodes"] != arguments.hosts:
        print(json.dumps(report, indent=1)[:4000])
        return 1
    print(
        "topology_check of %d hosts: %.1f s (limit %.0f s), ansible-playbook with it %.1f s"
        % (arguments.hosts, report["seconds"], arguments.limit, whole)
    )
    return 0 if report["seconds"] <= arguments.limit else 1


if __name__ == "__main__":
    sys.exit(main())
