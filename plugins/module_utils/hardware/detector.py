# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""node-problem-detector's objects: its own monitors of the kernel, and the conditions that the hardware's verdicts set. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Dict, List, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.findings import CONDITIONS, DEGRADED
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.settings import CONDITIONS as FOLDER
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.verdicts import LONGEST

NAME = "node-problem-detector"
#: Where the image has its own monitors (its Dockerfile); the ones for docker and others are not for a node of kubeadm's.
OWN_MONITORS = ("/config/kernel-monitor.json", "/config/readonly-monitor.json")
MOUNT = "/hardware"
RUN = FOLDER.rsplit("/", 1)[0]
SOURCE = "hardware-watch"
METRICS_PORT = 20257
IMAGE = re.compile(r"[a-z0-9][a-z0-9._:/-]*[a-z0-9](:[A-Za-z0-9_][A-Za-z0-9_.-]*)?(@sha256:[0-9a-f]{64})?$")
#: The image has a shell and coreutils, and neither Python nor smartctl. The files are module verdicts' file_text.
SCRIPT = (
    """#!/bin/sh
# Written by baremetal.kubernetes.node_problem_detector: one verdict of the last look at the hardware, as a custom plugin says it.
file=%s/$1
if ! read -r code taken believed text 2>/dev/null <"$file"; then
  echo "there is no verdict of hardware_watch on this node"
  exit 2
fi
case "$code:$taken:$believed" in
  [012]:*[!0-9]*:* | [012]:*:*[!0-9]* | [012]::* | [012]:*:) code= ;;
  [012]:*:*) ;;
  *) code= ;;
esac
if [ -z "$code" ]; then
  echo "there is no verdict of hardware_watch on this node"
  exit 2
fi
age=$(($(date +%%s) - taken))
if [ "$age" -gt "$believed" ] || [ "$age" -lt "-$believed" ]; then
  echo "the last look at the hardware was $age s ago: see the journal of kubernetes-hardware-watch"
  exit 2
fi
printf "%%s\\n" "$text"
exit "$code"
"""
    % FOLDER
)


def monitor(interval: int) -> Dict[str, Any]:
    """The configuration of the custom plugin monitor (pkg/custompluginmonitor/types of node-problem-detector)."""
    conditions = [*CONDITIONS.values(), DEGRADED]
    return {
        "plugin": "custom",
        "pluginConfig": {
            "invoke_interval": "%ds" % interval,
            "timeout": "10s",
            "max_output_length": LONGEST,
            "concurrency": 3,
            # Each other text would be a new transition, and a failure whose count grows would never have lasted for long enough.
            "enable_message_change_based_condition_update": False,
            # Until the first verdict: a node that restarts is not well because nobody has looked yet.
            "skip_initial_status": True,
        },
        "source": SOURCE,
        "metricsReporting": True,
        "conditions": [{"type": one.type, "reason": one.good_reason, "message": one.good_message} for one in conditions],
        "rules": [
            {
                "type": "permanent",
                "condition": one.type,
                "reason": one.reason,
                "path": MOUNT + "/condition.sh",
                "args": [one.type],
                "timeout": "5s",
            }
            for one in conditions
        ],
    }


def detector_objects(settings: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """Everything that is applied, in its order.

    ``settings`` are those of role node_problem_detector without its prefix.

    :raises SettingError: one of them makes no sense.
    """
    check(settings)
    namespace = str(settings["namespace"])
    config = {
        "monitor.json": json.dumps(monitor(int(settings["interval"])), indent=1, sort_keys=True) + "\n",
        "condition.sh": SCRIPT,
    }
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _named(namespace)},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": NAME, "labels": {"app": NAME}},
            # The API server brings this role: it patches the status of nodes, and makes events.
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:node-problem-detector"},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}],
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _named(namespace), "data": config},
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": _named(namespace),
            "spec": {
                "selector": {"matchLabels": {"app": NAME}},
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%"}},
                "template": _pod(settings, config),
            },
        },
    ]


def check(settings: Mapping[str, Any]) -> None:
    """:raises SettingError: a setting that makes no sense."""
    image = str(settings["image"])
    if not IMAGE.match(image) or ":" not in image.rsplit("/", 1)[-1]:
        raise SettingError(
            "node_problem_detector_image",
            "%r names no image with a version" % image,
            "write it in full, like registry.example.org/node-problem-detector:v1.35.3",
        )
    if int(settings["interval"]) < 10:
        raise SettingError("node_problem_detector_interval", "%s s is too little" % settings["interval"], "write 10 or more")


def _named(namespace: str) -> Dict[str, Any]:
    return {"name": NAME, "namespace": namespace, "labels": {"app": NAME}}


def _pod(settings: Mapping[str, Any], config: Mapping[str, str]) -> Dict[str, Any]:
    # It reads its configuration when it starts.
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()
    command = [
        "/node-problem-detector",
        "--logtostderr",
        "--config.system-log-monitor=" + ",".join(OWN_MONITORS),
        "--config.custom-plugin-monitor=%s/monitor.json" % MOUNT,
        "--prometheus-address=0.0.0.0",
        "--prometheus-port=%d" % METRICS_PORT,
        # Nobody asks its health by HTTP.
        "--port=0",
    ]
    container = {
        "name": NAME,
        "image": str(settings["image"]),
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "ports": [{"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        # Without it the kernel's messages can't be read.
        "securityContext": {"privileged": True},
        "volumeMounts": [
            {"name": "kmsg", "mountPath": "/dev/kmsg", "readOnly": True},
            {"name": "localtime", "mountPath": "/etc/localtime", "readOnly": True},
            {"name": "config", "mountPath": MOUNT, "readOnly": True},
            {"name": "verdicts", "mountPath": RUN, "readOnly": True},
        ],
    }
    return {
        "metadata": {"labels": {"app": NAME}, "annotations": {"baremetal.kubernetes/configuration": digest[:16]}},
        "spec": {
            "serviceAccountName": NAME,
            "priorityClassName": "system-node-critical",
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "tolerations": [{"operator": "Exists"}],
            "containers": [container],
            "volumes": [
                {"name": "kmsg", "hostPath": {"path": "/dev/kmsg"}},
                {"name": "localtime", "hostPath": {"path": "/etc/localtime"}},
                {"name": "config", "configMap": {"name": NAME, "defaultMode": 0o555}},
                {"name": "verdicts", "hostPath": {"path": RUN, "type": "DirectoryOrCreate"}},
            ],
        },
    }
