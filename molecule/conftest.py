"""Hosts of the scenario's inventory, reached over SSH as Ansible reaches them, and the playbook as a user runs it."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
from typing import Any, Dict, List

import pytest
import testinfra

ROOT = pathlib.Path(__file__).resolve().parents[1]
SCENARIO = os.environ.get("MOLECULE_SCENARIO_NAME", "stacked_ha")
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "baremetal-kubernetes-lab"
SSH = CACHE / "ssh"
INVENTORY = ROOT / "inventories" / "lab" / SCENARIO


class Cluster:
    """A scenario's nodes and settings as its inventory has them."""

    scenario = SCENARIO
    inventory = INVENTORY

    def __init__(self) -> None:
        listed = subprocess.run(
            ["ansible-inventory", "--inventory", str(INVENTORY), "--list"], check=True, capture_output=True, text=True, cwd=ROOT
        )
        inventory = json.loads(listed.stdout)
        self.variables: Dict[str, Dict[str, Any]] = inventory["_meta"]["hostvars"]
        self.control_planes: List[str] = inventory["control_plane"]["hosts"]
        self.workers: List[str] = inventory.get("workers", {}).get("hosts", [])
        #: Hosts of external etcd; none where it is stacked.
        self.etcd: List[str] = inventory.get("etcd", {}).get("hosts", [])
        self.nodes = self.control_planes + [name for name in self.workers if name not in self.control_planes]

    def setting(self, name: str) -> Any:
        """A setting of the inventory, as Ansible resolves it."""
        return self.variables[self.control_planes[0]].get(name)

    def address(self, name: str) -> str:
        return str(self.variables[name]["ansible_host"])

    def host(self, name: str) -> Any:
        # Not by testinfra's ansible backend: it does not resolve templates in an inventory.
        config = ROOT / ".build" / "lab-ssh-config"
        config.write_text("Host *\n User root\n IdentityFile %s/id_ed25519\n UserKnownHostsFile %s/known_hosts\n" % (SSH, SSH))
        return testinfra.get_host("ssh://%s?ssh_config=%s&controlpersist=60" % (self.address(name), config))

    def kubectl(self, arguments: str, node: str = "") -> Any:
        """kubectl on a control plane; JSON where the arguments ask for it."""
        host = self.host(node or self.control_planes[0])
        result = host.run("kubectl --kubeconfig /etc/kubernetes/admin.conf " + arguments)
        assert result.rc == 0, result.stderr
        return json.loads(result.stdout) if "-o json" in arguments and "jsonpath" not in arguments else result.stdout

    def etcdctl(self, arguments: str, node: str = "") -> str:
        """etcdctl in the pod of stacked etcd on a control plane, by default the first."""
        pki = "/etc/kubernetes/pki/etcd"
        files = "--cacert %s/ca.crt --cert %s/healthcheck-client.crt --key %s/healthcheck-client.key" % (pki, pki, pki)
        pod = "-n kube-system exec etcd-%s -- etcdctl --endpoints https://127.0.0.1:2379 " % (node or self.control_planes[0])
        return str(self.kubectl(pod + files + " " + arguments))

    def lab(self, *arguments: str) -> None:
        subprocess.run(["python", "tests/lab/lab.py", *arguments], cwd=ROOT, check=True)

    def playbook(self, name: str, *arguments: str) -> Dict[str, int]:
        """Run a playbook; the sums of its recap. What changed is printed, for a test that fails since something did."""
        run = self.run(name, *arguments)
        assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
        task = ""
        for line in run.stdout.splitlines():
            task = line.strip(" *") if line.startswith("TASK [") else task
            if line.startswith("changed: ["):
                print("%s: %s: %s" % (name, line, task))
        return {key: sum(map(int, re.findall(key + r"=(\d+)", run.stdout))) for key in ("ok", "changed", "failed", "unreachable")}

    def refusal(self, name: str, *arguments: str) -> str:
        """What a playbook says that refuses to do its work."""
        run = self.run(name, *arguments)
        assert run.returncode != 0, run.stdout[-3000:]
        return run.stdout + run.stderr

    def run(self, name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a playbook, whatever comes of it."""
        return subprocess.run(
            ["ansible-playbook", "--inventory", str(INVENTORY), "baremetal.kubernetes." + name, *arguments],
            cwd=ROOT,
            env=dict(os.environ, ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_FORCE_COLOR="0", ANSIBLE_NOCOLOR="1"),
            capture_output=True,
            text=True,
        )


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return Cluster()
