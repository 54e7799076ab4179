"""What the roles of storage and of monitoring hand to their filters is what these take, and their defaults are the checks'."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.checks import hardware, storage
from roles_render import ROOT, expression, role_variables
from yaml_files import read_yaml

CEPH = {
    "ceph_csi_cluster_id": "b9127830",
    "ceph_csi_monitors": ["192.0.2.21"],
    "ceph_csi_rbd_pool": "p",
    "ceph_csi_rbd_user": "u",
    "ceph_csi_rbd_key": "k",
}


def defaults(role: str) -> Dict[str, Any]:
    return dict(read_yaml(ROOT / "roles" / role / "defaults" / "main.yml"))


@pytest.mark.parametrize(
    ("role", "known"),
    [
        *storage.DEFAULTS.items(),
        ("node_problem_detector", hardware.DETECTOR_DEFAULTS),
        ("monitoring", hardware.MONITORING_DEFAULTS),
    ],
)
def test_the_checks_know_the_roles_defaults(role: str, known: Dict[str, Any]) -> None:
    own = defaults(role)
    assert {name: own["%s_%s" % (role, name)] for name in known} == known


@pytest.mark.parametrize(
    "role", ["openebs_zfs", "longhorn", "ceph_csi", "monitoring", "node_problem_detector", "hardware_watch", "snapshot_controller"]
)
def test_every_default_stands_in_the_documentation_as_well(role: str) -> None:
    options = read_yaml(ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]["main"][
        "options"
    ]
    # A switch's default that is another switch can't stand there, where only yes and no may.
    kept = {name: value for name, value in defaults(role).items() if "default" in options[name] or "{{" not in str(value)}
    assert set(options) == set(defaults(role))
    assert {name: option["default"] for name, option in options.items() if "default" in option} == kept


@pytest.mark.parametrize(
    ("role", "text", "given", "wanted"),
    [
        ("openebs_zfs", "{{ (S | baremetal.kubernetes.openebs_zfs_settings).objects | map(attribute='kind') | list }}",
         {"openebs_zfs_pool": "tank", "openebs_zfs_default_class": "false"}, ["StorageClass", "VolumeSnapshotClass"]),
        ("longhorn", "{{ (S | baremetal.kubernetes.longhorn_settings).objects[0].parameters.numberOfReplicas }}",
         {"longhorn_replicas": "2"}, "2"),
        ("ceph_csi", "{{ (S | baremetal.kubernetes.ceph_csi_settings).kinds }}", CEPH, ["rbd"]),
        ("monitoring", "{{ (S | baremetal.kubernetes.monitoring_settings)['values'].grafana.enabled }}",
         {"monitoring_mode": "stack", "monitoring_grafana": "no"}, False),
        ("node_problem_detector", "{{ (S | baremetal.kubernetes.node_problem_detector)[-1].kind }}",
         {"node_problem_detector_interval": "30"}, "DaemonSet"),
    ],
)  # fmt: skip
def test_the_filters_take_what_the_roles_hand_to_them(role: str, text: str, given: Dict[str, Any], wanted: Any) -> None:
    own = role_variables(role)
    made = expression(role, text.replace("S ", "_%s_settings " % role), **{**own, **given})
    assert made == wanted


@pytest.mark.parametrize(
    ("family", "installed", "wanted"),
    [
        ("debian", {"open-iscsi": "2.1", "nfs-common": None}, ["nfs-common", "cryptsetup"]),
        ("redhat", {}, ["iscsi-initiator-utils", "nfs-utils", "cryptsetup"]),
        ("other", {"open-iscsi": "1", "nfs-common": "1", "cryptsetup": "2"}, []),
    ],
)
def test_a_node_gets_the_packages_that_longhorn_needs(family: str, installed: Dict[str, Any], wanted: Any) -> None:
    facts = {"kubernetes_node": {"os": {"family": family}, "packages": installed}}
    assert expression("longhorn", "{{ _longhorn_missing }}", **role_variables("longhorn"), ansible_facts=facts) == wanted
