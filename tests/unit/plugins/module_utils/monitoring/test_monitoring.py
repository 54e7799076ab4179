# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts by metrics that exist, objects and files that Prometheus and Alertmanager take, and no address of a webhook in sight."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
from typing import Any, Dict, List

import pytest
import yaml
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup import report
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover import metrics as failover_metrics
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware import metrics, program
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.verdicts import verdicts
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.watch import Look
from ansible_collections.baremetal.kubernetes.plugins.module_utils.monitoring.alerts import groups
from ansible_collections.baremetal.kubernetes.plugins.module_utils.monitoring.objects import monitoring_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup import run as zfs_run

URL = "https://hooks.example.org/services/T000/B000/token"
SETTINGS: Dict[str, Any] = {
    "mode": "stack",
    "namespace": "monitoring",
    "values": {},
    "retention": "15d",
    "storage_class": "",
    "storage_size": "50Gi",
    "grafana": False,
    "metrics_directory": "/var/lib/prometheus/node-exporter",
    "object_labels": {},
    "alert_labels": {},
    "webhook_url": "",
    "repeat_hours": 12,
    "backup_max_age_hours": 26,
    "files_directory": "/tmp",
    "node_problem_detector": True,
    "node_problem_detector_namespace": "kube-system",
}


def made(**given: Any) -> Dict[str, Any]:
    return monitoring_data({**SETTINGS, **given})


def rules() -> List[Dict[str, Any]]:
    return [rule for group in groups(SETTINGS) for rule in group["rules"]]


def test_every_alert_is_about_metrics_that_are_written() -> None:
    known = {metrics.PREFIX + name for name in {**metrics.HELP, **program.FAILOVER_HELP}}
    known |= {failover_metrics.PREFIX + name for name in failover_metrics.HELP}
    known |= {"kubernetes_backup_" + name for name, _text in report.GAUGES}
    known |= {zfs_run.PREFIX + name for name in zfs_run.HELP}
    for rule in rules():
        used = re.findall(r"kubernetes_[a-z_]+", rule["expr"])
        assert used and set(used) <= known, rule["alert"]
    nothing = Look(0.0, [], [], *([None] * 4))  # type: ignore[arg-type]
    for name in verdicts(nothing):
        assert [rule for rule in rules() if name in rule["expr"]], "no alert for condition %s" % name


def test_the_operator_gets_rules_a_monitor_and_no_route_without_a_receiver() -> None:
    data = made(object_labels={"release": "prometheus"}, alert_labels={"cluster": "c1"})
    assert [one["kind"] for one in data["objects"]] == ["PrometheusRule", "PodMonitor"] and data["secrets"] == []
    assert all(one["metadata"]["labels"]["release"] == "prometheus" for one in data["objects"])
    labels = data["objects"][0]["spec"]["groups"][0]["rules"][0]["labels"]
    assert labels == {"namespace": "monitoring", "cluster": "c1", "severity": "critical"}
    assert [one["kind"] for one in made(node_problem_detector=False)["objects"]] == ["PrometheusRule"]


def test_the_webhooks_address_is_in_its_secret_and_nowhere_else() -> None:
    data = made(webhook_url=URL)
    assert data["objects"][-1]["kind"] == "AlertmanagerConfig" and len(data["secrets"]) == 1
    assert "hooks.example.org" not in str(data)
    assert (
        data["objects"][-1]["spec"]["receivers"][0]["webhookConfigs"][0]["urlSecret"]["name"]
        == data["secrets"][0]["metadata"]["name"]
    )
    with pytest.raises(SettingError) as refused:
        made(webhook_url="hooks.example.org/secret-token")
    assert "secret-token" not in str(refused.value)


def test_the_chart_reads_the_directory_that_the_hosts_write_and_asks_no_port_that_is_closed() -> None:
    values = made()["values"]
    assert (
        values["prometheus-node-exporter"]["extraArgs"][-1]
        == "--collector.textfile.directory=/host/root/var/lib/prometheus/node-exporter"
    )
    assert [name for name in values if values[name] == {"enabled": False}] == [
        "grafana", "kubeControllerManager", "kubeScheduler", "kubeEtcd", "kubeProxy"
    ]  # fmt: skip
    assert "storageSpec" not in values["prometheus"]["prometheusSpec"]
    values = made(storage_class="fast-local-zfs", values={"prometheus": {"prometheusSpec": {"retention": "1y"}}})["values"]
    specification = values["prometheus"]["prometheusSpec"]
    assert specification["retention"] == "1y" and specification["ruleSelectorNilUsesHelmValues"] is False
    assert specification["storageSpec"]["volumeClaimTemplate"]["spec"]["storageClassName"] == "fast-local-zfs"


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        ({"mode": "docker"}, "monitoring_mode"),
        ({"mode": "files", "files_directory": ""}, "monitoring_files_directory"),
        ({"webhook_url": "ftp://x"}, "monitoring_webhook_url"),
        ({"storage_size": "50"}, "monitoring_storage_size"),
        ({"retention": "two weeks"}, "monitoring_retention"),
        ({"repeat_hours": 0}, "monitoring_repeat_hours"),
        ({"backup_max_age_hours": -1}, "monitoring_backup_max_age_hours"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given: Dict[str, Any], setting: str) -> None:
    with pytest.raises(SettingError) as refused:
        made(**given)
    assert refused.value.setting == setting


def test_without_backups_there_is_no_alert_about_them() -> None:
    assert "kubernetes-backup" not in [group["name"] for group in groups({**SETTINGS, "backup_max_age_hours": 0})]


def tool(name: str) -> str:
    found = shutil.which(name)
    if not found:
        pytest.skip("no %s here (Debian's packages prometheus and prometheus-alertmanager)" % name)
    return found


def test_promtool_takes_the_rules(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(made(alert_labels={"cluster": "c1"})["files"]["kubernetes-hosts.rules.yml"])
    run = subprocess.run([tool("promtool"), "check", "rules", str(path)], capture_output=True, text=True)
    assert run.returncode == 0 and "%d rules found" % len(rules()) in run.stdout, run.stdout + run.stderr


def test_an_alert_fires_for_a_failing_disk_and_not_for_an_unknown_one(tmp_path: pathlib.Path) -> None:
    (tmp_path / "rules.yml").write_text(made()["files"]["kubernetes-hosts.rules.yml"])
    series = 'kubernetes_hardware_condition{condition="DiskFailing",instance="10.0.0.1:9100",node="%s"}'
    (tmp_path / "test.yml").write_text(
        yaml.safe_dump(
            {
                "rule_files": ["rules.yml"],
                "evaluation_interval": "1m",
                "tests": [
                    {
                        "interval": "1m",
                        "input_series": [
                            {"series": series % "w1", "values": "1x20"},
                            {"series": series % "w2", "values": "2x20"},
                            {"series": series % "w3", "values": "0x20"},
                        ],
                        "alert_rule_test": [
                            {
                                "eval_time": "10m",
                                "alertname": "KubernetesHardwareFailing",
                                "exp_alerts": [
                                    {
                                        "exp_labels": {
                                            "severity": "critical",
                                            "condition": "DiskFailing",
                                            "instance": "10.0.0.1:9100",
                                            "node": "w1",
                                        },
                                        "exp_annotations": {
                                            "summary": "w1: DiskFailing",
                                            "description": rules()[0]["annotations"]["description"],
                                        },
                                    }
                                ],
                            }
                        ],
                    }
                ],
            }
        )
    )
    run = subprocess.run([tool("promtool"), "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_amtool_takes_the_route_within_a_whole_configuration(tmp_path: pathlib.Path) -> None:
    ours = yaml.safe_load(made()["files"]["kubernetes-hosts.alertmanager.yml"])
    whole = {"route": {"receiver": "nobody", **ours["route"]}, "receivers": [{"name": "nobody"}, *ours["receivers"]]}
    # Alertmanager before 0.26 has no url_file.
    whole["receivers"][1] = {"name": ours["receivers"][0]["name"], "webhook_configs": [{"url": "http://127.0.0.1:1/"}]}
    path = tmp_path / "alertmanager.yml"
    path.write_text(yaml.safe_dump(whole))
    run = subprocess.run([tool("amtool"), "check-config", str(path)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    for alert, receiver in (("KubernetesHardwareFailing", "kubernetes-hosts-webhook"), ("KubeNodeNotReady", "nobody")):
        argv = [tool("amtool"), "config", "routes", "test", "--config.file", str(path), "alertname=" + alert]
        assert subprocess.run(argv, capture_output=True, text=True).stdout.strip() == receiver
