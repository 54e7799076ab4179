"""What role failover_ip writes: settings that the agent takes, a program that runs, a unit that systemd takes, no secret."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
import subprocess
import sys
import zipfile
from typing import Any, Dict

import pytest
import yaml
from ansible.module_utils import basic
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.settings import Settings, parse
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.program import PACKAGE, build, sources
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.errors import ProviderError
from ansible_collections.baremetal.kubernetes.plugins.modules import failover_ip, failover_ip_agent
from module_arguments import patch_module_args
from playbook_run import run_playbook
from roles_render import ROOT, expression, template
from yaml_files import read_yaml

ROLE = ROOT / "roles" / "failover_ip"
ENTRY = PACKAGE + ".failover.main"
GIVEN: Dict[str, Any] = {
    "failover_ip_provider": "ovh",
    "failover_ip_addresses": ["203.0.113.10"],
    "failover_ip_target": "ns1.ip-198-51-100.eu",
    "failover_ip_credentials": {"application_key": "the-key", "application_secret": "the-secret", "consumer_key": "c"},
}


def settings(**given: Any) -> Settings:
    variables = read_yaml(ROLE / "vars" / "main.yml")["_failover_ip_settings"]
    written = {name: expression("failover_ip", value, **{**GIVEN, **given}) for name, value in variables.items()}
    return parse(json.dumps(written))


def test_the_agent_takes_what_the_role_writes() -> None:
    made = settings()
    assert (made.node, made.target, made.addresses) == ("cp1", "ns1.ip-198-51-100.eu", ["203.0.113.10"])
    assert made.held_addresses == ["203.0.113.10"] and made.dry_run is False and made.interval == 0.5
    # As text, which -e and INI inventories give.
    made = settings(failover_ip_dry_run="true", failover_ip_claim_seconds="5", failover_ip_target=41, cluster_api_port="6444")
    assert (made.dry_run, made.claim_seconds, made.target, made.api_port) == (True, 5, "41", 6444)


def test_every_setting_of_the_agent_is_written_and_has_the_roles_default() -> None:
    names = {entry.name for entry in dataclasses.fields(Settings)}
    assert set(read_yaml(ROLE / "vars" / "main.yml")["_failover_ip_settings"]) == names
    made, plain = settings(), Settings(node="cp1", provider="ovh", target="t", addresses=[])
    paths = ("held_addresses", "addresses", "target", "state_file", "fitness_file", "metrics_file")
    different = [name for name in names if getattr(made, name) != getattr(plain, name) and name not in paths]
    assert different == []


def test_a_lease_is_followed_by_the_nodes_name_and_keepalived_is_told_nothing() -> None:
    made = settings(failover_ip_follow="lease")
    assert (made.lease_namespace, made.lease_name, made.lease_identity) == ("kube-system", "plndr-cp-lock", "cp1")
    assert made.fitness_file == ""


@pytest.mark.parametrize(
    ("given", "subject"),
    [
        ({"failover_ip_addresses": []}, "addresses"),
        ({"failover_ip_target": ""}, "target"),
        ({"failover_ip_interval": "2"}, "interval"),
        ({"failover_ip_follow": "carrier"}, "follow"),
    ],
)
def test_the_agent_refuses_what_it_can_not_work_with(given: Dict[str, Any], subject: str) -> None:
    with pytest.raises(ProviderError) as refused:
        settings(**given)
    assert refused.value.subject == subject


def test_the_role_takes_the_credentials_that_the_module_takes() -> None:
    options = read_yaml(ROLE / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    assert set(options["failover_ip_credentials"]["options"]) == set(failover_ip.CREDENTIALS)
    assert options["failover_ip_provider"]["choices"] == ["", *failover_ip.ARGUMENTS["provider"]["choices"]]


def test_the_program_is_one_file_of_the_collections_own_modules(tmp_path: pathlib.Path) -> None:
    assert build(ENTRY) == build(ENTRY)
    path = tmp_path / "agent.pyz"
    path.write_bytes(build(ENTRY))
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        for name in names:
            if name.endswith(".py") and "module_utils/" in name and not name.endswith("__init__.py"):
                assert archive.read(name).decode() == (ROOT / name.partition("kubernetes/")[2]).read_text(), name
    assert "ansible_collections/baremetal/kubernetes/plugins/module_utils/providers/scaleway.py" in names
    assert len(sources(ENTRY)) < 30 and not [name for name in names if "topology" in name or "/runner" in name]
    # With nothing of the collection or of Ansible in sight.
    run = subprocess.run([sys.executable, "-I", "-S", str(path)], cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (2, "usage: failover-ip.pyz SETTINGS CREDENTIALS\n")


def test_the_program_says_what_is_wrong_and_quotes_no_secret(tmp_path: pathlib.Path) -> None:
    program, given, secret = tmp_path / "agent.pyz", tmp_path / "agent.json", tmp_path / "credentials.json"
    program.write_bytes(build(ENTRY))
    given.write_text(json.dumps(dataclasses.asdict(settings())))
    for content, word in (
        ('{"application_key": "the-key", "application_secret": "the-secret"}', "consumer_key: not given"),
        ('{"application_secret": "the-secret', "no JSON object"),
        (None, "No such file"),
    ):
        secret.unlink(missing_ok=True)
        if content is not None:
            secret.write_text(content)
        run = subprocess.run([sys.executable, "-I", str(program), str(given), str(secret)], capture_output=True, text=True)
        assert run.returncode == 2 and word in run.stderr, run.stderr
        assert "the-secret" not in run.stdout + run.stderr and "Traceback" not in run.stderr


def test_the_module_writes_the_program_once(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    def call(**more: Any) -> Dict[str, Any]:
        with patch_module_args({"path": str(tmp_path / "a" / "agent.pyz"), **more}), pytest.raises(SystemExit):
            failover_ip_agent.main()
        answer: Dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    assert call(_ansible_check_mode=True)["changed"] and not (tmp_path / "a").exists()
    made = call(_ansible_diff=True)
    assert made["changed"] and made["diff"] == {"before": "", "after": made["sha256"] + "\n"}
    assert (tmp_path / "a" / "agent.pyz").read_bytes() == build(ENTRY)
    assert (tmp_path / "a" / "agent.pyz").stat().st_mode & 0o777 == 0o755
    assert not call()["changed"] and not call(_ansible_check_mode=True)["changed"]
    (tmp_path / "a" / "agent.pyz").write_text("#!/bin/sh")
    assert call()["changed"]
    assert basic.AnsibleModule and made["python"].startswith("/")


def test_no_secret_is_in_the_unit_or_in_the_settings() -> None:
    unit = template(
        "failover_ip",
        "kubernetes-failover-ip.service.j2",
        _failover_ip_program={"python": "/usr/bin/python3", "path": "/p"},
        **GIVEN,
    )
    assert "the-secret" not in unit and "the-secret" not in json.dumps(dataclasses.asdict(settings()))
    tasks = read_yaml(ROLE / "tasks" / "main.yml")
    wanted = tasks[1]["baremetal.kubernetes.host_state"]
    (file,) = [file for file in wanted["files"] if "credentials" in file["path"]]
    assert file["mode"] == "0600" and "content" not in file and list(wanted["secrets"]) == [file["path"]]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_unit(tmp_path: pathlib.Path) -> None:
    program = {"python": sys.executable, "path": "/bin/true"}
    for metrics in ("/run/kubernetes-failover-ip/failover_ip.prom", "/var/lib/node_exporter/failover_ip.prom", ""):
        text = template(
            "failover_ip",
            "kubernetes-failover-ip.service.j2",
            _failover_ip_program=program,
            failover_ip_metrics_file=metrics,
            **GIVEN,
        )
        unit = tmp_path / "kubernetes-failover-ip.service"
        unit.write_text(text)
        run = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
        said = [line for line in run.stderr.splitlines() if "kubernetes-failover-ip" in line and "keepalived" not in line]
        assert said == [], said


def test_a_run_of_the_role_shows_no_credentials_however_much_it_says(tmp_path: pathlib.Path) -> None:
    """In check mode on this machine, which changes nothing here; and one file that is really written."""
    written = tmp_path / "credentials.json"
    file = {"path": str(written), "mode": "0600"}
    secret = "{{ failover_ip_credentials | to_nice_json }}"
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars_files": ["kept.yml"],
        "tasks": [
            {
                "name": "Write the credentials",
                "baremetal.kubernetes.host_state": {"files": [file], "secrets": {str(written): secret}},
                "check_mode": False,
            },
            {
                "name": "Run the agent",
                "ansible.builtin.import_role": {"name": "baremetal.kubernetes.failover_ip"},
                # Here may be no systemd.
                "ignore_errors": True,
            },
        ],
    }
    (tmp_path / "kept.yml").write_text(yaml.safe_dump(GIVEN))
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    run = run_playbook(tmp_path / "play.yml", "--check", "--diff", "-vvv")
    said = run.stdout + run.stderr
    assert run.returncode == 0, said[-3000:]
    assert json.loads(written.read_text()) == GIVEN["failover_ip_credentials"]
    assert "/etc/kubernetes-failover-ip/credentials.json" in said and "ns1.ip-198-51-100.eu" in said
    # The call of the module was shown, and the secrets in it were not.
    assert "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in said or "********" in said
    assert "the-secret" not in said and "the-key" not in said
