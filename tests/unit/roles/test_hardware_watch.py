"""What role hardware_watch writes: settings that the program takes, a program that runs, units that systemd takes."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import sys
import zipfile
from typing import Any, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware import settings as places
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.settings import Settings, read_settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.smart import Device
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.thresholds import DEFAULTS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.program import PACKAGE, build, sources
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node_cleanup import traces
from ansible_collections.baremetal.kubernetes.plugins.modules import hardware_watch_program
from module_arguments import patch_module_args
from roles_render import ROOT, expression, role_variables, template
from yaml_files import read_yaml

ROLE = ROOT / "roles" / "hardware_watch"
ENTRY = PACKAGE + ".hardware.program"
OPTIONS = read_yaml(ROLE / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
PROGRAM = {"python": sys.executable, "path": "/bin/true"}


def settings(**given: Any) -> Settings:
    return read_settings(
        expression(
            "hardware_watch", "{{ _hardware_watch_settings | to_nice_json }}", **{**role_variables("hardware_watch"), **given}
        )
    )


def state(**given: Any) -> Dict[str, Any]:
    wanted = read_yaml(ROLE / "tasks" / "main.yml")[2]["baremetal.kubernetes.host_state"]
    own = {**role_variables("hardware_watch"), "group_names": ["control_plane"], "_hardware_watch_program": PROGRAM, **given}
    plain = dict(own, **{name: [dict(one, content="x") if "content" in one else one for one in value] for name, value in own.items()
                         if name.endswith("_files")})  # fmt: skip
    return {key: expression("hardware_watch", value, **plain) for key, value in wanted.items()}


def test_the_program_takes_what_the_role_writes_and_has_its_defaults() -> None:
    made = settings()
    assert made == Settings("cp1")
    assert set(read_yaml(ROLE / "vars" / "main.yml")["_hardware_watch_settings"]) == set(Settings._fields)


def test_what_a_person_sets_is_read_back_from_the_command_line_too() -> None:
    made = settings(
        hardware_watch_drain="true",
        hardware_watch_dry_run="false",
        hardware_watch_interval="60",
        hardware_watch_devices=[{"name": "/dev/sg0", "type": "cciss,1"}],
        hardware_watch_thresholds={"disk_temperature": {"warning": 50}},
    )
    assert (made.drain, made.dry_run, made.interval, made.devices) == (True, False, 60, (Device("/dev/sg0", "cciss,1"),))
    assert made.limits()["disk_temperature"].warning == 50


def test_the_documentation_has_every_threshold_with_its_default() -> None:
    documented = OPTIONS["hardware_watch_thresholds"]["options"]
    assert set(documented) == set(DEFAULTS)
    for name, limit in DEFAULTS.items():
        assert documented[name]["description"].endswith("{warning: %g, failing: %g}." % (limit.warning, limit.failing)), name


def test_every_default_stands_in_the_documentation_as_well() -> None:
    defaults = read_yaml(ROLE / "defaults" / "main.yml")
    assert {name: option.get("default") for name, option in OPTIONS.items()} == defaults


def test_only_a_control_plane_that_may_do_something_runs_the_second_timer() -> None:
    def timers(**given: Any) -> List[Any]:
        return [(one["name"], one["state"], one["enabled"]) for one in state(**given)["services"]]

    watch = ("kubernetes-hardware-watch.timer", "started", True)
    assert timers(group_names=["workers"], hardware_watch_cordon=True) == [watch]
    assert timers() == [watch, ("kubernetes-hardware-failover.timer", "stopped", False)]
    assert timers(hardware_watch_move_address="true") == [watch, ("kubernetes-hardware-failover.timer", "started", True)]


def test_what_was_ordered_is_taken_back_with_the_permission() -> None:
    def gone(**given: Any) -> List[str]:
        return [one["path"] for one in state(**given)["files"] if one.get("state") == "absent"]

    assert gone() == [places.UNFIT] and gone(hardware_watch_move_address=True) == []
    unfit = expression("keepalived", "{{ keepalived_unfit_files }}", hardware_watch_move_address="true", failover_ip_provider="")
    assert unfit == [places.UNFIT] and expression("keepalived", "{{ keepalived_unfit_files }}", failover_ip_provider="") == []


def test_the_roles_paths_are_the_programs() -> None:
    paths = [one["path"] for one in state()["files"]]
    assert places.PATH in paths and places.CONDITIONS in paths
    assert places.CONDITIONS in (ROLE / "vars" / "main.yml").read_text().split("tmpfiles.d")[1]


def test_packages_that_are_missing_are_installed_and_no_others() -> None:
    own = role_variables("hardware_watch")

    def missing(packages: Dict[str, Any]) -> Any:
        facts = {"kubernetes_node": {"packages": packages}}
        given = dict(own, hardware_watch_packages=["smartmontools", "rasdaemon"], ansible_facts=facts)
        return expression("hardware_watch", "{{ _hardware_watch_missing }}", **given)

    assert missing({"smartmontools": "7.3", "rasdaemon": None}) == ["rasdaemon"]
    assert missing({}) == ["smartmontools", "rasdaemon"]


def test_the_program_is_one_file_of_the_collections_own_modules(tmp_path: pathlib.Path) -> None:
    content = build(ENTRY)
    assert content == build(ENTRY)
    path = tmp_path / "hardware-watch.pyz"
    path.write_bytes(content)
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if "module_utils/" in name and not name.endswith("__init__.py"):
                assert archive.read(name).decode() == (ROOT / name.partition("kubernetes/")[2]).read_text(), name
    assert len(sources(ENTRY)) < 30 and not [name for name in sources(ENTRY) if ".topology" in name]
    # With nothing of the collection or of Ansible in sight.
    run = subprocess.run([sys.executable, "-I", "-S", str(path)], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 2 and run.stderr.startswith("usage: hardware-watch.pyz run | show | condition TYPE")
    run = subprocess.run([sys.executable, "-I", "-S", str(path), "condition", "NoSuchCondition"], capture_output=True, text=True)
    assert run.returncode == 2 and run.stdout == "there is no verdict of hardware_watch on this node\n"


def test_the_module_writes_the_program_once(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    def call(**more: Any) -> Dict[str, Any]:
        with patch_module_args({"path": str(tmp_path / "a" / "watch.pyz"), **more}), pytest.raises(SystemExit):
            hardware_watch_program.main()
        answer: Dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    assert call(_ansible_check_mode=True)["changed"] and not (tmp_path / "a").exists()
    assert call()["changed"] and (tmp_path / "a" / "watch.pyz").read_bytes() == build(ENTRY)
    assert not call()["changed"] and not call(_ansible_check_mode=True)["changed"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_units(tmp_path: pathlib.Path) -> None:
    for name in ("watch", "failover"):
        for kind in ("service", "timer"):
            unit = "kubernetes-hardware-%s.%s" % (name, kind)
            (tmp_path / unit).write_text(template("hardware_watch", unit + ".j2", _hardware_watch_program=PROGRAM))
    for path in sorted(tmp_path.iterdir()):
        run = subprocess.run(["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True)
        assert [line for line in run.stderr.splitlines() if "kubernetes-hardware" in line] == []


def test_a_node_that_is_reset_keeps_nothing_of_it() -> None:
    known = {path for _unit, path in traces.SERVICES} | set(traces.FILES) | set(traces.FOLDERS)
    kept = [
        one["path"] for one in state()["files"] if one["path"] not in known and not one["path"].startswith(tuple(traces.FOLDERS))
    ]
    assert kept == ["/var/lib/prometheus/node-exporter"], "metrics of others are there, too"
    assert "/usr/local/lib/baremetal-kubernetes/hardware-watch.pyz" in known and places.UNFIT in known and places.STATE in known
    assert all(unit in dict(traces.SERVICES) for unit in ("kubernetes-hardware-watch.timer", "kubernetes-hardware-failover.timer"))
    for unit in ("kubernetes-hardware-watch.timer", "kubernetes-hardware-failover.timer"):
        assert traces.OURS in template("hardware_watch", unit + ".j2")
