# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All facts of a node. The subjects know nothing of each other; what one needs of another is handed over here.

Programs take most of the time, so the subjects that run any do so side by side.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import DATA, read_settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node import (
    certificates,
    external_etcd,
    health,
    kernel,
    kubernetes,
    network,
    others,
    package_manager,
    packages,
    rke2,
    runtime,
    services,
    storage,
    swap,
    system,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.problems import Problems
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

KERNEL_MODULES = (
    "overlay",
    "br_netfilter",
    "nf_conntrack",
    "ip_vs",
    "ip_vs_rr",
    "ip_vs_wrr",
    "ip_vs_lc",
    "ip_vs_sh",
    "nf_tables",
    "zfs",
    "wireguard",
    "vxlan",
)


def collect(
    runner: Runner,
    kernel_modules: Sequence[str] = KERNEL_MODULES,
    timeout: float = 10,
    ask: Optional[health.Ask] = None,
    connect: Optional[health.Connect] = None,
    etcd_peers: Sequence[str] = (),
    etcd_disk: bool = False,
    with_rke2: bool = False,
) -> Dict[str, Any]:
    """The facts as ansible_facts.kubernetes_node holds them.

    :param timeout: seconds that one program may take.
    :param ask: how the API server is asked, and ``connect``: how etcd is, where a test has neither.
    :param etcd_peers: addresses of other etcd members, to which the round trip is measured; ``etcd_disk``: measure the disk, where
        etcd has no data yet.
    :param with_rke2: whether the host is to be one of RKE2's.
    """
    problems = Problems()
    facts: Dict[str, Any] = {}
    # First of all, so that whoever compares clocks knows how long ago it was.
    started, facts["clock"] = time.monotonic(), runner.now()
    etcd_settings = read_settings(runner)
    with ThreadPoolExecutor(max_workers=6) as executor, ThreadPoolExecutor(max_workers=6) as programs:
        active_job = executor.submit(services.read_active, runner, timeout, problems)
        packages_job = executor.submit(packages.read, runner, programs, timeout, problems)
        network_job = executor.submit(network.read, runner, timeout, problems)
        storage_job = executor.submit(storage.read, runner, timeout, problems)
        apiserver_job = executor.submit(health.read_apiserver, runner, ask)
        etcd_job = executor.submit(health.read_etcd, runner, connect, etcd_settings)
        rke2_job = executor.submit(rke2.read, runner, timeout) if with_rke2 else None
        facts.update(system.read(runner))
        facts.update(kernel.read(runner, kernel_modules))
        facts.update(swap.read(runner))
        found = certificates.read(runner, facts["clock"], problems)
        active = active_job.result()
        time_sync_job = programs.submit(services.read_time_sync, runner, active, timeout)
        facts["packages"] = packages_job.result()
        facts.update(runtime.read(runner, active, facts["packages"]))
        node = kubernetes.read(runner, facts["packages"].get("kubeadm"))
        facts.update(network_job.result())
        facts.update(storage_job.result())
        facts["time_sync"] = time_sync_job.result()
        facts["apiserver"] = apiserver_job.result()
        facts["etcd"] = etcd_job.result()
        if rke2_job is not None:
            facts["rke2"] = rke2_job.result()
        facts["etcd_host"] = external_etcd.read(runner, problems, etcd_settings)
        if etcd_peers or etcd_disk:
            empty = not (facts["etcd"] or {}).get("data_present")
            data_dir = etcd_settings.get("data-dir", DATA)
            facts["etcd_host"].update(external_etcd.measure(data_dir, etcd_peers, etcd_disk and empty))
    facts["package_manager"] = package_manager.busy(runner)
    facts["firewall"] = services.firewall(active, runner.read("/etc/ufw/ufw.conf") or "")
    facts["kubelet"] = {"active": "kubelet" in active, "extra_arguments": kubernetes.read_kubelet_arguments(runner)}
    facts["kubeadm"] = node["kubeadm"]
    facts["other_kubernetes"] = others.read(runner)
    facts["static_pods"] = node["static_pods"]
    facts["cluster"] = {
        "name": node["cluster_name"],
        "id": found["cluster_id"],
        "ids": found["cluster_ids"],
        "rotation": found["rotation"],
        "endpoint": node["endpoint"],
    }
    facts["certificates"] = found["certificates"]
    facts["ca_certificate"] = found["ca_certificate"]
    facts["problems"] = problems.texts
    facts["reading_seconds"] = round(time.monotonic() - started, 3)
    return facts
