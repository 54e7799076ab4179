#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_facts
version_added: 0.1.0
short_description: Read everything about a host that a plan for a cluster needs, in one call
description:
  - Reads the operating system, kernel, swap, addresses and routes, disks, container runtime, packages, and what kubeadm, etcd and
    the API server have become on this host, into RV(ansible_facts.kubernetes_node).
  - It changes nothing, installs nothing, and returns no key, token or password. Versions that programs said are kept in
    C(/run/baremetal-kubernetes/versions.json) until the next boot, for as long as size, time and inode of the program stay.
  - What could not be read stands in RV(ansible_facts.kubernetes_node.problems) and is a warning, so that an unknown never looks
    like an absence.
options:
  kernel_modules:
    description: The kernel modules that are looked for.
    type: list
    elements: str
    default:
      - overlay
      - br_netfilter
      - nf_conntrack
      - ip_vs
      - ip_vs_rr
      - ip_vs_wrr
      - ip_vs_lc
      - ip_vs_sh
      - nf_tables
      - zfs
      - wireguard
      - vxlan
  etcd_peers:
    description: Addresses of the other members where this host has or gets one of external etcd, to measure the round trips.
    type: list
    elements: str
    default: []
  etcd_disk:
    description: Measure C(fdatasync) on the disk of etcd's data, where etcd has none yet. It writes 300 times 2.3 kB, for at most
      four seconds, into a file that is gone afterwards.
    type: bool
    default: false
  rke2:
    description: Read what RKE2 has become on this host, too.
    type: bool
    default: false
  timeout:
    description: Seconds that one program may take before what it would have said counts as unknown.
    type: float
    default: 10
attributes:
  check_mode:
    support: full
    description: Does the same as without it, for it only reads.
  diff_mode:
    support: none
    description: Nothing changes.
  facts:
    support: full
    description: Returns RV(ansible_facts.kubernetes_node).
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Read the state of every node
  baremetal.kubernetes.node_facts:
  register: node_state

- name: Say which nodes have certificates that end within 30 days
  ansible.builtin.debug:
    msg: "{{ ansible_facts.kubernetes_node.certificates | selectattr('days_left', 'lt', 30) | map(attribute='path') }}"
"""

RETURN = r"""
ansible_facts:
  description: Facts that are added to the host.
  type: dict
  returned: always
  contains:
    kubernetes_node:
      description: The host as a node of a cluster.
      type: dict
      returned: always
      contains:
        os:
          description: C(id), C(version_id), C(family) (V(debian), V(redhat), V(suse) or V(other)), C(codename) and C(pretty).
          type: dict
          returned: always
        kernel:
          description: The kernel's release.
          type: str
          returned: always
        architecture:
          description: Kubernetes' name of the machine, such as V(amd64).
          type: str
          returned: always
        python:
          description: The version of the Python that ran this module.
          type: str
          returned: always
        hostname:
          description: The kernel's host name.
          type: str
          returned: always
        machine_id:
          description: The text of C(/etc/machine-id).
          type: str
          returned: always
        product_uuid:
          description: The main board's UUID, null where there is none.
          type: str
          returned: always
        cpus:
          description: CPUs that may be used.
          type: int
          returned: always
        memory_mb:
          description: Memory in MiB.
          type: int
          returned: always
        cgroup_version:
          description: V(2) for the unified hierarchy, V(1) for all else.
          type: int
          returned: always
        swap:
          description: Swap in use, each with C(device), C(type) and C(size_kb).
          type: list
          elements: dict
          returned: always
        swap_fstab:
          description: Lines of C(/etc/fstab) of type swap.
          type: list
          elements: str
          returned: always
        swap_units:
          description: systemd's swap units that are not masked.
          type: list
          elements: str
          returned: always
        zram:
          description: Whether zram swap is in use or set up.
          type: bool
          returned: always
        kernel_modules:
          description: Those of O(kernel_modules) that are loaded or built in.
          type: list
          elements: str
          returned: always
        ip_forward:
          description: Whether the kernel forwards IPv4.
          type: bool
          returned: always
        time_sync:
          description: C(synchronized), null where nobody can tell, and the C(service) that keeps the time.
          type: dict
          returned: always
        clock:
          description: Seconds since the epoch by the host's clock, when the reading began.
          type: float
          returned: always
        reading_seconds:
          description: How long the reading took on the host.
          type: float
          returned: always
        clock_ahead:
          description: By how many seconds the host's clock is ahead of the controller's, C(least) and C(most); negative for behind.
            The time of the connection and of the reading lies between the two.
          type: dict
          returned: always
        addresses:
          description: Addresses that others can reach, each with C(interface), C(address), C(prefix) and C(family) (4 or 6).
          type: list
          elements: dict
          returned: always
        routes:
          description: The main tables' routes, each with C(destination) (a network; the default is V(0.0.0.0/0) or V(::/0)),
            C(gateway), C(interface) and C(source), without those that a pod network has on interfaces of its own.
          type: list
          elements: dict
          returned: always
        default_address:
          description: The address that the host uses towards its default route.
          type: str
          returned: always
        default_interface:
          description: The interface of the default route.
          type: str
          returned: always
        nameservers:
          description: The DNS servers in C(/etc/resolv.conf).
          type: list
          elements: str
          returned: always
        resolved:
          description: Whether systemd-resolved keeps the servers behind its own address in a file for others.
          type: bool
          returned: always
        package_manager:
          description: The program that installs packages at this moment, with its process' number; empty where none does.
          type: str
          returned: always
        interfaces:
          description: Interface to MTU.
          type: dict
          returned: always
        listening:
          description: TCP ports with a listener, on whatever address.
          type: list
          elements: int
          returned: always
        selinux:
          description: V(disabled), V(permissive) or V(enforcing).
          type: str
          returned: always
        firewall:
          description: V(none), V(firewalld), V(ufw) or V(nftables).
          type: str
          returned: always
        runtime:
          description: The container runtime with C(name), C(version), C(socket), C(active) and, for containerd, C(config_schema);
            null where there is none.
          type: dict
          returned: always
        docker_pools:
          description: Subnets that Docker's C(daemon.json) gives to networks.
          type: list
          elements: str
          returned: always
        packages:
          description: Package or program to upstream version, null where it is missing.
          type: dict
          returned: always
        kubeadm:
          description: C(state) (V(blank), V(started), V(control_plane), V(worker) or V(foreign)), C(version), C(started) (an
            unfinished operation, or null), C(why), C(join_token) (whether one of ours may be valid) and C(running) (whether the
            unfinished operation's kubeadm still works).
          type: dict
          returned: always
        other_kubernetes:
          description: Distributions of Kubernetes (V(k3s), V(rke2), V(microk8s), V(k0s)), each with its places on the host that
            hold something.
          type: dict
          returned: always
        cluster:
          description: C(id), the hash that kubeadm pins the cluster's CA by, C(endpoint), and on a control plane C(name); null
            where there is no cluster. While the CA is rotated C(ids) has two, and C(rotation) says with C(replaced) which goes,
            and with C(has_new) whether the host keeps the new set.
          type: dict
          returned: always
        static_pods:
          description: C(name) and C(image) of each static pod.
          type: list
          elements: dict
          returned: always
        certificates:
          description: C(path), C(subject), C(issuer), C(not_before), C(not_after), C(days_left), C(ca) and C(sans) of each
            certificate, those inside kubeconfigs too.
          type: list
          elements: dict
          returned: always
        ca_certificate:
          description: The cluster's CA as PEM, or null.
          type: str
          returned: always
        etcd:
          description: C(data_dir), C(data_present), C(reachable), C(healthy), C(members), C(leader), C(message) and C(arguments)
            (their names); null where no member belongs here.
          type: dict
          returned: always
        etcd_host:
          description: The host as one of external etcd, with C(configured), C(static_pod), C(beginning) (V(new), V(existing) or
            null), C(heartbeat_interval), C(election_timeout), C(authority) (a hash), C(authority_key), C(client_authority) (that of
            a control plane), and where measured C(disk_p99_ms) and C(round_trips_ms).
          type: dict
          returned: always
        apiserver:
          description: C(ready), null where no API server belongs here, C(message), the C(nodes) that it knows, each with
            C(name), C(addresses) and C(pod_cidrs), and C(initialised), whether kubeadm's configuration is in the cluster, both null
            where it did not say.
          type: dict
          returned: always
        kubelet:
          description: C(active), whether it runs, and C(extra_arguments), the names of those that an administrator gave it.
          type: dict
          returned: always
        disks:
          description: C(name), C(size_bytes), C(rotational), C(model), C(by_id) and C(mountpoints) of each disk.
          type: list
          elements: dict
          returned: always
        filesystems:
          description: C(mount), C(fstype), C(size_bytes) and C(free_bytes) of each local file system.
          type: list
          elements: dict
          returned: always
        rke2:
          description: RKE2 on this host, where O(rke2) asks for it, with C(version) (installed), C(roles) (V(server) and V(agent)
            that run), C(data) (of etcd), C(joined) (as an agent), C(configured), C(node_name) and C(server) of its C(config.yaml),
            C(token) (whether there is one), C(ready), C(message) (why not), C(ca_certificate), C(images) (names of archives),
            C(etcd_user) and C(network_manager).
          type: dict
          returned: when asked for
        problems:
          description: What could not be read, and why.
          type: list
          elements: str
          returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.collect import KERNEL_MODULES, collect
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "kernel_modules": {"type": "list", "elements": "str", "default": list(KERNEL_MODULES)},
            "etcd_peers": {"type": "list", "elements": "str", "default": []},
            "etcd_disk": {"type": "bool", "default": False},
            "rke2": {"type": "bool", "default": False},
            "timeout": {"type": "float", "default": 10},
        },
        supports_check_mode=True,
    )
    options = module.params
    facts = collect(
        HostRunner(),
        options["kernel_modules"],
        options["timeout"],
        etcd_peers=options["etcd_peers"],
        etcd_disk=options["etcd_disk"],
        with_rke2=options["rke2"],
    )
    for problem in facts["problems"]:
        module.warn(problem)
    module.exit_json(changed=False, ansible_facts={"kubernetes_node": facts})


if __name__ == "__main__":
    main()
