# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role zfs_backup writes: settings that the program takes, a program that runs, a configuration that sanoid reads."""

from __future__ import annotations

import configparser
import json
import pathlib
import shutil
import subprocess
import sys
from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.program import build, sources
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup import program
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup import settings as places
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.settings import Settings, Wanted, read_settings
from ansible_collections.baremetal.kubernetes.plugins.modules import zfs_backup_program, zfs_backup_restore
from module_arguments import patch_module_args
from roles_render import ROOT, expression, role_variables, template
from yaml_files import read_yaml

ROLE = ROOT / "roles" / "zfs_backup"
ENTRY = program.__name__
OPTIONS = read_yaml(ROLE / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
GIVEN = {
    "cluster_name": "lab",
    "zfs_backup_datasets": [{"name": "tank/volumes"}, {"name": "tank/etcd", "recursive": "false"}],
    "backup_storage": {"endpoint": "https://s3.example.com", "bucket": "b", "access_key": "a", "secret_key": "s"},
}


def rendered(text: str, **given: Any) -> Any:
    return expression("zfs_backup", text, **{**role_variables("zfs_backup"), **GIVEN, **given})


def test_the_program_takes_what_the_role_writes() -> None:
    text = rendered("{{ _zfs_backup_settings | to_nice_json }}")
    made = read_settings(text if isinstance(text, str) else json.dumps(text))
    assert (
        made.datasets == (Wanted("tank/volumes"), Wanted("tank/etcd", False)) and made.storage.endpoint == "https://s3.example.com"
    )
    assert (made.host, made.keep.daily, made.keep.weekly, made.part_mib, made.key_file) == ("cp1", 14, 8, 256, places.PASSPHRASE)
    assert set(read_yaml(ROLE / "vars" / "main.yml")["_zfs_backup_settings"]) | {"passphrase_file"} == set(
        Settings._fields
    )


def test_with_age_the_host_has_an_identity_only_where_it_is_given_one() -> None:
    age = {"backup_encryption": "age", "backup_age_recipients": ["age1x"]}
    assert rendered("{{ _zfs_backup_secrets }}", **age) == []
    assert rendered("{{ _zfs_backup_settings.age_identity_file }}", **age) == ""
    (secret,) = rendered("{{ _zfs_backup_secrets }}", zfs_backup_age_identity="AGE-SECRET-KEY-1", **age)
    assert (secret["path"], secret["mode"]) == (places.IDENTITY, "0600")
    assert rendered("{{ zfs_backup_packages }}", **age) == ["sanoid", "zstd", "age"]


def test_the_documentation_has_every_default() -> None:
    defaults = read_yaml(ROLE / "defaults" / "main.yml")
    assert set(OPTIONS) == set(defaults)
    for name, option in OPTIONS.items():
        assert "{{" in str(defaults[name]) or option.get("default") == defaults[name], name


def test_sanoid_is_told_each_dataset_and_how_many_snapshots_stay() -> None:
    made = configparser.ConfigParser()
    made.read_string(template("zfs_backup", "sanoid.conf.j2", **GIVEN, zfs_backup_snapshots={"hourly": 36, "monthly": 2}))
    assert made.sections() == ["tank/volumes", "tank/etcd", "template_baremetal_kubernetes"]
    assert (made["tank/volumes"]["recursive"], made["tank/etcd"]["recursive"]) == ("yes", "no")
    periods = ("frequently", "hourly", "daily", "weekly", "monthly", "yearly")
    counts = {name: made["template_baremetal_kubernetes"][name] for name in periods}
    assert counts == {"frequently": "0", "hourly": "36", "daily": "0", "weekly": "0", "monthly": "2", "yearly": "0"}


def test_the_program_is_one_file_of_the_collections_own_modules(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "zfs-backup.pyz"
    path.write_bytes(build(ENTRY))
    assert len(sources(ENTRY)) < 30 and not [name for name in sources(ENTRY) if ".topology" in name]
    # With nothing of the collection or of Ansible in sight.
    done = subprocess.run([sys.executable, "-I", "-S", str(path)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.startswith("usage: zfs-backup.pyz run | trial | list | check")


def test_the_module_installs_the_program_once_and_would_start_a_send_where_nothing_is_proven(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "PATH", str(tmp_path / "a" / "zfs-backup.pyz"))
    monkeypatch.setattr(zfs_backup_program, "STATE", str(tmp_path / "state"))

    def call(**more: Any) -> Dict[str, Any]:
        with patch_module_args(more), pytest.raises(SystemExit):
            zfs_backup_program.main()
        answer: Dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    assert call(_ansible_check_mode=True)["changed"] and not (tmp_path / "a").exists()
    assert call()["changed"] and (tmp_path / "a" / "zfs-backup.pyz").read_bytes() == build(ENTRY)
    assert not call()["changed"]
    would = call(_ansible_check_mode=True, run="unproven")
    assert would["changed"] and would["started"] and would["line"] == "would be started"
    assert "run the playbook zfs_backup" in call(run="unproven")["msg"], "there are no settings"


def test_a_restore_is_refused_by_its_words_before_anything_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    words = {
        "cluster_name": "lab",
        "host": "w1",
        "dataset": "tank/a@b",
        "target": "tank/b",
        "at": "soon",
        "storage": {"bucket": "b"},
    }
    with patch_module_args(words), pytest.raises(SystemExit):
        zfs_backup_restore.main()
    said = json.loads(capsys.readouterr().out)["msg"]
    for part in ("storage.endpoint: it is not set", "dataset: it is no name of a dataset", "at: 'soon' is no moment"):
        assert part in said


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_units(tmp_path: pathlib.Path) -> None:
    for name in ("kubernetes-zfs-backup", "kubernetes-zfs-backup-trial"):
        for kind in ("service", "timer"):
            unit = "%s.%s" % (name, kind)
            (tmp_path / unit).write_text(template("zfs_backup", unit + ".j2", zfs_backup_trial_schedule=""))
    for path in sorted(tmp_path.iterdir()):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True, check=False)
        assert [line for line in done.stderr.splitlines() if "kubernetes-zfs" in line] == []
