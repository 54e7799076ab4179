"""MetalLB's objects on a real API server with MetalLB's own definitions, which are not part of this collection.

METALLB_CRDS names a folder with config/crd/bases of MetalLB (v0.16.1 was tried). Without it only the built-in kinds are tried.
"""

from __future__ import annotations

import json
import os
import pathlib
import time
from typing import Any, Dict, List

import pytest
import yaml
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.apply import apply, plan_apply
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl
from ansible_collections.baremetal.kubernetes.plugins.module_utils.metallb.objects import NAMESPACE, metallb_data

POOLS = [
    {"name": "segment", "addresses": ["192.0.2.10-192.0.2.20"], "interfaces": ["eno2"], "nodes": ["cp1"]},
    {"name": "routed", "addresses": ["203.0.113.11/32"], "advertise": "routed", "auto_assign": False},
    {"name": "fabric", "addresses": ["198.51.100.0/28", "2001:db8::/124"], "advertise": "bgp", "peers": ["tor"]},
]
PEER = {
    "name": "tor",
    "address": "192.0.2.1",
    "my_as": 64512,
    "peer_as": 4200000000,
    "multihop": True,
    "source_address": "192.0.2.9",
    "nodes": ["cp1"],
    "password": "hunter2",
}


@pytest.fixture(autouse=True)
def _namespace(kubectl: Kubectl) -> None:
    kubectl.run(["create", "namespace", NAMESPACE])


def data() -> Dict[str, Any]:
    return metallb_data(
        {
            "address_pools": POOLS,
            "bgp_peers": [PEER],
            "load_balancer_class": "",
            "ignore_exclude_label": True,
            "bgp_backend": "native",
            "values": {},
        }
    )


def test_a_peers_password_is_taken_as_the_kind_of_secret_that_metallb_reads(kubectl: Kubectl) -> None:
    secrets: List[Dict[str, Any]] = data()["secrets"]
    apply(kubectl, secrets)
    plan = plan_apply(kubectl, secrets)
    assert not plan.differs, "a second run would change it"
    changed = [dict(secrets[0], data={"password": "aHVudGVyMw=="})]
    shown = plan_apply(kubectl, changed)
    assert shown.differs and "v1.Secret.metallb-system.bgp-tor" in shown.diff
    assert "aHVudGVyMg==" not in shown.diff and "aHVudGVyMw==" not in shown.diff


def test_every_field_is_one_that_metallbs_definitions_have(kubectl: Kubectl) -> None:
    folder = os.environ.get("METALLB_CRDS")
    if not folder:
        pytest.skip("METALLB_CRDS is not set: MetalLB's definitions are not here to try its objects against")
    for path in sorted(pathlib.Path(folder).glob("*.yaml")):
        definition = yaml.safe_load(path.read_text())
        # Conversion between its own versions is a webhook of MetalLB, which does not run here.
        definition["spec"].pop("conversion", None)
        # Its rules are written for newer API servers than 1.20, whose kubectl knows no x-kubernetes-validations.
        kubectl.checked("x", ["create", "--validate=false", "--filename=-"], stdin=json.dumps(definition))
    objects = data()["objects"]
    kinds = "ipaddresspools.metallb.io,l2advertisements.metallb.io,bgppeers.metallb.io,bgpadvertisements.metallb.io"
    for _try in range(100):
        if kubectl.run(["get", kinds, "-n", NAMESPACE]).rc == 0:
            break
        time.sleep(0.3)
    apply(kubectl, objects)
    assert not plan_apply(kubectl, objects).differs
    for wanted in objects:
        version = "%s.%s.metallb.io" % (wanted["kind"].lower(), wanted["apiVersion"].split("/")[1])
        text = kubectl.checked("x", ["get", version, wanted["metadata"]["name"], "-n", NAMESPACE, "--output=json"])
        stored = json.loads(text)["spec"]
        # What a definition does not know the API server drops in silence.
        assert {key: stored.get(key) for key in wanted["spec"]} == wanted["spec"], wanted["kind"]
    assert "hunter2" not in kubectl.checked("x", ["get", kinds, "-n", NAMESPACE, "--output=yaml"])
    wrong = dict(objects[0], spec={"addresses": "192.0.2.1"})
    assert kubectl.run(["create", "--dry-run=server", "--filename=-"], stdin=json.dumps(wrong)).rc != 0, "nothing is checked"
