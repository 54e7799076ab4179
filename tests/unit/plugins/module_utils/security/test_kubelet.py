# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which requests of kubelets are approved: openssl makes them, as kubelets do."""

from __future__ import annotations

import base64
import pathlib
import subprocess
from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.security.kubelet import SIGNER, differing, judge

NODES = {"worker1": ["10.0.0.21", "fd00::21"]}
GOOD = {
    "subject": "/O=system:nodes/CN=system:node:worker1",
    "names": "DNS:worker1,IP:10.0.0.21,IP:fd00::21",
    "username": "system:node:worker1",
    "groups": ["system:nodes", "system:authenticated"],
    "usages": ["digital signature", "key encipherment", "server auth"],
}


def request(folder: pathlib.Path, **given: Any) -> Dict[str, Any]:
    one = dict(GOOD, **given)
    argv = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null"]
    argv += ["-subj", one["subject"]] + (["-addext", "subjectAltName=" + one["names"]] if one["names"] else [])
    pem = subprocess.run(argv, check=True, capture_output=True, cwd=folder).stdout
    spec = {"signerName": SIGNER, "username": one["username"], "groups": one["groups"], "usages": one["usages"]}
    spec["request"] = base64.b64encode(pem).decode()
    return {"metadata": {"name": "csr-x"}, "spec": spec, "status": {}}


def test_a_kubelet_that_names_itself_gets_its_certificate(tmp_path: pathlib.Path) -> None:
    (verdict,) = judge([request(tmp_path)], NODES)
    assert (verdict.name, verdict.node, verdict.why_not) == ("csr-x", "worker1", "")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"names": "DNS:worker1,IP:10.0.0.99"}, "names 10.0.0.99"),
        ({"names": "DNS:kubernetes.default.svc,IP:10.0.0.21"}, "names kubernetes.default.svc"),
        ({"names": ""}, "names nothing"),
        ({"subject": "/O=system:masters/CN=system:node:worker1"}, "subject is not"),
        ({"subject": "/O=system:nodes/CN=system:node:cp1"}, "subject is not"),
        ({"username": "system:serviceaccount:default:x"}, "is not a kubelet"),
        ({"username": "system:node:unknown", "subject": "/O=system:nodes/CN=system:node:unknown"}, "no node unknown"),
        ({"groups": ["system:authenticated"]}, "is not a kubelet"),
        ({"usages": ["digital signature", "client auth"]}, "other usages"),
    ],
)
def test_anything_else_is_left_to_a_person(tmp_path: pathlib.Path, given: Dict[str, Any], says: str) -> None:
    (verdict,) = judge([request(tmp_path, **given)], NODES)
    assert says in verdict.why_not


def test_what_is_decided_already_and_what_others_sign_is_passed_over() -> None:
    decided = {"metadata": {"name": "a"}, "spec": {"signerName": SIGNER}, "status": {"conditions": [{"type": "Denied"}]}}
    client = {"metadata": {"name": "b"}, "spec": {"signerName": "kubernetes.io/kube-apiserver-client-kubelet"}, "status": {}}
    assert judge([decided, client], NODES) == []


def test_fields_are_compared_with_what_the_kubelet_has() -> None:
    text = "apiVersion: kubelet.config.k8s.io/v1beta1\nserverTLSBootstrap: true\nmaxPods: 110\n"
    assert differing(text, {"serverTLSBootstrap": True, "maxPods": 50}) == ["maxPods"]
    assert differing("", {"serverTLSBootstrap": True}) == ["serverTLSBootstrap"]
