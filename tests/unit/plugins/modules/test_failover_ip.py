"""The module as Ansible runs it, against the lab's providers over HTTP."""

from __future__ import annotations

import base64
import json
import pathlib
import threading
from typing import Any, Callable, Dict, Iterator, List, Set

import pytest
import yaml
from ansible_collections.baremetal.kubernetes.plugins.modules import failover_ip
from fake_providers import CASES, Case, FakeProvider, Reply, begin, hetzner_robot
from module_arguments import patch_module_args
from playbook_run import run_playbook

Run = Callable[..., Dict[str, Any]]


@pytest.fixture(name="case", params=sorted(CASES))
def _case(request: Any) -> Case:
    return CASES[request.param]


@pytest.fixture(name="server")
def _server(case: Case) -> Iterator[FakeProvider]:
    server = begin(case)
    yield server
    server.end()


@pytest.fixture(name="run")
def _run(case: Case, server: FakeProvider, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("HOME", "/nonexistent")

    def run(**options: Any) -> Dict[str, Any]:
        given = {
            "provider": case.name,
            "ip": case.address,
            "credentials": case.credentials,
            "base_url": server.url,
            "timeout": 5,
            "_ansible_diff": True,
            **options,
        }
        with patch_module_args({name: value for name, value in given.items() if value is not None}), pytest.raises(SystemExit):
            failover_ip.main()
        answer: Dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return run


def test_check_run_check_run(case: Case, server: FakeProvider, run: Run) -> None:
    would = run(target=case.b, _ansible_check_mode=True)
    assert would["changed"] and server.routes[case.key] == case.a
    did = run(target=case.b)
    assert did["changed"] and server.routes[case.key] == case.b
    assert (
        would["diff"]
        == did["diff"]
        == {
            "before": "%s goes to %s\n" % (case.address, case.a),
            "after": "%s goes to %s\n" % (case.address, case.b),
        }
    )
    for mode in (True, False):
        again = run(target=case.b, _ansible_check_mode=mode)
        assert not again["changed"] and again["diff"]["before"] == again["diff"]["after"]


def test_taken_off_and_asked_for(case: Case, server: FakeProvider, run: Run) -> None:
    assert run(state="query")["target"] == case.a
    off = run(state="unrouted")
    assert off["changed"] and off["target"] is None and "goes to nobody" in off["diff"]["after"]
    assert not run(state="unrouted")["changed"]
    asked = run(state="query")
    assert asked["target"] is None and not asked["changed"]


def test_a_refusal_has_its_three_parts(case: Case, server: FakeProvider, run: Run) -> None:
    said = run(ip="203.0.113.77", target=case.b)
    assert said["failed"] and said["subject"] == "ip" and said["problem"] and said["remedy"]
    assert "state is routed_to but all of the following are missing: target" in run()["msg"]


def test_without_credentials_it_says_where_they_could_be(case: Case, run: Run) -> None:
    said = run(target=case.b, credentials=None)
    assert said["failed"] and "write it in credentials, in the environment" in said["msg"]


def test_a_lock_is_waited_for_and_told(case: Case, server: FakeProvider, run: Run) -> None:
    server.fail(".", Reply(503))
    did = run(target=case.b)
    assert did["changed"] and "out of order" in did["steps"][0]
    server.fail(".", Reply(503), times=99)
    assert "tried" in run(target=case.a, timeout=2)["msg"]


def secrets_of(case: Case) -> Set[str]:
    kept = {value for name, value in case.credentials.items() if name not in ("endpoint", "zone", "user")}
    if case.name == "hetzner_robot":
        kept.add(base64.b64encode(("%s:%s" % (hetzner_robot.USER, hetzner_robot.PASSWORD)).encode()).decode())
        kept.add(json.dumps(hetzner_robot.PASSWORD)[1:-1])
    return kept


def command_lines() -> Set[bytes]:
    found = set()
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.add(path.read_bytes())
        except OSError:
            continue
    return found


FILES: Dict[str, str] = {
    "ovh": "[default]\nendpoint=ovh-eu\n[ovh-eu]\napplication_key={application_key}\n"
    "application_secret={application_secret}\nconsumer_key={consumer_key}\n",
    "hetzner_cloud": 'active_context = "c"\n[[contexts]]\n  name = "c"\n  token = "{token}"\n',
    "scaleway": "secret_key: {secret_key}\ndefault_zone: {zone}\n",
}
VARIABLES = {
    "application_key": "OVH_APPLICATION_KEY",
    "application_secret": "OVH_APPLICATION_SECRET",
    "consumer_key": "OVH_CONSUMER_KEY",
    "user": "HROBOT_API_USER",
    "password": "HROBOT_API_PASSWORD",
    "token": "HCLOUD_TOKEN",
    "secret_key": "SCW_SECRET_KEY",
    "zone": "SCW_DEFAULT_ZONE",
}


def played(tmp_path: pathlib.Path, tasks: List[Dict[str, Any]], environment: Dict[str, str]) -> str:
    """All that ansible-playbook says with -vvv and --diff."""
    play = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars_files": ["kept.yml"], "tasks": tasks}]
    (tmp_path / "kept.yml").write_text(yaml.safe_dump({"kept": {name: case.credentials for name, case in CASES.items()}}))
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play, sort_keys=False))
    run = run_playbook(tmp_path / "play.yml", "-vvv", "--diff", **environment)
    assert run.returncode == 0, (run.stdout + run.stderr)[-3000:]
    # One of each two moves the address: the credentials were good.
    assert run.stdout.count('"changed": true') == len(tasks) / 2
    return run.stdout + run.stderr


def test_credentials_are_in_no_output_no_process_list_and_no_diff(tmp_path: pathlib.Path) -> None:
    """By variable, file and environment, in success and in failure, with all that Ansible can be made to say."""
    servers = {name: begin(case, delay=0.3) for name, case in CASES.items()}
    tasks: List[Dict[str, Any]] = []
    by_environment: List[Dict[str, Any]] = []
    environment: Dict[str, str] = {}

    def add(where: List[Dict[str, Any]], case: Case, target: str, way: Dict[str, Any]) -> None:
        common = {"provider": case.name, "ip": case.address, "base_url": servers[case.name].url, "timeout": 20, **way}
        for change in ({"target": target}, {"target": target, "ip": "203.0.113.77"}):
            module = {"baremetal.kubernetes.failover_ip": {**common, **change}}
            where.append({"name": case.name, **module, "ignore_errors": True})

    for name, case in CASES.items():
        add(tasks, case, case.b, {"credentials": "{{ kept.%s }}" % name})
        if name in FILES:
            (tmp_path / name).write_text(FILES[name].format(**case.credentials))
            add(tasks, case, case.a, {"config_file": str(tmp_path / name)})
        # Of the controller itself. What a task's `environment` says is put on a command line by Ansible.
        environment.update({VARIABLES[key]: value for key, value in case.credentials.items() if key in VARIABLES})
        add(by_environment, case, case.b if name in FILES else case.a, {})
        # Answers that quote the credentials back at us.
        for secret in secrets_of(case):
            servers[name].fail(".", Reply(503, {"message": secret, "error": {"code": "x", "message": secret}}))
    seen: Set[bytes] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            seen.update(command_lines())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        said = played(tmp_path, tasks, {}) + played(tmp_path, by_environment, environment)
    finally:
        over.set()
        watcher.join()
        for server in servers.values():
            server.end()
    assert any(b"failover_ip" in line or b"ansible" in line for line in seen) and "********" in said
    for case in CASES.values():
        for secret in secrets_of(case):
            assert secret not in said, "%s is in the output" % case.name
            assert not [line for line in seen if secret.encode() in line], "%s is in a command line" % case.name
