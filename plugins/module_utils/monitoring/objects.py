# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of kube-prometheus-stack's chart, the operator's objects, and plain files for a Prometheus without operator. Pure."""

from __future__ import annotations

import base64
import re
from typing import Any, Dict, List, Mapping
from urllib.parse import urlsplit

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.detector import NAME as DETECTOR
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.yaml_writer import dump
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.namespace import privileged_namespace
from ansible_collections.baremetal.kubernetes.plugins.module_utils.monitoring.alerts import groups, route
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import merged

NAME = "kubernetes-hosts"
RECEIVER = "kubernetes-hosts-webhook"
SECRET = "kubernetes-hosts-webhook"
MODES = ("", "stack", "existing", "files")
#: The chart's own, which a list of our own replaces (charts/kube-prometheus-stack/values.yaml of 88.5.3).
NODE_EXPORTER_ARGUMENTS = (
    "--collector.filesystem.mount-points-exclude=^/(dev|proc|sys|run/containerd/.+|var/lib/docker/.+|var/lib/kubelet/.+)($|/)",
    "--collector.filesystem.fs-types-exclude=^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|"
    "iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs|erofs)$",
)
#: Where the chart of node-exporter mounts the host's files.
HOST_ROOT = "/host/root"
SIZE = re.compile(r"[1-9][0-9]*(Mi|Gi|Ti|M|G|T)$")
DURATION = re.compile(r"[1-9][0-9]*(h|d|w|y)$")


def monitoring_data(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """``namespaces``, ``values`` of the chart, ``objects``, ``secrets``, and ``files`` by name.

    ``settings`` are those of role monitoring without its prefix.

    :raises SettingError: one of them makes no sense.
    """
    check(settings)
    namespace = str(settings["namespace"])
    # AlertmanagerConfig by default only gets alerts with its own namespace's name in this label.
    rules = groups({**settings, "alert_labels": {"namespace": namespace, **(settings["alert_labels"] or {})}})
    plain = groups(settings)
    own_route = route({"receiver": RECEIVER, "repeat_hours": settings["repeat_hours"]})
    receiver = {"name": RECEIVER, "webhook_configs": [{"url_file": "/etc/alertmanager/%s-url" % NAME, "send_resolved": True}]}
    return {
        "namespaces": [privileged_namespace(namespace)],
        "values": merged(_values(settings), settings["values"] or {}),
        "objects": _objects(settings, rules, own_route),
        "secrets": _secrets(settings),
        "files": {
            NAME + ".rules.yml": dump({"groups": plain}),
            NAME + ".alertmanager.yml": dump({"route": {"routes": [own_route]}, "receivers": [receiver]}),
        },
    }


def check(settings: Mapping[str, Any]) -> None:
    """:raises SettingError: a setting that makes no sense."""
    if settings["mode"] not in MODES:
        raise SettingError(
            "monitoring_mode", "%r is no way to have it" % settings["mode"], "write stack, existing, files or nothing"
        )
    if settings["mode"] == "files" and not settings["files_directory"]:
        raise SettingError("monitoring_files_directory", "it is empty", "write a directory on this computer for rules and route")
    url = str(settings["webhook_url"] or "")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if url and not usable:
        # Not the address: what follows the host is often a secret.
        raise SettingError("monitoring_webhook_url", "it is no address of a web server", "write https://HOST/PATH")
    if not SIZE.match(str(settings["storage_size"])):
        raise SettingError("monitoring_storage_size", "%r is no size" % settings["storage_size"], "write one like 50Gi")
    if not DURATION.match(str(settings["retention"])):
        raise SettingError("monitoring_retention", "%r is no time" % settings["retention"], "write one like 15d")
    if int(settings["backup_max_age_hours"]) < 0:
        raise SettingError("monitoring_backup_max_age_hours", "it is below 0", "write hours, or 0 for no such alert")
    if int(settings["repeat_hours"]) < 1:
        raise SettingError("monitoring_repeat_hours", "it is below 1", "write 1 or more")


def _values(settings: Mapping[str, Any]) -> Dict[str, Any]:
    specification: Dict[str, Any] = {
        "retention": str(settings["retention"]),
        # Else it takes only what has the release's own label.
        "ruleSelectorNilUsesHelmValues": False,
        "serviceMonitorSelectorNilUsesHelmValues": False,
        "podMonitorSelectorNilUsesHelmValues": False,
        "probeSelectorNilUsesHelmValues": False,
        "scrapeConfigSelectorNilUsesHelmValues": False,
    }
    if settings["storage_class"]:
        claim = {
            "storageClassName": str(settings["storage_class"]),
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": str(settings["storage_size"])}},
        }
        specification["storageSpec"] = {"volumeClaimTemplate": {"spec": claim}}
    arguments = list(NODE_EXPORTER_ARGUMENTS)
    if settings["metrics_directory"]:
        arguments.append("--collector.textfile.directory=%s%s" % (HOST_ROOT, settings["metrics_directory"]))
    relabelling = {"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node", "action": "replace"}
    values: Dict[str, Any] = {
        "grafana": {"enabled": bool(settings["grafana"])},
        "alertmanager": {"alertmanagerSpec": {"alertmanagerConfigMatcherStrategy": {"type": "None"}}},
        "prometheus": {"prometheusSpec": specification},
        "prometheus-node-exporter": {
            "extraArgs": arguments,
            "prometheus": {"monitor": {"relabelings": [relabelling]}},
        },
    }
    # With kubeadm they listen on 127.0.0.1, as they should: asked from elsewhere they would look dead.
    for name in ("kubeControllerManager", "kubeScheduler", "kubeEtcd", "kubeProxy"):
        values[name] = {"enabled": False}
    return values


def _objects(settings: Mapping[str, Any], rules: List[Dict[str, Any]], own_route: Mapping[str, Any]) -> List[Dict[str, Any]]:
    labels = {"app.kubernetes.io/part-of": "baremetal.kubernetes", **(settings["object_labels"] or {})}
    metadata = {"name": NAME, "namespace": str(settings["namespace"]), "labels": labels}
    objects: List[Dict[str, Any]] = [
        {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": metadata, "spec": {"groups": rules}}
    ]
    if settings["node_problem_detector"]:
        specification = {
            "selector": {"matchLabels": {"app": DETECTOR}},
            "namespaceSelector": {"matchNames": [str(settings["node_problem_detector_namespace"])]},
            "podMetricsEndpoints": [{"port": "metrics"}],
        }
        named = {**metadata, "name": DETECTOR}
        objects.append({"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor", "metadata": named, "spec": specification})
    if settings["webhook_url"]:
        alertname = own_route["matchers"][0].split('"')[1]
        specification = {
            "route": {
                "receiver": RECEIVER,
                "matchers": [{"name": "alertname", "value": alertname, "matchType": "=~"}],
                "groupBy": own_route["group_by"],
                "groupWait": own_route["group_wait"],
                "groupInterval": own_route["group_interval"],
                "repeatInterval": own_route["repeat_interval"],
            },
            "receivers": [
                {"name": RECEIVER, "webhookConfigs": [{"sendResolved": True, "urlSecret": {"name": SECRET, "key": "url"}}]}
            ],
        }
        kind = {"apiVersion": "monitoring.coreos.com/v1alpha1", "kind": "AlertmanagerConfig"}
        objects.append({**kind, "metadata": metadata, "spec": specification})
    return objects


def _secrets(settings: Mapping[str, Any]) -> List[Dict[str, Any]]:
    if not settings["webhook_url"]:
        return []
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SECRET, "namespace": str(settings["namespace"])},
            "type": "Opaque",
            "data": {"url": base64.b64encode(str(settings["webhook_url"]).encode()).decode()},
        }
    ]
