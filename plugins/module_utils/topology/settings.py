# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster_* settings as one typed structure. Names, types and defaults are those of roles/cluster (a test compares them)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Dict, List, Mapping, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.forms import NOTHING, conform
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.spelling import PREFIX, meant_setting


@dataclass(frozen=True)
class Settings:
    """Every cluster_* setting without its prefix."""

    name: str = "kubernetes"
    distribution: str = "kubeadm"
    kubernetes_version: str = ""
    endpoint: str = ""
    vip: str = ""
    vip_interface: str = ""
    vip_provider: str = "keepalived"
    router_id: int = 51
    api_port: int = 6443
    load_balancer_port: int = 8443
    certificate_sans: List[Any] = field(default_factory=list)
    kubeconfig: str = "{{ inventory_dir }}/kubeconfig-{{ cluster_name }}.cfg"
    pod_subnet: str = "10.244.0.0/16"
    service_subnet: str = "10.96.0.0/16"
    node_mask: int = 24
    node_mask_ipv6: int = 64
    dns_domain: str = "cluster.local"
    reserved_subnets: List[Any] = field(default_factory=list)
    cni: str = "flannel"
    proxy_mode: str = "iptables"
    container_runtime: str = "containerd"
    packages_source: str = "repository"
    image_repository: str = ""
    dns_image_tag: str = ""
    etcd_mode: str = "stacked"
    etcd_endpoints: List[Any] = field(default_factory=list)
    etcd_ca_file: str = ""
    etcd_certificate_file: str = ""
    etcd_key_file: str = ""
    etcd_disk_limit_ms: int = 10
    control_plane_schedulable: bool = False
    ignore_preflight_errors: List[Any] = field(default_factory=list)
    encryption: str = "none"
    encryption_resources: List[Any] = field(default_factory=lambda: ["secrets"])
    audit: bool = False
    audit_rules: List[Any] = field(default_factory=list)
    kubelet_serving: bool = False
    pod_security: str = ""
    cis: bool = False
    kubelet_settings: Dict[str, Any] = field(default_factory=dict)
    kube_proxy_settings: Dict[str, Any] = field(default_factory=dict)
    api_server_args: Dict[str, Any] = field(default_factory=dict)
    controller_manager_args: Dict[str, Any] = field(default_factory=dict)
    scheduler_args: Dict[str, Any] = field(default_factory=dict)
    etcd_args: Dict[str, Any] = field(default_factory=dict)
    kubeadm_extra: Dict[str, Any] = field(default_factory=dict)


#: Setting (with prefix) -> kind, one of str, int, bool, list, dict (as in an argument specification).
KINDS: Dict[str, str] = {PREFIX + one.name: str(one.type).partition("[")[0].lower() for one in fields(Settings)}

DEFAULTS = Settings()


def normalise(values: Mapping[str, Any]) -> Tuple[Settings, List[Problem]]:
    """Typed settings from raw variables, and what is wrong with their names and types.

    What is wrong of a value is reported and left out, so that the other checks can go on.
    """
    problems: List[Problem] = []
    typed: Dict[str, Any] = {}
    for name in sorted(str(key) for key in values):
        if not name.startswith(PREFIX):
            continue
        value = values[name]
        if name not in KINDS:
            problems.append(_unknown(name))
            continue
        specification = {"type": KINDS[name], "default": getattr(DEFAULTS, name[len(PREFIX) :])}
        conformed, faults = conform(name, value, specification)
        problems += [Problem(fault.setting, fault.problem, fault.remedy) for fault in faults]
        if isinstance(conformed, str) and conformed != conformed.strip():
            problems.append(Problem(name, "there are blanks around %r" % conformed[:60], "write %s" % conformed.strip()))
        if conformed is not NOTHING:
            typed[name[len(PREFIX) :]] = conformed.strip() if isinstance(conformed, str) else conformed
    return Settings(**typed), problems


def _unknown(name: str) -> Problem:
    meant = meant_setting(name, sorted(KINDS), PREFIX)
    remedy = (
        "write %s" % meant
        if meant
        else "remove it, or give a variable of your own another name: cluster_ is this collection's"
    )
    return Problem(name, "there is no such setting%s" % (", did you mean %s?" % meant if meant else ""), remedy)
