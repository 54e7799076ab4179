# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts on what this collection measures: hardware, the failover IP's agents, backups, and sends of ZFS snapshots. Pure.

Names of metrics are those of module_utils/hardware/metrics, failover/metrics, backup/report and zfs_backup/run (a test compares
them).
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.findings import CONDITIONS, DEGRADED

#: Role monitoring's own relabelling gives metrics of a host its node's name; elsewhere the address has to do.
HOST = "{{ if $labels.node }}{{ $labels.node }}{{ else }}{{ $labels.instance }}{{ end }}"
FAILING = "|".join(condition.type for condition in CONDITIONS.values())
SHOW = "python3 /usr/local/lib/baremetal-kubernetes/hardware-watch.pyz show"


def groups(settings: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """Groups of rules, as Prometheus and its operator take them. ``settings`` has labels and backup_max_age_hours."""
    labels = {str(key): str(value) for key, value in (settings.get("alert_labels") or {}).items()}
    hours = int(settings.get("backup_max_age_hours") or 0)
    made = {"kubernetes-hardware": _hardware(), "kubernetes-failover-ip": _failover_ip()}
    if hours:
        made["kubernetes-backup"] = _backup(hours)
        made["kubernetes-zfs-backup"] = _zfs_backup(hours)
    for rules in made.values():
        for rule in rules:
            rule["labels"] = {**labels, **rule["labels"]}
    return [{"name": name, "rules": rules} for name, rules in made.items()]


def _alert(name: str, expression: str, lasts: str, severity: str, summary: str, description: str) -> Dict[str, Any]:
    return {
        "alert": name,
        "expr": expression,
        "for": lasts,
        "labels": {"severity": severity},
        "annotations": {"summary": summary, "description": description},
    }


def _hardware() -> List[Dict[str, Any]]:
    condition = "kubernetes_hardware_condition"
    return [
        _alert(
            "KubernetesHardwareFailing",
            '%s{condition=~"%s"} == 1' % (condition, FAILING),
            "5m",
            "critical",
            "%s: {{ $labels.condition }}" % HOST,
            "Save what is on it and replace the part. On the host: %s" % SHOW,
        ),
        _alert(
            "KubernetesHardwareDegraded",
            '%s{condition="%s"} == 1' % (condition, DEGRADED.type),
            "15m",
            "warning",
            "%s: its hardware needs a look" % HOST,
            "On the host: %s. What you live with: hardware-watch.pyz accept" % SHOW,
        ),
        _alert(
            "KubernetesHardwareNotWatched",
            "time() - kubernetes_hardware_look_timestamp_seconds > 3600",
            "5m",
            "warning",
            "%s: nobody has looked at its hardware for an hour" % HOST,
            "On the host: systemctl status kubernetes-hardware-watch.timer kubernetes-hardware-watch.service",
        ),
        _alert(
            "KubernetesHardwareFailover",
            "max by (hardware_node) (kubernetes_hardware_failover_node) == 1",
            "0m",
            "warning",
            "{{ $labels.hardware_node }} is taken out of service, since its hardware is failing",
            "Replace the part, then kubectl uncordon it. Another node waits until then.",
        ),
        _alert(
            "KubernetesHardwareFailoverStuck",
            "max by (instance) (kubernetes_hardware_failover_errors) > 0",
            "30m",
            "critical",
            "A node whose hardware is failing can't be emptied",
            "On a control plane: journalctl -u kubernetes-hardware-failover",
        ),
    ]


def _failover_ip() -> List[Dict[str, Any]]:
    return [
        _alert(
            "KubernetesFailoverIpUnheld",
            "max(kubernetes_failover_ip_entitled) == 0",
            "1m",
            "critical",
            "No node may hold the failover IP",
            "On the control planes: journalctl -u kubernetes-failover-ip says what each lacks.",
        ),
        _alert(
            "KubernetesFailoverIpTwice",
            "sum by (address) (kubernetes_failover_ip_routed_here) > 1",
            "5m",
            "critical",
            "More than one node thinks that {{ $labels.address }} is routed to it",
            "Ask the provider where it goes; journalctl -u kubernetes-failover-ip on the control planes.",
        ),
        _alert(
            "KubernetesFailoverIpProviderErrors",
            "increase(kubernetes_failover_ip_provider_errors_total[15m]) > 3",
            "0m",
            "warning",
            "%s: the provider refuses or does not answer" % HOST,
            "journalctl -u kubernetes-failover-ip has the provider's words.",
        ),
    ]


def _backup(hours: int) -> List[Dict[str, Any]]:
    return [
        _alert(
            "KubernetesBackupOld",
            "time() - max by (cluster) (kubernetes_backup_last_taken_timestamp_seconds) > %d" % (hours * 3600),
            "10m",
            "critical",
            "The last backup of {{ $labels.cluster }} is older than %d hours" % hours,
            "On the members of etcd: journalctl -u kubernetes-backup",
        )
    ]


def _zfs_backup(hours: int) -> List[Dict[str, Any]]:
    log = "On the host: journalctl -u kubernetes-zfs-backup"
    return [
        _alert(
            "KubernetesZfsBackupOld",
            "time() - kubernetes_zfs_backup_last_point_timestamp_seconds > %d" % (hours * 3600),
            "10m",
            "critical",
            "%s: the newest snapshot of {{ $labels.dataset }} in the storage is older than %d hours" % (HOST, hours),
            log,
        ),
        _alert(
            "KubernetesZfsBackupBroken",
            "kubernetes_zfs_backup_broken_points > 0",
            "10m",
            "critical",
            "%s: snapshots of {{ $labels.dataset }} in the storage can't be restored: their chain has a gap" % HOST,
            "On the host: python3 /usr/local/lib/baremetal-kubernetes/zfs-backup.pyz list. See who removes objects there.",
        ),
        _alert(
            "KubernetesZfsBackupTrialFailed",
            "kubernetes_zfs_backup_last_trial_success == 0",
            "0m",
            "critical",
            "%s: a restore of {{ $labels.dataset }} on trial failed" % HOST,
            log + "-trial",
        ),
    ]


def route(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """Alertmanager's route for these alerts, as the receiver's own child route."""
    return {
        "receiver": str(settings["receiver"]),
        "matchers": ['alertname=~"Kubernetes(Hardware|FailoverIp|Backup|ZfsBackup).*"'],
        "group_by": ["alertname", "node", "instance"],
        "group_wait": "30s",
        "group_interval": "5m",
        "repeat_interval": "%dh" % int(settings["repeat_hours"]),
    }
