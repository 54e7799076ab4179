# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What playbooks backup and restore do where, and what they refuse."""

from __future__ import annotations

from typing import Any, Dict, List

PASSPHRASE = {"backup_passphrase": "sixteen letters!"}


def groups(outcome: Any) -> Dict[str, List[str]]:
    found: Dict[str, List[str]] = {}
    for entry in outcome.plan["work"]:
        found.setdefault(entry["group"], []).append(entry["host"])
    return found


def prepared(inventory: Any, playbook: str, **variables: Any) -> Any:
    inventory.data["playbook"] = playbook
    for entry in inventory.data["hosts"].values():
        entry["vars"].update(PASSPHRASE, **variables)
    return inventory


def settings(outcome: Any) -> List[str]:
    return [problem.setting for problem in outcome.problems]


def external(inventory: Any) -> Any:
    made = inventory(
        {"cluster_vip": "10.89.79.100", "cluster_endpoint": "10.89.79.100:8443", "cluster_etcd_mode": "external"}, 2, 0
    )
    for number in (1, 2, 3):
        made.add("etcd%d" % number, "etcd", "10.89.79.3%d" % number)
    return made


def test_control_planes_are_backed_up_once_they_have_a_cluster(stacked_ha: Any) -> None:
    prepared(stacked_ha, "backup", backup_every_member=True)
    assert "group control_plane" in settings(stacked_ha.outcome())
    outcome = stacked_ha.live("cp1", "cp2", "cp3", "worker1").outcome()
    assert settings(outcome) == [] and groups(outcome)["plan_backup"] == ["cp1", "cp2", "cp3"]


def test_one_copy_on_one_disk_is_warned_about(stacked_ha: Any) -> None:
    live = prepared(stacked_ha, "backup").live("cp1", "cp2", "cp3", "worker1")
    assert "backup_storage" in [warning.setting for warning in live.outcome().warnings]


def test_a_missing_passphrase_and_different_schedules_are_refused(stacked_ha: Any) -> None:
    live = prepared(stacked_ha, "backup").live("cp1", "cp2", "cp3", "worker1")
    live.host("cp2")["vars"].update(backup_passphrase="", backup_schedule="daily")
    problems = {problem.setting: problem.hosts for problem in live.outcome().problems}
    assert problems == {"backup_passphrase": ("cp2",), "backup_schedule": ("cp2",)}
    live.data["playbook"] = "stacked_ha"
    assert settings(live.outcome()) == [], "other playbooks have nothing to do with it"


def test_where_all_machines_stand_nothing_is_prepared_and_nothing_is_begun(stacked_ha: Any) -> None:
    live = prepared(stacked_ha, "restore").live("cp1", "cp2", "cp3", "worker1")
    for host in ("cp1", "cp2", "cp3"):
        live.facts(host)["apiserver"]["ready"] = False
    outcome = live.outcome()
    found = groups(outcome)
    assert settings(outcome) == []
    assert found.pop("plan_restore_hosts") == found.pop("plan_restore_standing") == ["cp1", "cp2", "cp3"]
    assert found == {"plan_restore_workers": ["worker1"]}
    assert outcome.plan["restore"]["initial_cluster"]["cp2"] == "https://10.89.79.12:2380"
    assert outcome.plan["summary"][0] == "cp1: stop the control plane, set etcd's data aside, restore the member, start it again"


def test_blank_machines_are_built_around_the_data_and_never_initialised(stacked_ha: Any) -> None:
    outcome = prepared(stacked_ha, "restore").outcome()
    found = groups(outcome)
    assert found["plan_restore_new"] == found["plan_balancers"] == found["plan_keepalived"] == ["cp1", "cp2", "cp3"]
    assert found["plan_restore_prepare"] == ["cp1", "cp2", "cp3", "worker1"]
    assert not [group for group in found if group.startswith(("plan_init", "plan_join"))]


def test_a_worker_that_is_down_does_not_hold_up_a_restore_and_a_control_plane_does(stacked_ha: Any) -> None:
    live = prepared(stacked_ha, "restore").live("cp1", "cp2", "cp3", "worker1")
    live.host("worker1").update(unreachable=True, msg="no route")
    outcome = live.outcome()
    assert settings(outcome) == [] and "host worker1" in [warning.setting for warning in outcome.warnings]
    assert "plan_restore_workers" not in groups(outcome)
    live.host("cp1").update(unreachable=True, msg="timed out")
    assert settings(live.outcome())[0] == "host cp1"


def test_a_restore_that_was_killed_goes_on_and_keeps_other_playbooks_away(stacked_ha: Any) -> None:
    live = prepared(stacked_ha, "restore").live("cp2", "cp3", "worker1")
    live.facts("cp1")["kubeadm"].update(state="started", started={"operation": "restore", "cluster": "kubernetes"})
    assert groups(live.outcome())["plan_restore_new"] == ["cp1"] and settings(live.outcome()) == []
    live.data["playbook"] = "stacked_ha"
    assert settings(live.outcome()) == ["restore"]


def test_a_restore_needs_a_key(stacked_ha: Any) -> None:
    live = prepared(stacked_ha, "restore").live("cp1", "cp2", "cp3", "worker1")
    live.host("cp1")["vars"]["backup_passphrase"] = ""
    assert settings(live.outcome()) == ["restore_passphrase"]


def test_with_etcd_elsewhere_its_hosts_are_restored_and_api_servers_stand_still(inventory: Any) -> None:
    live = prepared(external(inventory), "restore").live("cp1", "cp2")
    found = groups(live.outcome())
    assert found["plan_restore_hosts"] == found["plan_restore_etcd"] == ["etcd1", "etcd2", "etcd3"]
    assert found["plan_restore_stop"] == found["plan_restore_standing"] == ["cp1", "cp2"]
    blank = groups(prepared(external(inventory), "restore").outcome())
    assert blank["plan_restore_hosts"] == ["etcd1", "etcd2", "etcd3", "cp1", "cp2"] and blank["plan_restore_new"] == ["cp1", "cp2"]


def test_static_pods_of_etcd_get_what_they_need_only_where_they_are_new(inventory: Any) -> None:
    live = prepared(external(inventory), "restore", etcd_deployment="static_pod").live("cp1", "cp2")
    for number in (1, 3):
        live.facts("etcd%d" % number)["etcd_host"] = {"configured": True, "static_pod": True}
    assert groups(live.outcome())["plan_etcd_pods"] == ["etcd2"]


def test_the_second_look_is_about_etcd_alone(inventory: Any) -> None:
    live = prepared(external(inventory), "restore_etcd").live("cp1", "cp2")
    for number in (1, 2, 3):
        live.facts("etcd%d" % number)["etcd"] = {"data_present": True, "healthy": False, "members": []}
    found = groups(live.outcome())
    assert found["plan_etcd_together"] == ["etcd1", "etcd2", "etcd3"]
    assert all(group.startswith("plan_etcd_") for group in found)


def test_an_archive_that_is_named_by_its_path_has_to_be_there_with_what_describes_it(stacked_ha: Any) -> None:
    live = prepared(stacked_ha, "restore", restore_from="/srv/b.aes").live("cp1", "cp2", "cp3", "worker1")
    live.refused("restore_from", "there is no readable file /srv/b.aes on this computer", "beside each other")
    live.data["files"] = {"/srv/b.aes": "x", "/srv/b.aes.json": ""}
    live.refused("restore_from", "no readable file /srv/b.aes.json")
    live.data["files"]["/srv/b.aes.json"] = "{}"
    assert settings(live.outcome()) == []
    live.set_all(restore_from="20260101T000000Z-etcd-cp1.tar.gz.aes")
    assert settings(live.outcome()) == [], "names are known on hosts and in the storage"
