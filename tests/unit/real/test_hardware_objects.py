"""node-problem-detector's objects and those of monitoring on a real API server.

MONITORING_CRDS names a folder with the Prometheus operator's definitions (those of kube-prometheus-stack 88.5.3 were tried), which
are not part of this collection. Without it only the built-in kinds are tried.
"""

from __future__ import annotations

import json
import os
import pathlib
import time
from typing import Any, Dict

import pytest
import yaml
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.detector import detector_objects
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.apply import apply, plan_apply
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl
from ansible_collections.baremetal.kubernetes.plugins.module_utils.monitoring.objects import monitoring_data
from stored import lacks

DEFINITIONS = ("prometheusrules", "podmonitors", "alertmanagerconfigs")


class Loader(yaml.SafeLoader):
    """With YAML 1.1's lone = as the text that it is."""


Loader.add_constructor("tag:yaml.org,2002:value", yaml.SafeLoader.construct_yaml_str)


def without_empty_defaults(schema: Any) -> Any:
    """API servers of 1.20 read a default that is an empty text as null, and refuse it."""
    if isinstance(schema, dict):
        return {key: without_empty_defaults(value) for key, value in schema.items() if not (key == "default" and value == "")}
    return [without_empty_defaults(one) for one in schema] if isinstance(schema, list) else schema


def stored(kubectl: Kubectl, wanted: Dict[str, Any]) -> Any:
    group, _slash, version = wanted["apiVersion"].rpartition("/")
    kind = ".".join(part for part in (wanted["kind"], version, group) if part) if group else wanted["kind"]
    namespace = ["--namespace=" + wanted["metadata"]["namespace"]] if "namespace" in wanted["metadata"] else []
    return json.loads(kubectl.checked("x", ["get", kind, wanted["metadata"]["name"], *namespace, "--output=json"]))


def test_node_problem_detectors_objects_are_taken_field_by_field(kubectl: Kubectl) -> None:
    objects = detector_objects({"image": "registry.example.org/npd:v1.35.3", "namespace": "kube-system", "interval": 60})
    apply(kubectl, objects)
    assert not plan_apply(kubectl, objects).differs, "a second run would change it"
    for wanted in objects:
        assert lacks(wanted, stored(kubectl, wanted)) == [], wanted["kind"]
    # The API server's own role lets it do what it is for, and no more.
    account = "system:serviceaccount:kube-system:node-problem-detector"
    for words, answer in (
        (["patch", "nodes", "--subresource=status"], "yes"),
        (["create", "events"], "yes"),
        (["patch", "nodes"], "no"),
    ):
        assert kubectl.run(["auth", "can-i", *words, "--as=" + account]).stdout.strip() == answer, words


def test_monitorings_objects_are_taken_field_by_field(kubectl: Kubectl) -> None:
    folder = os.environ.get("MONITORING_CRDS")
    if not folder:
        pytest.skip("MONITORING_CRDS is not set: the operator's definitions are not here to try its objects against")
    for name in DEFINITIONS:
        text = (pathlib.Path(folder) / ("crd-%s.yaml" % name)).read_text()
        definition = without_empty_defaults(yaml.load(text, Loader=Loader))
        # Its rules are written for newer API servers than 1.20, whose kubectl knows no x-kubernetes-validations.
        kubectl.checked("x", ["create", "--validate=false", "--filename=-"], stdin=json.dumps(definition), timeout=300)
    for name in DEFINITIONS:
        while kubectl.run(["get", name + ".monitoring.coreos.com", "--all-namespaces"]).rc != 0:
            time.sleep(1)
    data = monitoring_data(
        {
            "mode": "existing",
            "namespace": "default",
            "values": {},
            "retention": "15d",
            "storage_class": "",
            "storage_size": "50Gi",
            "grafana": False,
            "metrics_directory": "/var/lib/prometheus/node-exporter",
            "object_labels": {"release": "prometheus"},
            "alert_labels": {"cluster": "c1"},
            "webhook_url": "https://hooks.example.org/token",
            "repeat_hours": 12,
            "backup_max_age_hours": 26,
            "files_directory": "",
            "node_problem_detector": True,
            "node_problem_detector_namespace": "kube-system",
        }
    )
    objects = data["secrets"] + data["objects"]
    apply(kubectl, objects)
    assert not plan_apply(kubectl, objects).differs, "a second run would change it"
    for wanted in objects:
        assert lacks(wanted, stored(kubectl, wanted)) == [], wanted["kind"]
    wrong = {**data["objects"][0], "spec": {"groups": [{"rules": []}]}}
    assert kubectl.run(["create", "--dry-run=server", "--filename=-"], stdin=json.dumps(wrong)).rc != 0, "nothing is checked"
