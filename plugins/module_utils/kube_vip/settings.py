# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a role's settings to kube-vip's static pod and its DaemonSet. Pure.

Sources: pkg/kubevip/{config_envvar,config_bgp,config_generator}.go and pkg/manager/manager.go of kube-vip v1.2.3;
tools/leaderelection of client-go for the order of the lease's times.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

#: The role's settings that are the same for every host, without their prefix (a test compares them).
DEFAULTS: Mapping[str, Any] = {
    "image": "ghcr.io/kube-vip/kube-vip",
    "version": "v1.2.3",
    "run_as": "static_pod",
    "kubeconfig": "/etc/kubernetes/admin.conf",
    "mode": "arp",
    "metrics_address": "127.0.0.1:2112",
    "lease_name": "plndr-cp-lock",
    "lease_duration": 5,
    "renew_deadline": 3,
    "retry_period": 1,
    "bgp_as": 65000,
    "bgp_peers": [],
    "bgp_hold_time": 9,
    "services": False,
    "service_election": False,
    "service_interface": "",
    "load_balancer_class": "",
}
NAME = "kube-vip"
NAMESPACE = "kube-system"
#: Whom a DaemonSet's pods run on: its static pod has left the node by then, and two on one node would take each other's address.
LABEL = "baremetal.kubernetes/kube-vip"
LABEL_VALUE = "daemon-set"
#: Where kube-vip looks for a kubeconfig; with one there it asks the API server of its own node, by the name "kubernetes".
KUBECONFIG_IN_POD = "/etc/kubernetes/admin.conf"
CA_FILE = "/etc/kubernetes/pki/ca.crt"
#: A name that every API server's certificate has.
OWN_API_SERVER = "kubernetes"
MODES = ("arp", "bgp")
#: client-go: the leader has to give up this much later than it tries again.
JITTER = 1.2
AS_NUMBERS = range(1, 1 << 32)
CLASS_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?$")


def kube_vip_data(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """The finished manifests: ``pod`` (static), and ``objects``, the DaemonSet with its rights and the label of this node.

    :param settings: the role's settings without their prefix.
    :raises SettingError: the first setting that kube-vip would misread or silently ignore.
    """
    environment = _environment(settings)
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": settings["node_name"], "labels": {LABEL: LABEL_VALUE}}}
    return {"pod": _static_pod(settings, environment), "objects": _objects(settings, environment) + [node]}


def _environment(settings: Mapping[str, Any]) -> List[Tuple[str, str]]:
    """kube-vip's whole configuration: names and values, in an order that never changes."""
    mode = settings["mode"]
    if mode not in MODES:
        raise SettingError("kube_vip_mode", "%r is no mode of this role" % (mode,), "write arp or bgp")
    port = _port("kube_vip_port", settings["port"])
    variables = [
        ("address", _address("kube_vip_address", settings["address"])),
        ("port", str(port)),
        ("cp_enable", "true"),
        ("cp_namespace", NAMESPACE),
        # Its default is every address of the host.
        ("prometheus_server", settings["metrics_address"]),
    ]
    variables += _arp(settings) if mode == "arp" else _bgp(settings, port)
    return [(name, value) for name, value in variables + _services(settings) if value != "" or name == "prometheus_server"]


def _arp(settings: Mapping[str, Any]) -> List[Tuple[str, str]]:
    duration, deadline, period = (
        _seconds("kube_vip_" + name, settings[name]) for name in ("lease_duration", "renew_deadline", "retry_period")
    )
    if not duration > deadline > JITTER * period:
        raise SettingError(
            "kube_vip_lease_duration",
            "a lease of %d s, renewed within %d s, tried each %d s: kube-vip ends at once unless each is longer than the next"
            % (duration, deadline, period),
            "write 5, 3 and 1 for kube_vip_lease_duration, kube_vip_renew_deadline and kube_vip_retry_period",
        )
    return [
        ("vip_arp", "true"),
        ("vip_interface", settings["interface"]),
        ("vip_leaderelection", "true"),
        ("vip_leasename", settings["lease_name"]),
        ("vip_leaseduration", str(duration)),
        ("vip_renewdeadline", str(deadline)),
        ("vip_retryperiod", str(period)),
    ]


def _bgp(settings: Mapping[str, Any], port: int) -> List[Tuple[str, str]]:
    """Each control plane announces the address while its own API server is ready; routers share connections among them."""
    peers = ",".join(_peer(number, peer) for number, peer in enumerate(settings["bgp_peers"], 1))
    if not peers:
        raise SettingError("kube_vip_bgp_peers", "no router is named", "write the routers, like [{address: 192.0.2.1, as: 64512}]")
    router = _address("kube_vip_bgp_router_id", settings["bgp_router_id"])
    if ipaddress.ip_address(router).version != 4:
        raise SettingError(
            "kube_vip_bgp_router_id", "%s is an IPv6 address, and a BGP router ID has 32 bits" % router, "write an IPv4 address"
        )
    hold = _seconds("kube_vip_bgp_hold_time", settings["bgp_hold_time"])
    if hold < 3:
        raise SettingError("kube_vip_bgp_hold_time", "RFC 4271 takes three seconds or more", "write 3 or more, like 30")
    return [
        ("bgp_enable", "true"),
        # Where the address is: a route leads to each of the nodes, so it must not be announced by ARP.
        ("vip_interface", settings["interface"] or "lo"),
        ("bgp_routerid", router),
        ("bgp_as", str(_as_number("kube_vip_bgp_as", settings["bgp_as"]))),
        ("bgp_peers", peers),
        ("bgp_hold_time", str(hold)),
        ("bgp_keepalive_interval", str(max(1, hold // 3))),
        ("vip_leaderelection", "false"),
        ("control_plane_health_check_address", "https://%s:%d/readyz" % (OWN_API_SERVER, port)),
        ("control_plane_health_check_period_seconds", "1"),
        ("control_plane_health_check_timeout_seconds", "3"),
        ("control_plane_health_check_failure_threshold", "2"),
        ("control_plane_health_check_ca_path", CA_FILE),
    ]


def _peer(number: int, peer: Mapping[str, Any]) -> str:
    """One router as kube-vip reads it: address:AS:password:multihop:port."""
    place = "kube_vip_bgp_peers[%d]" % number
    if peer.get("password"):
        raise SettingError(
            place + ".password",
            "it would stand in the environment of a pod, which everybody reads who may list pods",
            "leave it out, and let the router take BGP from the control planes' addresses only (or with GTSM)",
        )
    address = _address(place + ".address", peer.get("address"))
    number_of_peer = _as_number(place + ".as", peer.get("as"))
    shown = "[%s]" % address if ":" in address else address
    return "%s:%d::%s:%d" % (
        shown,
        number_of_peer,
        "true" if peer.get("multihop") else "false",
        _port(place + ".port", peer.get("port") or 179),
    )


def _services(settings: Mapping[str, Any]) -> List[Tuple[str, str]]:
    """Addresses of Services of type LoadBalancer; the classes keep it apart from other load balancers."""
    if not settings["services"]:
        return [("svc_enable", "false")]
    name = str(settings["load_balancer_class"])
    if name and not CLASS_NAME.match(name):
        raise SettingError(
            "kube_vip_load_balancer_class", "%r is no name of a class" % name, "write one like kube-vip.io/kube-vip-class"
        )
    return [
        ("svc_enable", "true"),
        ("svc_leasename", "plndr-svcs-lock"),
        ("svc_election", "true" if settings["service_election"] else "false"),
        ("vip_servicesinterface", settings["service_interface"]),
        ("lb_class_only", "true" if name else "false"),
        ("lb_class_name", name),
    ]


def _container(settings: Mapping[str, Any], environment: Sequence[Tuple[str, str]]) -> Dict[str, Any]:
    from_node = {"name": "vip_nodename", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    return {
        "name": NAME,
        "image": "%s:%s" % (settings["image"], settings["version"]),
        "imagePullPolicy": "IfNotPresent",
        "args": ["manager"],
        # The API server stores no empty field: each run would find one missing.
        "env": [{"name": name, "value": value} if value else {"name": name} for name, value in environment] + [from_node],
        "securityContext": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]}},
    }


def _file(name: str, path: str, source: str = "") -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """A file of the host: mount and volume. Of type File, since the runtime makes a folder of a path that is not there yet."""
    mount = {"name": name, "mountPath": path, "readOnly": True}
    return mount, {"name": name, "hostPath": {"path": source or path, "type": "File"}}


def _pod_spec(
    settings: Mapping[str, Any], container: Dict[str, Any], files: Sequence[Tuple[Dict[str, Any], Dict[str, Any]]]
) -> Dict[str, Any]:
    if settings["mode"] == "bgp":
        files = list(files) + [_file("ca", CA_FILE)]
    mounted: Dict[str, Any] = {}
    if files:
        container["volumeMounts"] = [mount for mount, _volume in files]
        mounted["volumes"] = [volume for _mount, volume in files]
    return {
        "hostNetwork": True,
        # The API server of this node: the address that kubeconfigs name is the one that has to be brought up.
        "hostAliases": [{"ip": "127.0.0.1", "hostnames": [OWN_API_SERVER]}],
        "priorityClassName": "system-node-critical",
        "containers": [container],
        **mounted,
    }


def _labels() -> Dict[str, str]:
    return {"app.kubernetes.io/name": NAME}


def _static_pod(settings: Mapping[str, Any], environment: Sequence[Tuple[str, str]]) -> Dict[str, Any]:
    files = [_file("kubeconfig", KUBECONFIG_IN_POD, settings["kubeconfig"])]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": _labels()},
        "spec": _pod_spec(settings, _container(settings, environment), files),
    }


def _objects(settings: Mapping[str, Any], environment: Sequence[Tuple[str, str]]) -> List[Dict[str, Any]]:
    # One template for all nodes: what differs between them, the node itself has to say.
    container = _container(settings, [variable for variable in environment if variable[0] != "bgp_routerid"])
    if settings["mode"] == "bgp":
        container["env"].append({"name": "bgp_routerid", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}})
    # Without these it would ask any API server: a node whose own one is dead would go on holding the address.
    container["env"] += [
        {"name": "KUBERNETES_SERVICE_HOST", "value": OWN_API_SERVER},
        {"name": "KUBERNETES_SERVICE_PORT", "value": str(settings["port"])},
    ]
    spec = _pod_spec(settings, container, [])
    spec["serviceAccountName"] = NAME
    spec["nodeSelector"] = {LABEL: LABEL_VALUE}
    spec["tolerations"] = [{"operator": "Exists"}]
    daemon_set = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": _labels()},
        "spec": {
            "selector": {"matchLabels": _labels()},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "template": {"metadata": {"labels": _labels()}, "spec": spec},
        },
    }
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "namespace": NAMESPACE}}
    leases = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "list", "watch", "create", "update"]}
    objects = [account] + _bound("Role", "", [leases])
    if settings["services"]:
        rules: List[Dict[str, Any]] = [
            {"apiGroups": [""], "resources": ["services", "endpoints"], "verbs": ["get", "list", "watch", "update"]},
            {"apiGroups": [""], "resources": ["services/status"], "verbs": ["update"]},
            {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": ["networking.k8s.io"], "resources": ["servicecidrs"], "verbs": ["get", "list", "watch"]},
        ]
        # A Service's own election keeps its lease beside the Service.
        objects += _bound("ClusterRole", "system:kube-vip", rules + [leases])
    return objects + [daemon_set]


def _bound(kind: str, name: str, rules: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """A role and its binding to kube-vip's account."""
    name = name or NAME
    place: Dict[str, Any] = {"name": name} if kind == "ClusterRole" else {"name": name, "namespace": NAMESPACE}
    api = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": api + "/v1", "kind": kind, "metadata": dict(place), "rules": rules},
        {
            "apiVersion": api + "/v1",
            "kind": kind + "Binding",
            "metadata": dict(place),
            "roleRef": {"apiGroup": api, "kind": kind, "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
        },
    ]


def _address(setting: str, value: Any) -> str:
    try:
        return str(ipaddress.ip_address(str(value)))
    except ValueError:
        raise SettingError(setting, "%r is no IP address" % (value,), "write an address without a prefix length, like 192.0.2.100")


def _port(setting: str, value: Any) -> int:
    if not is_digits(str(value)) or not 1 <= int(str(value)) <= 65535:
        raise SettingError(setting, "%r is no TCP port" % (value,), "write a number from 1 to 65535")
    return int(str(value))


def _seconds(setting: str, value: Any) -> int:
    if not is_digits(str(value)) or int(str(value)) < 1:
        raise SettingError(setting, "%r is no whole number of seconds" % (value,), "write 1 or more")
    return int(str(value))


def _as_number(setting: str, value: Any) -> int:
    if not is_digits(str(value)) or int(str(value)) not in AS_NUMBERS:
        raise SettingError(setting, "%r is no number of an autonomous system" % (value,), "write 1 to 4294967295, like 64512")
    return int(str(value))
