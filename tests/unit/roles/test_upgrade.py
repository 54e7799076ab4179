"""Playbooks upgrade and certificates as a whole, by ansible-playbook: the plans are real, what would touch a node is a stand-in.

The stand-ins keep a small cluster in a file, and note every call: a run that is ended somewhere is resumed from what it left.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
from typing import Any, Dict, List

import pytest
from playbook_run import run_playbook
from stand_ins import collection_with
from topology_data import Inventory

ROOT = pathlib.Path(__file__).resolve().parents[3]
OLD, NEW = "1.33.6", "1.33.7"
BEHAVIOUR = """
import fcntl


def behave(host, given, check_mode, result):
    path = os.path.join(FOLDER, "cluster.json")
    with open(os.path.join(FOLDER, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(path) as stream:
            cluster = json.load(stream)
        play(NAME, host, given, cluster, check_mode, result)
        if not check_mode:
            with open(path, "w") as stream:
                json.dump(cluster, stream)
            with open(os.path.join(FOLDER, "calls"), "a") as stream:
                stream.write(json.dumps([host, NAME, given.get("state", given.get("part", ""))]) + "\\n")


def play(name, host, given, cluster, check_mode, result):
    hashes = {"old": "sha256:" + "a" * 64, "new": "sha256:" + "b" * 64}
    node = cluster["nodes"].get(host, {})
    if name == "node_facts":
        result["ansible_facts"] = {"kubernetes_node": dict(node["facts"], certificates=node["certificates"])}
        for pod in result["ansible_facts"]["kubernetes_node"]["static_pods"]:
            if pod["name"] != "etcd":
                pod["image"] = "registry.k8s.io/%s:v%s" % (pod["name"], node["static"])
    elif name == "upgrade_info":
        seen = {key: {"kubelet": "v" + one["kubelet"], "ready": True, "cordoned_by": one["mark"]}
                for key, one in cluster["nodes"].items()}
        version = "v" + cluster["config"]
        result["cluster"] = dict(
            config_version=version, proxy_version=version, nodes=seen, removed_apis=[], local_volumes=cluster.get("volumes", [])
        )
    elif name == "kubeadm_config":
        result.update(path=given["path"], difference=[], flags=[])
        if given["compare"] and given["kubernetes_version"] != cluster["config"]:
            result.update(failed=True, msg="kubeadm-config would get a version that the cluster does not run yet")
    elif name == "kubeadm_upgrade":
        state, version = given["state"], given.get("kubernetes_version")
        result["changed"] = state in ("applied", "upgraded", "kubelet")
        if cluster.get("fails") == [host, state]:
            cluster["fails"] = None
            result.update(failed=True, msg="ended here")
        elif not check_mode:
            if state in ("applied", "upgraded") and "static" in node:
                node["static"] = version
            if state == "applied":
                cluster["config"] = version
            if state == "kubelet":
                node["kubelet"] = version
    elif name == "node_drain":
        one = cluster["nodes"][given["name"]]
        closes = given["state"] == "drained"
        result["changed"] = (one["mark"] == "") if closes else one["mark"] == given["operation"]
        if not check_mode:
            one["mark"] = given["operation"] if closes else ""
    elif name == "os_updates":
        packages = node.get("packages", [])
        result.update(packages=packages, reboot="", pending=bool(packages))
        if given["state"] == "installed":
            result.update(changed=bool(packages), pending=False)
            if cluster.get("fails") == [host, "installed"]:
                cluster["fails"] = None
                result.update(failed=True, msg="ended here")
            elif not check_mode:
                node["packages"] = []
    elif name == "node_authorities":
        state, seen = given["state"], node["facts"]["cluster"]
        known = {"trusted": ["old", "new"], "signed": ["new", "old"], "alone": ["new"]}
        if state == "made":
            result.update(material={"ca": ["NEW", "key"]}, old_certificate="OLD", new_certificate="NEW", steps=[])
        elif state == "held" and given["material"] != {"ca": ["NEW", "key"]}:
            result.update(failed=True, msg="no material")
        elif state == "held":
            seen["rotation"] = {"replaced": hashes["old"], "has_new": True}
        elif state == "ended":
            seen["rotation"] = {"replaced": None, "has_new": False}
        elif (given["old_certificate"], given["new_certificate"]) != ("OLD", "NEW"):
            result.update(failed=True, msg="no certificates")
        elif cluster.get("fails") == [host, state]:
            cluster["fails"] = None
            result.update(failed=True, msg="ended here")
        elif given["part"] == "cluster":
            result.update(left_alone=["default/bare"], steps=[])
        else:
            order = [[hashes["old"]]] + [[hashes[one] for one in ids] for ids in known.values()]
            wanted = [hashes[one] for one in known[state]]
            result["changed"] = order.index(seen["ids"]) < order.index(wanted)
            seen["ids"] = max(seen["ids"], wanted, key=order.index)
            if given.get("bootstrap_token"):
                cluster.setdefault("asked", []).append(host)
    elif name == "node_certificates":
        due = [one for one in node["certificates"] if one["days_left"] < given["renew_before_days"]]
        if given["part"] == "kubelet":
            due = [one for one in due if "kubelet" in one["path"]]
            if due and given["bootstrap_token"] != "a.token":
                result.update(failed=True, msg="no token")
        else:
            cluster.setdefault("others", {})[host] = [server["address"] for server in given["api_servers"]]
            due = [one for one in due if "kubelet" not in one["path"]]
        result["changed"] = bool(due)
        for one in due if not check_mode else ():
            one["days_left"] = 364
    elif name == "kubeadm_token":
        result.update(changed=True, token="a.token")
    elif name == "etcd_snapshot":
        result.update(changed=True, path="/snapshots/before.db", snapshot={"revision": 7})
    elif name == "cluster_health":
        result.update(healthy=True, report=["ok"], checks=[], waited_for=[])
        closed = [key for key, one in cluster["nodes"].items() if one["mark"]]
        if given["dns"] and closed and cluster.get("tight"):
            result.update(failed=True, msg="pods wait for " + ", ".join(closed))
"""
MODULES = (
    *("node_facts", "upgrade_info", "kubeadm_config", "kubeadm_upgrade", "node_drain", "node_certificates", "kubeadm_token"),
    *("etcd_snapshot", "cluster_health", "host_state", "node_authorities", "os_updates"),
)


class Lab:
    """An inventory of local hosts, and the file that plays the cluster."""

    def __init__(self, folder: pathlib.Path, collections: pathlib.Path) -> None:
        self.folder = folder
        self.collections = collections
        settings = {
            "cluster_kubernetes_version": OLD,
            "cluster_vip": "10.89.79.100",
            "cluster_endpoint": "10.89.79.100:8443",
            "cluster_packages_source": "bundle",
            "cluster_kubeconfig": str(folder / "kubeconfig"),
        }
        known = Inventory(dict(settings), 3, 2).live("cp1", "cp2", "cp3", "worker1", "worker2")
        nodes = {}
        for name, entry in known.data["hosts"].items():
            facts = entry["facts"]
            facts.update(ca_certificate="", clock_ahead={"least": 0, "most": 0}, reading_seconds=0)
            if facts["static_pods"]:
                names = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
                facts["static_pods"] = [{"name": one, "image": ""} for one in names] + [
                    {"name": "etcd", "image": "r/etcd:3.5.24-0"}
                ]
            nodes[name] = {"facts": facts, "kubelet": OLD, "mark": "", "certificates": []}
            if facts["static_pods"]:
                nodes[name]["static"] = OLD
        self.write({"nodes": nodes, "config": OLD, "fails": None})
        groups: Dict[str, Any] = {"control_plane": {"hosts": {}}, "workers": {"hosts": {}}}
        for name, entry in known.data["hosts"].items():
            address = [one["address"] for one in entry["facts"]["addresses"] if one["interface"] == "eth0"][0]
            local = {"ansible_connection": "local", "ansible_host": address, "node_address": address}
            groups[entry["groups"][0]]["hosts"][name] = local
        (folder / "hosts.json").write_text(json.dumps({"all": {"vars": settings, "children": groups}}))
        for name in ("upgrade", "certificates", "upgrade_os"):
            (folder / (name + ".yml")).write_text("- ansible.builtin.import_playbook: baremetal.kubernetes.%s\n" % name)

    def write(self, cluster: Dict[str, Any]) -> None:
        (self.folder / "cluster.json").write_text(json.dumps(cluster))

    @property
    def cluster(self) -> Dict[str, Any]:
        data: Dict[str, Any] = json.loads((self.folder / "cluster.json").read_text())
        return data

    def run(self, name: str, *arguments: str, **variables: Any) -> "subprocess.CompletedProcess[str]":
        (self.folder / "calls").write_text("")
        words = ("-i", str(self.folder / "hosts.json"), "-e", json.dumps(variables), *arguments)
        places = {"ANSIBLE_COLLECTIONS_PATH": self.collections, "STAND_IN_FOLDER": self.folder}
        return run_playbook(self.folder / (name + ".yml"), *words, cwd=self.folder, **places)

    def calls(self, name: str) -> List[List[str]]:
        known = [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]
        return [[host, state] for host, module, state in known if module == name and state not in ("idle", "settled")]


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = collection_with(tmp_path_factory.mktemp("collections"), MODULES, BEHAVIOUR)
    for playbook in folder.rglob("playbooks/*.yml"):
        # What it brings comes from a file that only a control plane has.
        text = re.sub(r"\n    - name: Bring the kubeconfig to the controller\n(?:      .*\n|\n)*", "\n", playbook.read_text())
        playbook.write_text(text)
    return folder


@pytest.fixture
def lab(tmp_path: pathlib.Path, collections: pathlib.Path) -> Lab:
    return Lab(tmp_path, collections)


def good(run: "subprocess.CompletedProcess[str]") -> int:
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    return sum(map(int, re.findall(r"changed=(\d+)", run.stdout)))


def test_an_upgrade_goes_a_node_at_a_time_is_resumed_where_it_ended_and_has_then_nothing_to_do(lab: Lab) -> None:
    lab.write(dict(lab.cluster, fails=["cp2", "kubelet"]))
    ended = lab.run("upgrade", cluster_kubernetes_version=NEW)
    assert ended.returncode != 0 and "ended here" in ended.stdout
    first = ["applied", "kubelet"]
    assert lab.calls("kubeadm_upgrade")[:2] == [["cp1", "reconciled"], ["cp1", "applied"]]
    assert [state for host, state in lab.calls("kubeadm_upgrade") if host == "cp1"] == ["reconciled", *first]
    assert [host for host, _state in lab.calls("etcd_snapshot")] == ["cp1"]
    assert lab.cluster["nodes"]["cp2"]["mark"] == "upgrade" and lab.cluster["nodes"]["cp3"]["static"] == OLD

    good(lab.run("upgrade", cluster_kubernetes_version=NEW, upgrade_batch="50%"))
    steps = lab.calls("kubeadm_upgrade")
    assert [step for step in steps if step[1] != "addons"] == [
        [host, state] for host in ("cp2", "cp3", "worker1", "worker2") for state in ("upgraded", "kubelet")
    ]
    after = lab.cluster
    assert {one["kubelet"] for one in after["nodes"].values()} == {NEW} and after["config"] == NEW
    assert not [name for name, one in after["nodes"].items() if one["mark"]]
    assert good(lab.run("upgrade", cluster_kubernetes_version=NEW)) == 0


def test_check_mode_says_the_plan_and_touches_nothing(lab: Lab) -> None:
    before = lab.cluster
    run = lab.run("upgrade", "--check", "--diff", cluster_kubernetes_version=NEW)
    good(run)
    assert "cp1: kubeadm upgrade apply to 1.33.7" in run.stdout and "worker2: kubeadm upgrade node" in run.stdout
    assert lab.cluster == before


def test_what_can_not_be_is_refused_before_anything_is_touched(lab: Lab) -> None:
    run = lab.run("upgrade", cluster_kubernetes_version="1.35.7", upgrade_batch="many")
    assert run.returncode != 0
    assert "go through 1.34, 1.35" in run.stdout and "neither a number nor a share" in run.stdout
    assert lab.calls("kubeadm_upgrade") == [] and lab.calls("etcd_snapshot") == []


def certificate(path: str, days_left: int) -> Dict[str, Any]:
    dates = {"not_before": "2026-01-01T00:00:00Z", "not_after": "2027-01-01T00:00:00Z"}
    return dict({"path": path, "subject": "CN=x", "issuer": "CN=ca", "days_left": days_left, "ca": False, "sans": []}, **dates)


def test_what_is_due_is_renewed_where_it_is_due_and_then_nothing_is(lab: Lab) -> None:
    cluster = lab.cluster
    for name in ("cp1", "cp2", "cp3"):
        cluster["nodes"][name]["certificates"] = [certificate("/etc/kubernetes/pki/apiserver.crt", 1 if name != "cp3" else 300)]
    cluster["nodes"]["worker1"]["certificates"] = [certificate("/var/lib/kubelet/pki/kubelet-client-current.pem", -1)]
    lab.write(cluster)
    looked = lab.run("certificates", "--check")
    good(looked)
    assert "EXPIRED" in looked.stdout and "3 of 4 certificates are due" in looked.stdout and lab.cluster == cluster

    good(lab.run("certificates"))
    assert lab.calls("node_certificates") == [[name, "control_plane"] for name in ("cp1", "cp2", "cp3")] + [["worker1", "kubelet"]]
    assert lab.calls("kubeadm_token") == [["cp1", "present"], ["cp1", "absent"]]
    assert lab.cluster["others"]["cp2"] == ["10.89.79.11", "10.89.79.13"]
    assert all(one["days_left"] >= 300 for node in lab.cluster["nodes"].values() for one in node["certificates"])
    again = lab.run("certificates")
    assert good(again) == 0 and "0 of 4 certificates are due" in again.stdout


OLD_CA, NEW_CA = "sha256:" + "a" * 64, "sha256:" + "b" * 64
PLANES = ["cp1", "cp2", "cp3"]


def test_the_cas_are_replaced_phase_by_phase_and_a_run_that_ended_goes_on(lab: Lab) -> None:
    cluster = lab.cluster
    for node in cluster["nodes"].values():
        node["facts"]["cluster"].update(id=OLD_CA, ids=[OLD_CA], rotation={"replaced": None, "has_new": False})
    lab.write(dict(cluster, fails=["cp2", "signed"]))
    assert "the cluster's CA is " + OLD_CA in lab.run("certificates", "--check").stdout
    refused = lab.run("certificates", certificates_rotate_ca="true")
    assert refused.returncode != 0 and OLD_CA in refused.stdout and lab.calls("node_authorities") == []
    good(lab.run("certificates", "--check", certificates_rotate_ca=OLD_CA))
    assert lab.calls("node_authorities") == []

    good(lab.run("certificates", certificates_rotate_ca=OLD_CA, certificates_rotate_ca_until="trusted"))
    everybody = [[name, "trusted"] for name in (*PLANES, "worker1", "worker2")]
    calls = lab.calls("node_authorities")
    assert calls[0] == ["cp1", "made"] and sorted(calls[1:4]) == [[name, "held"] for name in PLANES]
    assert calls[4:] == [*everybody, ["cp1", "trusted"]]
    assert {tuple(node["facts"]["cluster"]["ids"]) for node in lab.cluster["nodes"].values()} == {(OLD_CA, NEW_CA)}

    ended = lab.run("certificates", certificates_rotate_ca=OLD_CA)
    assert ended.returncode != 0 and "ended here" in ended.stdout
    assert [call for call in lab.calls("node_authorities") if call[1] == "alone"] == []
    run = lab.run("certificates", certificates_rotate_ca=OLD_CA)
    good(run)
    assert "default/bare" in run.stdout
    # Kubelets ask once every control plane has the new CA, and one host alone asks first.
    signed = [host for host, state in lab.calls("node_authorities") if state == "signed"]
    assert signed[:4] == [*PLANES, "cp1"] and sorted(signed[4:8]) == ["cp2", "cp3", "worker1", "worker2"] and signed[8:] == ["cp1"]
    assert sorted(lab.cluster["asked"]) == [*PLANES, "worker1", "worker2"]
    assert sorted(host for host, state in lab.calls("node_authorities") if state == "ended") == PLANES
    assert {tuple(node["facts"]["cluster"]["ids"]) for node in lab.cluster["nodes"].values()} == {(NEW_CA,)}
    again = lab.run("certificates", certificates_rotate_ca=OLD_CA)
    assert good(again) == 0 and "its rotation has ended" in again.stdout


def test_the_operating_system_is_upgraded_where_it_has_to_be_and_a_run_that_ended_goes_on(lab: Lab) -> None:
    cluster = lab.cluster
    for name in ("cp1", "cp3", "worker1"):
        cluster["nodes"][name]["packages"] = ["linux-image-amd64 6.1.158-1"]
    # As on a cluster's only node: its pods have no other place.
    lab.write(dict(cluster, fails=["cp3", "installed"], volumes=["disk"], tight=True))
    refused = lab.run("upgrade_os")
    assert refused.returncode != 0 and "upgrade_os_volumes_saved" in refused.stdout and "disk" in refused.stdout
    assert lab.calls("node_drain") == [] and lab.calls("etcd_snapshot") == []
    ended = lab.run("upgrade_os", upgrade_os_volumes_saved=True)
    assert ended.returncode != 0 and "ended here" in ended.stdout
    assert [host for host, state in lab.calls("os_updates") if state == "installed"] == ["worker1", "cp1", "cp3"]
    assert len(lab.calls("etcd_snapshot")) == 1 and lab.cluster["nodes"]["cp3"]["mark"] == "upgrade_os"
    good(lab.run("upgrade_os", upgrade_os_volumes_saved=True))
    assert [host for host, state in lab.calls("os_updates") if state == "installed"] == ["cp3"]
    assert not [name for name, one in lab.cluster["nodes"].items() if one["mark"]]
    assert good(lab.run("upgrade_os", upgrade_os_volumes_saved=True)) == 0
    assert lab.calls("etcd_snapshot") == []
