# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role zfs_backup writes: settings that the program takes, a program that runs, a configuration that sanoid reads."""

from __future__ import annotations

import configparser
import json
import pathlib
import subprocess
import sys
from typing import Any

import yaml
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.program import PACKAGE, build, sources
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup import settings as places
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.settings import Settings, Wanted, read_settings
from roles_render import ROOT, expression, role_variables, template

ROLE = ROOT / "roles" / "zfs_backup"
ENTRY = PACKAGE + ".zfs_backup.program"
OPTIONS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
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
    assert made.datasets[0] == Wanted("tank/volumes") and made.storage.endpoint == "https://s3.example.com"
    assert (made.host, made.keep.daily, made.keep.weekly, made.part_mib, made.key_file) == ("cp1", 14, 8, 256, places.PASSPHRASE)
    assert set(yaml.safe_load((ROLE / "vars" / "main.yml").read_text())["_zfs_backup_settings"]) | {"passphrase_file"} == set(
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
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    assert set(OPTIONS) == set(defaults)
    for name, option in OPTIONS.items():
        assert "{{" in str(defaults[name]) or option.get("default") == defaults[name], name


def test_sanoid_is_told_each_dataset_and_how_many_snapshots_stay() -> None:
    made = configparser.ConfigParser()
    made.read_string(template("zfs_backup", "sanoid.conf.j2", **GIVEN, zfs_backup_snapshots={"hourly": 36, "monthly": 2}))
    assert made.sections() == ["tank/volumes", "tank/etcd", "template_baremetal_kubernetes"]
    assert (made["tank/volumes"]["recursive"], made["tank/etcd"]["recursive"]) == ("yes", "no")
    counts = {name: made["template_baremetal_kubernetes"][name] for name in places_of_sanoid()}
    assert counts == {"frequently": "0", "hourly": "36", "daily": "0", "weekly": "0", "monthly": "2", "yearly": "0"}


def places_of_sanoid() -> Any:
    return ("frequently", "hourly", "daily", "weekly", "monthly", "yearly")


def test_the_program_is_one_file_that_runs_and_says_what_is_missing(tmp_path: pathlib.Path) -> None:
    program = tmp_path / "zfs-backup.pyz"
    program.write_bytes(build(ENTRY))
    assert len(sources(ENTRY)) < 40, "it takes along what it does not need"
    done = subprocess.run([sys.executable, "-I", "-B", str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.startswith("usage: ")
