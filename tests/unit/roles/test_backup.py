# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role backup writes is what its program reads; and which backup role restore chooses for a host."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
from typing import Any, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.settings import Storage, read_settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.retention import Keep
from roles_render import expression, role_variables, template

STORAGE = {"endpoint": "https://s3.example.com", "bucket": "b", "access_key": "a", "secret_key": "s", "prefix": "p"}


def settings(**given: Any) -> Any:
    return read_settings(expression("backup", "{{ _backup_settings | to_nice_json }}", **{**role_variables("backup"), **given}))


def test_the_defaults_are_read_back() -> None:
    found = settings()
    assert (found.cluster_name, found.host, found.storage, found.every_member) == ("kubernetes", "cp1", None, False)
    assert found.keep == found.storage_keep == Keep(hourly=24, daily=7, weekly=4)


def test_what_a_person_sets_is_read_back_from_the_command_line_too() -> None:
    given = {"backup_storage": STORAGE, "backup_keep": {"last": 3}, "backup_every_member": "true", "backup_takeover_seconds": "60"}
    found = settings(**given)
    assert found.storage == Storage(**STORAGE) and found.keep == Keep(last=3)
    assert found.every_member is True and found.takeover_seconds == 60


def test_the_passphrase_is_in_no_file_but_its_own() -> None:
    assert "secret phrase" not in str(settings(backup_passphrase="secret phrase of mine"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here to read the units")
def test_systemd_takes_both_units(tmp_path: pathlib.Path) -> None:
    for name in ("kubernetes-backup.service", "kubernetes-backup.timer"):
        (tmp_path / name).write_text(template("backup", name + ".j2"))
    for name in ("kubernetes-backup.service", "kubernetes-backup.timer"):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(tmp_path / name)], capture_output=True, text=True)
        complaints = [line for line in done.stderr.splitlines() if "kubernetes-backup" in line]
        assert complaints == []


def archive(name: str, taken: float, where: str = "host", kind: str = "etcd") -> Dict[str, Any]:
    return {"name": name, "taken": taken, "where": where, "kind": kind, "path": "/b/" + name, "host": "x", "size": 1}


def chosen(expression_text: str, host: str, found: Dict[str, List[Dict[str, Any]]], **given: Any) -> Any:
    hosts = {name: {"restore_found": {"archives": archives, "unfinished": {}}} for name, archives in found.items()}
    context = {
        "inventory_hostname": host,
        "hostvars": hosts,
        "groups": {"control_plane": ["cp1", "cp2"]},
        "ansible_play_hosts": list(hosts),
        "ansible_play_hosts_all": list(hosts),
        "topology": {"plan": {"restore": {"members": {"cp1": "cp1"}, "new": []}}},
        "restore_found": hosts[host]["restore_found"],
    }
    return expression("restore", expression_text, **{**role_variables("restore"), **context, **given})


def test_the_newest_is_chosen_from_the_storage_rather_than_from_a_host() -> None:
    found = {"cp1": [archive("old", 1.0), archive("new", 2.0)], "cp2": [archive("new", 2.0, "storage")]}
    assert chosen("{{ _restore_name }} {{ _restore_where }} {{ _restore_source }}|", "cp1", found) == "new storage |"


def test_the_host_that_has_it_takes_its_own_and_the_others_get_it_brought() -> None:
    found = {"cp1": [archive("new", 2.0)], "cp2": [archive("old", 1.0)]}
    assert chosen("{{ _restore_source }}", "cp1", found) == "/b/new"
    assert chosen("{{ _restore_source }}", "cp2", found) == "/var/lib/baremetal-kubernetes/restore/incoming/new"


def test_a_name_is_found_and_a_path_needs_no_host_and_nothing_is_nothing() -> None:
    found = {"cp1": [archive("new", 2.0)], "cp2": [archive("old", 1.0)]}
    assert chosen("{{ _restore_name }}", "cp1", found, restore_from="old") == "old"
    assert chosen("{{ _restore_name }} {{ _restore_where }}", "cp1", found, restore_from="./x/mine") == "mine controller"
    assert chosen("{{ _restore_name }}{{ _restore_where }}", "cp1", found, restore_from="missing") == "nowhere"
    assert chosen("{{ _restore_name }}{{ _restore_where }}", "cp1", {"cp1": []}) == "nowhere"


def test_with_external_etcd_a_control_plane_takes_one_with_keys() -> None:
    found = {"etcd1": [archive("data", 2.0)], "cp1": [archive("keys", 1.0, kind="files")]}
    for host, name in (("etcd1", "data"), ("cp1", "keys")):
        assert chosen("{{ _restore_name }}", host, found, cluster_etcd_mode="external") == name
