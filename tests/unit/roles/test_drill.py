"""The role drill as a whole, by ansible-playbook, with a real TLS server for an API and stand-ins for the two modules of the nodes.

The stand-in of a fault makes the server fall silent; what the drill measures, writes and reports is real.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
from typing import Any, Dict, Iterator, List

import pytest
from api_server import Cluster, kubeconfig, make_authority
from playbook_run import run_playbook
from stand_ins import collection_with

ROOT = pathlib.Path(__file__).resolve().parents[3]
PLAYBOOK = """
- name: See what runs where
  hosts: control_plane
  gather_facts: false
  tasks:
    - name: See
      ansible.builtin.import_role:
        name: baremetal.kubernetes.drill
        tasks_from: look.yml
- name: Hold the drill
  hosts: cp1
  gather_facts: false
  tasks:
    - name: Hold the drill
      ansible.builtin.import_role:
        name: baremetal.kubernetes.drill
"""
BEHAVIOUR = """
def behave(host, given, check_mode, result):
    def there(name):
        return os.path.exists(os.path.join(FOLDER, str(name)))

    if NAME == "cluster_health":
        if there("sick") and there(given["timeout"]):
            result.update(failed=True, msg="etcd: 2 of 3 members healthy")
        return
    dead = os.path.join(FOLDER, "dead")
    with open(os.path.join(FOLDER, "calls"), "a") as stream:
        stream.write(json.dumps(given) + "\\n")
    if given["state"] == "look":
        result["seen"] = dict(held_addresses=["192.0.2.100"], services=["haproxy", "keepalived"], can_isolate=True, left=None,
                              static_pods=["etcd", "kube-apiserver"], etcd_leader=False)
        return
    result["changed"] = True
    if given["state"] == "injected":
        if there("can not kill"):
            result.update(failed=True, msg="it is not to be killed")
        else:
            open(dead, "w").close()
    elif there("dead"):
        os.remove(dead)
"""


class Drill:
    """An inventory, and the server."""

    def __init__(self, folder: pathlib.Path, collections: pathlib.Path, server: Cluster, authority: pathlib.Path) -> None:
        self.folder = folder
        self.collections = collections
        self.server = server
        server.dead = (folder / "dead").exists
        hosts = {name: {"ansible_connection": "local"} for name in ("cp1", "cp2", "cp3")}
        nodes = {name: {"name": name, "roles": ["control_plane"]} for name in hosts}
        variables = {
            "cluster_name": "c1",
            "cluster_vip": "192.0.2.100",
            "cluster_kubeconfig": kubeconfig(authority, server.server_port),
            "topology": {"plan": {"nodes": nodes, "endpoint": "127.0.0.1:%d" % server.server_port}},
            "drill_confirm": "c1",
            "drill_report_directory": str(folder / "reports"),
            "drill_fault_seconds": 5,
            "drill_settle_seconds": 3,
            "drill_heal_timeout": 301,
            "drill_limits": {"outage_seconds": 60},
        }
        inventory = {"all": {"vars": variables, "children": {"control_plane": {"hosts": hosts}}}}
        (folder / "hosts.json").write_text(json.dumps(inventory))
        (folder / "play.yml").write_text(PLAYBOOK)

    def run(self, *arguments: str, **variables: Any) -> "subprocess.CompletedProcess[str]":
        return run_playbook(
            self.folder / "play.yml",
            *("-i", str(self.folder / "hosts.json"), "-e", json.dumps(variables), *arguments),
            cwd=self.folder,
            ANSIBLE_COLLECTIONS_PATH=self.collections,
            STAND_IN_FOLDER=self.folder,
            ANSIBLE_ALLOW_EMBEDDED_TEMPLATES="false",
            ANSIBLE_ASYNC_DIR=self.folder / "async",
        )

    def mark(self, name: str) -> None:
        (self.folder / name).write_text("")

    def calls(self, state: str) -> List[Dict[str, Any]]:
        known = map(json.loads, (self.folder / "calls").read_text().splitlines())
        return [call for call in known if call["state"] == state]

    def report(self) -> Dict[str, Any]:
        (path,) = (self.folder / "reports").glob("*/report.json")
        assert path.with_name("report.html").exists()
        data: Dict[str, Any] = json.loads(path.read_text())
        return data


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return make_authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return collection_with(tmp_path_factory.mktemp("collections"), ("drill_fault", "cluster_health"), BEHAVIOUR)


@pytest.fixture
def drill(tmp_path: pathlib.Path, collections: pathlib.Path, authority: pathlib.Path) -> Iterator[Drill]:
    server = Cluster(authority)
    yield Drill(tmp_path, collections, server, authority)
    server.die()


def test_a_fault_is_done_and_undone_and_what_users_noticed_is_reported(drill: Drill) -> None:
    run = drill.run(drill_faults=["vip_holder"])
    assert run.returncode == 0, run.stdout + run.stderr
    report = drill.report()
    (fault,) = report["faults"]
    assert (fault["fault"], fault["hosts"]) == ("vip_holder", ["cp1"])
    assert fault["outage"]["longest"] >= 3 and fault["probes"]["failed"] > 10 and fault["heal_seconds"] is not None
    assert report["passed"] and report["keys"]["acknowledged"] > 0 and report["keys"]["lost"] == []
    (killed,) = drill.calls("injected")
    assert killed["services"] == ["keepalived"] and killed["addresses"] == ["192.0.2.100"]
    assert len(drill.calls("restored")) == 1 and not (drill.folder / "dead").exists() and drill.server.objects == {}


def test_an_outage_over_the_limit_fails_the_playbook_with_the_figure(drill: Drill) -> None:
    run = drill.run(drill_faults=["vip_holder"], drill_limits={"outage_seconds": 1})
    assert run.returncode != 0 and "OVER THE LIMIT: longest outage of the endpoint" in run.stdout
    assert not drill.report()["passed"] and drill.server.objects == {}


def test_a_cluster_that_does_not_heal_stops_the_drill_restored_and_with_the_reason(drill: Drill) -> None:
    drill.mark("sick")
    drill.mark("301")
    run = drill.run(drill_faults=["vip_holder", "load_balancer"])
    assert run.returncode != 0
    report = drill.report()
    assert [fault["fault"] for fault in report["faults"]] == ["vip_holder"]
    assert "etcd: 2 of 3 members healthy" in report["stopped"][0]
    assert len(drill.calls("restored")) == 1 and not (drill.folder / "dead").exists() and drill.server.objects == {}


def test_a_fault_that_fails_is_restored_all_the_same_and_ends_the_drill(drill: Drill) -> None:
    drill.mark("can not kill")
    assert drill.run(drill_faults=["vip_holder", "load_balancer"]).returncode != 0
    assert "it is not to be killed" in drill.report()["stopped"][0]
    assert len(drill.calls("injected")) == 1 and len(drill.calls("restored")) == 1 and drill.server.objects == {}


def test_a_host_loses_its_power_by_the_users_command_and_gets_it_back(drill: Drill) -> None:
    def command(text: str) -> List[str]:
        return ["sh", "-c", text % {"folder": drill.folder}, "{{ inventory_hostname }}"]

    power = {
        "drill_power_off_command": command(
            'echo "off $0" >> %(folder)s/power; cp %(folder)s/reports/powered-off.json %(folder)s/seen'
        ),
        "drill_power_on_command": command('echo "on $0" >> %(folder)s/power'),
    }
    run = drill.run(drill_faults=["vip_holder"], **power)
    assert run.returncode == 0, run.stdout + run.stderr
    assert (drill.folder / "power").read_text() == "off cp1\non cp1\n"
    assert list(json.loads((drill.folder / "seen").read_text())) == ["cp1"]
    assert not (drill.folder / "reports" / "powered-off.json").exists() and not drill.calls("injected")


def test_check_mode_kills_nothing_and_writes_nothing(drill: Drill) -> None:
    run = drill.run("--check", drill_confirm="")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "SIGKILL to keepalived" in run.stdout and "director: left out" in run.stdout
    assert not drill.calls("injected") and not (drill.folder / "reports").exists()


@pytest.mark.parametrize(("mark", "wrong", "words"), [("", "c2", "drill_confirm=c1"), ("sick", "c1", "2 of 3 members healthy")])
def test_without_the_name_or_on_a_sick_cluster_nothing_is_killed(drill: Drill, mark: str, wrong: str, words: str) -> None:
    if mark:
        drill.mark(mark)
        drill.mark("30")
    run = drill.run(drill_confirm=wrong)
    assert run.returncode != 0 and words in run.stdout
    assert not drill.calls("injected") and not (drill.folder / "reports").exists()
