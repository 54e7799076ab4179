# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""topology_check through ansible-playbook: which variables it sees, and what it returns. No host is connected to."""

from __future__ import annotations

import json
import pathlib
from typing import Any, Callable, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.action import topology_check
from playbook_run import run_playbook
from topology_data import blank_facts

PLAYBOOK = """
- name: Check
  hosts: %(hosts)s
  gather_facts: false
  %(play)s
  tasks:
    - name: Play node_facts
      ansible.builtin.set_fact:
        node_state: "{{ played_state }}"
      when: played_state is defined
    - name: Check all hosts
      baremetal.kubernetes.topology_check:
        playbook: "%(playbook)s"
      register: topology
      run_once: true
      ignore_errors: true
    - name: Keep the result
      ansible.builtin.copy:
        dest: "{{ result_path }}"
        content: "{{ topology | to_json }}"
        mode: "0600"
      delegate_to: localhost
      run_once: true
      check_mode: false
"""

GROUP_VARIABLES = """
cluster_kubernetes_version: "1.33.6"
cluster_vip: 10.89.79.100
cluster_endpoint: "{{ cluster_vip }}:{{ cluster_load_balancer_port }}"
"""

WRONG = """
cluster_proxy_mode: none
cluster_pod_subnets: 10.1.0.0/16
cluster_dns_domain: "{{ nowhere }}"
cluster_node_mask: 26
"""


@pytest.fixture
def run(tmp_path: pathlib.Path) -> Callable[..., Dict[str, Any]]:
    """Write an inventory of three control planes and a worker, run the check, and return its result."""

    def check(
        variables: str = "", hosts: str = "control_plane:workers", play: str = "", playbook: str = "", **own: Any
    ) -> Dict[str, Any]:
        groups: Dict[str, Any] = {"control_plane": {}, "workers": {}}
        for position, host in enumerate(("cp1", "cp2", "cp3", "worker1")):
            address = "10.89.79.%d" % (11 + position)
            entry = {
                "ansible_connection": "local",
                "ansible_host": address,
                "node_address": "{{ ansible_host }}",
                "played_state": {"ansible_facts": {"kubernetes_node": blank_facts(address, position + 1)}},
            }
            entry.update(own.get(host, {}))
            groups["workers" if host == "worker1" else "control_plane"][host] = entry
        inventory = {"all": {"children": {group: {"hosts": members} for group, members in groups.items()}}}
        (tmp_path / "hosts.json").write_text(json.dumps(inventory))
        (tmp_path / "group_vars").mkdir()
        (tmp_path / "group_vars" / "all.yml").write_text(GROUP_VARIABLES + variables)
        (tmp_path / "play.yml").write_text(PLAYBOOK % {"hosts": hosts, "play": play, "playbook": playbook})
        done = run_playbook(tmp_path / "play.yml", "-i", str(tmp_path / "hosts.json"), "-e", "result_path=%s/result" % tmp_path)
        said = done.stdout + done.stderr
        assert (tmp_path / "result").exists(), said
        result: Dict[str, Any] = json.loads((tmp_path / "result").read_text())
        assert "errors" in result, said
        result["output"] = said
        return result

    return check


def test_settings_that_refer_to_each_other_and_to_defaults_are_resolved(run: Callable[..., Dict[str, Any]]) -> None:
    result = run(playbook="stacked_ha")
    assert result["errors"] == []
    assert result["failed"] is False
    assert result["plan"]["endpoint"] == "10.89.79.100:8443"
    assert result["plan"]["nodes"]["cp2"]["address"] == "10.89.79.12"
    assert result["msg"].splitlines()[0] == "cp1: kubeadm init (blank)"
    assert result["plan"]["kubeconfig"].endswith("/kubeconfig-kubernetes.cfg")
    assert {"name": "Make the first control plane", "hosts": ["cp1"]} in result["plan"]["phases"]


def test_variables_of_the_play_hold_for_all_hosts(run: Callable[..., Dict[str, Any]]) -> None:
    result = run(
        play="vars: {cluster_load_balancer_port: 9443, cluster_service_subnet: 10.112.0.0/16}",
        variables="cluster_service_subnet: 8.8.0.0/16",
    )
    assert result["errors"] == []
    assert result["plan"]["endpoint"] == "10.89.79.100:9443"


def test_the_play_may_run_on_the_controller_alone(run: Callable[..., Dict[str, Any]]) -> None:
    result = run(hosts="localhost")
    assert [error["problem"] for error in result["errors"]] == ["its state was not read in this run"]
    assert "cluster_endpoint" not in result["msg"]
    # A plan that may not be carried out is not shown, either.
    assert "plan" not in result


def test_everything_wrong_is_returned_as_data_and_as_text(run: Callable[..., Dict[str, Any]]) -> None:
    result = run(
        variables=WRONG,
        cp2={"played_state": {"unreachable": True, "msg": "Connection timed out"}},
        cp3={"played_state": {"failed": False, "msg": "No space left on device"}},
        worker1={"cluster_api_port": 7443},
    )
    found = {error["setting"]: error for error in result["errors"]}
    assert result["failed"] is True
    assert found["cluster_proxy_mode"]["remedy"] == "write disabled to have no kube-proxy"
    assert "did you mean cluster_pod_subnet?" in found["cluster_pod_subnets"]["problem"]
    assert "nowhere" in found["cluster_dns_domain"]["problem"]
    assert found["host cp2"]["hosts"] == ["cp2"]
    assert "No space left on device" in found["host cp3"]["problem"]
    assert found["cluster_api_port"]["hosts"] == ["worker1"]
    assert "no host was changed" in result["msg"]
    assert all(error["problem"] in result["msg"] for error in result["errors"])
    assert [caution["setting"] for caution in result["cautions"]] == ["cluster_node_mask"]
    assert "Traceback" not in result["output"]


def test_a_template_that_nobody_can_resolve_is_told_once_for_all_hosts(run: Callable[..., Dict[str, Any]]) -> None:
    result = run(
        variables="failover_ip_credentials: {token: '{{ vault_nowhere }}', secret_key: hunter2}\n"
        "cluster_dns_domain: '{{ nowhere }}'\n"
        # What only the role that reads it can know.
        "packages_bundle_path: '{{ packages_source }}'\nkeepalived_source: '{{ ansible_facts.nothing.here }}'"
    )
    found = {error["setting"]: error for error in result["errors"]}
    assert set(found) == {"failover_ip_credentials", "cluster_dns_domain"}
    for error, name in ((found["failover_ip_credentials"], "vault_nowhere"), (found["cluster_dns_domain"], "nowhere")):
        assert name in error["problem"]
        assert "define %s" % name in error["remedy"]
        assert error["hosts"] == ["cp1", "cp2", "cp3", "worker1"]
    assert "hunter2" not in result["output"]


def test_variables_that_nothing_reads_are_told(run: Callable[..., Dict[str, Any]]) -> None:
    result = run(variables="pod_cidr: 10.1.0.0/16\nkeepalived: {preempt: false}\nnode_address: [10.89.79.11]")
    assert {caution["setting"] for caution in result["cautions"]} == {"pod_cidr", "keepalived.preempt"}


@pytest.mark.parametrize(
    ("wanted", "own", "runs"),
    [
        (["all"], ["always"], True),
        (["etcd"], ["always"], False),
        (["always"], ["always"], False),
        (["tagged"], ["always"], False),
        (["untagged"], ["always"], True),
        # A playbook that imports ours with a tag of its own.
        (["cluster"], ["cluster", "always"], True),
        (["base"], ["cluster", "always"], False),
    ],
)
def test_a_run_whose_tags_leave_everything_out_is_told_so(wanted: List[str], own: List[str], runs: bool) -> None:
    assert (topology_check.deselected(wanted, own) == "") is runs


def test_files_of_an_existing_etcd_and_of_a_backup_are_read_on_the_controller(tmp_path: pathlib.Path) -> None:
    there, missing = str(tmp_path / "client.key"), str(tmp_path / "missing")
    pathlib.Path(there).write_text("-----BEGIN EC PRIVATE KEY-----")
    named = {"cluster_etcd_key_file": there, "cluster_etcd_ca_file": missing, "cluster_etcd_certificate_file": ""}
    (tmp_path / "backup.aes.json").write_text("{}")
    backup = str(tmp_path / "backup.aes")
    hosts = {"cp1": {"vars": {"restore_from": backup}}, "cp2": {"vars": {"restore_from": "a-name"}}}
    files = topology_check._files(named, hosts)
    assert files == {there: "-----BEGIN EC PRIVATE KEY-----", missing: "", backup: "", backup + ".json": "{}"}


def test_a_bundle_is_compared_with_what_the_hosts_need_of_it(run: Callable[..., Dict[str, Any]], tmp_path: pathlib.Path) -> None:
    (tmp_path / "bundle").mkdir()
    bundle = {"kubernetes_version": "1.33.6", "binaries": {"kubeadm": "0" * 64}, "sizes": {"bin/kubeadm": 1}}
    (tmp_path / "bundle" / "bundle.json").write_text(json.dumps(bundle))
    result = run(
        variables="cluster_packages_source: bundle\ncontainer_runtime_source: distribution\n"
        "offline_bundle: '{{ inventory_dir }}/bundle'",
        cp2={"played_state": {"unreachable": True, "msg": "Connection timed out"}},
    )
    found = [error["problem"] for error in result["errors"] if error["setting"] == "offline_bundle"]
    assert "image registry.k8s.io/etcd:3.5.24-0: not in the bundle" in found
    assert "package keepalived of debian-12: not in the bundle" in found
    assert "bin/kubeadm: bundle.json lists it, and there is no such file" in found
    assert {error["setting"] for error in result["errors"]} == {"offline_bundle", "host cp2"}
