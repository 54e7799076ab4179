"""Objects of Calico and Cilium on a real API server with their own definitions, which are not part of this collection.

CALICO_CRDS names a folder with tigera/operator's definitions of Installation and APIServer and projectcalico.org/v3's of BGP, all
below its pkg/imports/crds; CILIUM_CRDS names pkg/k8s/apis/cilium.io/client/crds of cilium/cilium (1.20.2).
"""

from __future__ import annotations

import json
import os
import pathlib
import time
from typing import Any, Dict, List

import pytest
import yaml
from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.calico import calico_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.cilium import cilium_objects
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.apply import apply, plan_apply
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner

CALICO: Dict[str, Any] = {
    "encapsulation": "vxlan",
    "dataplane": "iptables",
    "bgp": False,
    "as_number": 64513,
    "peers": [],
    "node_mesh": True,
    "block_size": 0,
    "pod_subnet": "10.244.0.0/16",
    "mtu": 1440,
    "registry": "registry.example.org/mirror",
    "proxy_mode": "iptables",
    "endpoint": "10.0.0.100:8443",
    "nodes": 3,
    "values": {},
}
#: The ways that the documentation names.
WAYS: Dict[str, Dict[str, Any]] = {
    "vxlan": {"pod_subnet": "10.244.0.0/16,fd00:10::/56"},
    "ipip": {"encapsulation": "ipip", "bgp": True},
    "bgp": {"encapsulation": "none", "bgp": True, "peers": [{"address": "10.0.0.1", "as_number": 64512}]},
    "ebpf": {"dataplane": "ebpf", "proxy_mode": "disabled"},
    "nftables": {"dataplane": "nftables", "proxy_mode": "nftables"},
}


def define(kubectl: Kubectl, paths: List[pathlib.Path]) -> None:
    """Make the definitions, and wait until the API has their kinds."""
    names = []
    for path in paths:
        definition = _without_empty_defaults(yaml.safe_load(path.read_text()))
        # Its rules are written for newer API servers than 1.20, whose kubectl knows no x-kubernetes-validations.
        kubectl.run(["create", "--validate=false", "--filename=-"], stdin=json.dumps(definition))
        names.append(definition["metadata"]["name"])
    for _try in range(200):
        if kubectl.run(["get", ",".join(names)]).rc == 0:
            return
        time.sleep(0.3)
    raise AssertionError("the API does not know %s" % names)


def _without_empty_defaults(part: Any) -> Any:
    """An API server of 1.20 reads an empty default as none, and then refuses the definition."""
    if isinstance(part, dict):
        return {key: _without_empty_defaults(value) for key, value in part.items() if key != "default" or value != ""}
    return [_without_empty_defaults(one) for one in part] if isinstance(part, list) else part


def taken(kubectl: Kubectl, objects: List[Dict[str, Any]]) -> None:
    """Each object is stored with every field, and a second run would change nothing."""
    apply(kubectl, objects)
    assert not plan_apply(kubectl, objects).differs
    for wanted in objects:
        group, version = wanted["apiVersion"].split("/")
        kind = "%s.%s.%s" % (wanted["kind"].lower(), version, group)
        stored = json.loads(kubectl.checked("x", ["get", kind, wanted["metadata"]["name"], "--output=json"]))["spec"]
        # What a definition does not know the API server drops in silence.
        _contains(stored, wanted["spec"])


def _contains(stored: Any, wanted: Any) -> None:
    if isinstance(wanted, dict):
        for name, value in wanted.items():
            assert name in stored, name
            _contains(stored[name], value)
    elif isinstance(wanted, list):
        assert len(stored) == len(wanted)
        for one, other in zip(stored, wanted):
            _contains(one, other)
    else:
        assert stored == wanted


@pytest.fixture
def kubectl(cluster: Any) -> Kubectl:
    made = Kubectl(HostRunner(), cluster.kubeconfig, cluster.kubectl)
    while made.run(["get", "namespace", "default"]).rc != 0:
        time.sleep(0.5)
    return made


def test_calicos_installations_are_taken_in_every_way(kubectl: Kubectl) -> None:
    folder = os.environ.get("CALICO_CRDS")
    if not folder:
        pytest.skip("CALICO_CRDS is not set: the operator's definitions are not here to try Calico's objects against")
    define(kubectl, sorted(pathlib.Path(folder).glob("*.yaml")))
    for given in WAYS.values():
        data = calico_data({**CALICO, **given})
        installation = data["values"]["installation"]
        head = {"apiVersion": "operator.tigera.io/v1", "metadata": {"name": "default"}}
        taken(kubectl, [{**head, "kind": "Installation", "spec": installation}, {**head, "kind": "APIServer", "spec": {}}])
        if data["objects"]:
            taken(kubectl, data["objects"])
    wrong = {**head, "kind": "Installation", "spec": {"calicoNetwork": {"linuxDataplane": "Ebpf"}}}
    assert kubectl.run(["create", "--dry-run=server", "--filename=-"], stdin=json.dumps(wrong)).rc != 0, "nothing is checked"


def test_ciliums_pools_and_announcements_are_taken(kubectl: Kubectl) -> None:
    folder = os.environ.get("CILIUM_CRDS")
    if not folder:
        pytest.skip("CILIUM_CRDS is not set: Cilium's definitions are not here to try its objects against")
    kinds = ("bgpadvertisements", "bgpclusterconfigs", "bgppeerconfigs", "loadbalancerippools", "l2announcementpolicies")
    define(kubectl, [path for path in sorted(pathlib.Path(folder).glob("*/*.yaml")) if path.stem.endswith(kinds)])
    objects = cilium_objects(
        {
            "l2_announcements": True,
            "interfaces": ["^eth[0-9]+"],
            "bgp": True,
            "bgp_as_number": 64513,
            "bgp_peers": [{"name": "router", "address": "10.0.0.1", "as_number": 64512}],
            "pools": [{"name": "public", "addresses": ["192.0.2.0/28", "192.0.2.32-192.0.2.40"]}],
        }
    )
    taken(kubectl, objects)
    wrong = dict(objects[0], metadata={"name": "x"}, spec={"blocks": "192.0.2.0/28"})
    assert kubectl.run(["create", "--dry-run=server", "--filename=-"], stdin=json.dumps(wrong)).rc != 0, "nothing is checked"
