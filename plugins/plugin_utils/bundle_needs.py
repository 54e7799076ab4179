# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory needs from outside, by the very defaults and variables that the roles work with."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple

from ansible.errors import AnsibleError
from ansible.template import Templar
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import FILE_NAME, BundleError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.needs import PROGRAMS, Needs, system_name, system_of
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import release
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import mapping
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.host_variables import (
    WORD,
    HostVariables,
    has_template,
    trust_as_template,
)
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.role_settings import ROLES, role_of

NODES = ("control_plane", "workers")
ALL = (*NODES, "etcd", "load_balancers", "directors")
BALANCING = ("control_plane", "load_balancers")


class Row(NamedTuple):
    """What hosts of these groups take where the condition holds; all but the groups are expressions over the roles' variables."""

    kind: str
    groups: Tuple[str, ...]
    when: str
    what: str


#: Charts of one version and repository: the prefix of theirs -> the one of those settings.
TOGETHER = {"ceph_csi_rbd": "ceph_csi", "ceph_csi_cephfs": "ceph_csi", "cni_calico_crds": "cni_calico"}


def _chart(role: str, groups: Tuple[str, ...], when: str, prefix: str = "") -> Row:
    """A role's chart; roles with several have a prefix for each."""
    prefix = prefix or role
    version = TOGETHER.get(prefix, prefix)
    fields: Tuple[Tuple[str, str], ...] = (("name", prefix + "_chart"), ("version", version + "_version"))
    fields += (("repository", version + "_chart_repository"), ("sha256", prefix + "_chart_sha256"))
    fields += (("setting", "'%s_chart'" % prefix),)
    return Row("charts", groups, when, "[{%s}]" % ", ".join("'%s': %s" % field for field in fields))


#: The one list of what roles take from outside. When a role is entered is the playbooks' and the plan's to say; where that depends
#: on the state of hosts, the row takes too much rather than too little.
ROWS = (
    Row("packages", ALL, "true", "host_packages"),
    # Ansible's own module for apt fetches it where it is missing.
    Row("packages", ALL, "ansible_facts.kubernetes_node.os.family == 'debian'", "['python3-apt']"),
    Row("packages", ALL, "host_time_sync != 'unmanaged'", "['chrony' if host_time_sync == 'auto' else host_time_sync]"),
    Row("packages", ALL, "host_firewall != 'unmanaged'", "[host_firewall]"),
    # Where the runtime takes more than one package, role container_runtime has the others in that variable.
    Row("packages", NODES, "true", "([container_runtime_package] + _container_runtime_beside) | select | list"),
    Row("packages", NODES, "cluster_packages_source == 'repository'", "packages_names"),
    Row("packages", BALANCING, "cluster_vip | length > 0 and cluster_vip_provider == 'keepalived'", "keepalived_packages"),
    Row("packages", ("control_plane",), "cluster_vip | length > 0 or groups.control_plane | length > 1", "load_balancer_packages"),
    Row("packages", ("load_balancers",), "true", "load_balancer_packages"),
    Row("packages", ("directors",), "true", "lvs_packages"),
    Row("packages", ("etcd",), "true", "etcd_packages"),
    Row("packages", ("etcd",), "etcd_deployment == 'static_pod'", "[container_runtime_package]"),
    Row("packages", ALL, "interconnect_type != 'none'", "interconnect_packages"),
    Row("packages", ALL, "zfs_pools | length > 0", "_zfs_headers + _zfs_programs[_zfs_system]"),
    Row("packages", ALL, "zfs_backup_datasets | length > 0", "zfs_backup_packages"),
    Row("packages", NODES, "longhorn_enabled | bool", "_longhorn_packages"),
    Row("packages", NODES, "metallb_return_routes | length > 0", "['nftables']"),
    Row("packages", ALL, "hardware_watch_enabled | bool", "hardware_watch_packages"),
    Row("images", ("etcd",), "etcd_deployment == 'static_pod'", "[etcd_image, container_runtime_sandbox_image]"),
    Row("images", NODES, "true", "[container_runtime_sandbox_image, verify_image]"),
    Row(
        *("images", NODES, "cni_plugin == 'flannel'"),
        "[cni_flannel_registry ~ '/flannel:' ~ cni_flannel_version,"
        " cni_flannel_registry ~ '/flannel-cni-plugin:' ~ cni_flannel_plugin_version]",
    ),
    Row("images", ("control_plane",), "cluster_vip_provider == 'kube_vip'", "[kube_vip_image ~ ':' ~ kube_vip_version]"),
    Row("images", NODES, "node_problem_detector_enabled | bool", "[node_problem_detector_image]"),
    _chart("cni", ("control_plane",), "cni_plugin == 'cilium'", "cni_cilium"),
    _chart("cni", ("control_plane",), "cni_plugin == 'calico'", "cni_calico"),
    _chart("cni", ("control_plane",), "cni_plugin == 'calico' and cni_calico_crds_chart | length > 0", "cni_calico_crds"),
    _chart("metallb", ("control_plane",), "metallb_install | bool and metallb_address_pools | length > 0"),
    _chart("monitoring", ("control_plane",), "monitoring_mode == 'stack'"),
    _chart("snapshot_controller", ("control_plane",), "snapshot_controller_enabled | bool"),
    _chart("openebs_zfs", ("control_plane",), "openebs_zfs_install | bool and openebs_zfs_pool | length > 0"),
    _chart("longhorn", ("control_plane",), "longhorn_install | bool and longhorn_enabled | bool"),
    _chart("ceph_csi", ("control_plane",), "ceph_csi_install | bool and ceph_csi_rbd_pool | length > 0", "ceph_csi_rbd"),
    _chart("ceph_csi", ("control_plane",), "ceph_csi_install | bool and ceph_csi_cephfs_name | length > 0", "ceph_csi_cephfs"),
    Row("images", NODES, "true", "offline_images"),
    Row("packages", ALL, "true", "offline_packages"),
)


def describe_bundle(folder: str) -> Dict[str, Any]:
    """Path, the text of bundle.json (None where there is none) and the sizes of all files of a bundle on this controller."""
    folder = os.path.expanduser(folder)
    text = HostRunner().read(os.path.join(folder, FILE_NAME))
    sizes = {}
    for root, _folders, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            sizes[os.path.relpath(path, folder)] = os.path.getsize(path)
    return {"path": folder, "manifest": text, "sizes": sizes}


def read_needs(
    loader: Any, reader: HostVariables, hosts: Mapping[str, Mapping[str, Any]], roles_path: str, system: str = ""
) -> Needs:
    """What the hosts, each with groups and facts as ``HostVariables.read`` gives them, take from outside.

    :raises BundleError: a host's system is not known, or a variable can't be resolved.
    """
    described = {host: (entry["groups"], reader.context(host), entry["facts"] or {}) for host, entry in hosts.items()}
    return NeedsReader(loader, roles_path).read(described, system)


def _plain(chart: Dict[str, str]) -> Dict[str, str]:
    """The chart by its name, where the setting has it as a file on the hosts already (``path``)."""
    path = chart["name"] if chart["name"].startswith("/") else ""
    name = os.path.basename(path)[: -len("-%s.tgz" % chart["version"])] if path else chart["name"]
    return {**chart, "name": name, "path": path}


class NeedsReader:
    """Reads what hosts need, with the variables that their roles will have."""

    def __init__(self, loader: Any, roles_path: str) -> None:
        self._loader = loader
        self._defaults: Dict[str, Any] = {}
        self._variables: Dict[str, Any] = {}
        for role in ("cluster", *ROLES):
            self._defaults.update(self._load(os.path.join(roles_path, role, "defaults", "main.yml")))
            self._variables.update(self._load(os.path.join(roles_path, role, "vars", "main.yml")))
        self._known: Dict[Any, Dict[str, List[Any]]] = {}
        self._members: Dict[str, List[str]] = {}

    def _load(self, path: str) -> Mapping[str, Any]:
        if not os.path.exists(path):
            return {}
        try:
            loaded = self._loader.load_from_file(path, trusted_as_template=True)
        except TypeError:
            loaded = self._loader.load_from_file(path)
        return loaded or {}

    def read(self, hosts: Mapping[str, Tuple[Sequence[str], Mapping[str, Any], Mapping[str, Any]]], system: str = "") -> Needs:
        """Needs of the hosts: name -> groups, variables and facts. ``system`` stands for those whose facts are not known.

        :raises BundleError: a host's system is not known, or a variable can't be resolved.
        """
        images: Dict[str, List[str]] = {}
        packages: Dict[str, List[str]] = {}
        charts: Dict[Tuple[str, str], Dict[str, str]] = {}
        version, programs, cni = "", [], False
        self._members = {group: [host for host, one in hosts.items() if group in one[0]] for group in ALL}
        for host, (groups, variables, facts) in hosts.items():
            facts = mapping(facts) or {"os": system_of(system) if system else {}}
            name = system_name(mapping(facts.get("os")))
            if not name:
                raise BundleError(
                    host,
                    "it is not known which system it has",
                    "let the controller reach it, or write offline_system, as debian-12",
                )
            taken = self._of_host(host, groups, variables, facts)
            version = version or taken["version"][0]
            role = "control_plane" if "control_plane" in groups else "worker"
            for reference in taken["images"]:
                roles = images.setdefault(reference, [])
                roles += [role] if role not in roles else []
            packages[name] = sorted({*packages.get(name, []), *taken["packages"]})
            charts.update({(chart["name"], chart["version"]): chart for chart in map(_plain, taken["charts"])})
            programs += [program for program in taken["programs"] if program not in programs]
            cni = cni or bool(taken["programs"])
        if charts:
            programs.append("helm")
        return Needs(version, programs, cni, {key: sorted(roles) for key, roles in images.items()}, list(charts.values()), packages)

    def _of_host(
        self, host: str, groups: Sequence[str], variables: Mapping[str, Any], facts: Mapping[str, Any]
    ) -> Dict[str, List[Any]]:
        """By kind; hosts that differ in nothing that matters are computed once."""
        own = {name: value for name, value in variables.items() if name.startswith("cluster_") or role_of(name)}
        words = {word for value in own.values() if has_template(value) for word in WORD.findall(str(value))}
        own.update({word: variables[word] for word in words if word in variables})
        key = (tuple(groups), str(facts.get("os")), repr(sorted(own.items(), key=str)))
        if key not in self._known:
            node = {"packages": {}, "time_sync": {"synchronized": False, "service": None}, "runtime": None, "selinux": "", **facts}
            context = {**self._defaults, **variables, **self._variables, "ansible_facts": {"kubernetes_node": node}}
            context.update(inventory_hostname=host, group_names=list(groups), groups=self._members)
            self._known[key] = self._take(host, groups, context)
        return self._known[key]

    def _take(self, host: str, groups: Sequence[str], context: Dict[str, Any]) -> Dict[str, List[Any]]:
        templar = Templar(loader=self._loader, variables=context)

        def value(expression: str) -> Any:
            try:
                return templar.template(trust_as_template("{{ %s }}" % expression))
            except AnsibleError as error:
                raise BundleError(host, "`%s` can't be resolved: %s" % (expression, error), "correct the settings in it")

        taken: Dict[str, List[Any]] = {"images": [], "packages": [], "charts": [], "programs": []}
        for row in ROWS:
            if set(row.groups) & set(groups) and value(row.when):
                found = value(row.what)
                if not isinstance(found, list):
                    raise BundleError(host, "`%s` is no list" % row.what, "write a YAML list")
                taken[row.kind] += found
        taken["version"] = [release(value("cluster_kubernetes_version")).version.text]
        if set(NODES) & set(groups):
            of_release = release(taken["version"][0])
            kubernetes = of_release.images(value("cluster_image_repository"), "", value("cluster_dns_image_tag"))
            # The order is that of kubeadm's list: four of Kubernetes, CoreDNS, pause, etcd.
            for_all = ([kubernetes[3]] if value("cluster_proxy_mode") != "disabled" else []) + kubernetes[4:6]
            for_control_plane = kubernetes[:3] + (kubernetes[6:] if value("cluster_etcd_mode") == "stacked" else [])
            taken["images"] += for_all + (for_control_plane if "control_plane" in groups else [])
            if value("cluster_packages_source") == "bundle":
                taken["programs"] = [*PROGRAMS, *(["crictl"] if of_release.crictl_needed else [])]
        return taken
