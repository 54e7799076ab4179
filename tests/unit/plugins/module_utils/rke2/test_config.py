# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of config.yaml against RKE2's own reference, and the files that are made of settings."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest
import yaml
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2 import keys
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.config import (
    check_cni,
    check_keys,
    check_profile,
    check_storage,
    finished_state,
    release_name,
)
from conftest import ROOT

#: The names of flags in RKE2's sources at v1.36.4+rke2r1, which config.yaml takes.
REFERENCE = json.loads((ROOT / "tests" / "fixtures" / "rke2" / "keys.json").read_text())
GOOD = {"bool": True, "int": 3, "str": "a", "list": ["a"]}
WANTED: Dict[str, Any] = {
    "role": "server",
    "version": "1.36.3",
    "node_name": "cp1",
    "node_address": "192.0.2.11",
    "server": "",
    "sans": ["192.0.2.100", "cp1"],
    "pod_subnet": "10.244.0.0/16",
    "service_subnet": "10.96.0.0/16",
    "dns_domain": "cluster.local",
    "cni": ["canal"],
    "profile": "",
    "image_repository": "",
    "registries": {},
    "token": "the-token",
    "agent_token": "",
    "snapshot_schedule": "0 */12 * * *",
    "snapshot_retention": 5,
    "snapshot_storage": {},
    "added": {},
}
CONFIG = "/etc/rancher/rke2/config.yaml"


def config(**given: Any) -> Dict[str, Any]:
    state = finished_state(dict(WANTED, **given))
    texts = dict(state["secrets"], **{file["path"]: file["content"] for file in state["files"] if "content" in file})
    return dict(yaml.safe_load(texts[CONFIG]))


@pytest.mark.parametrize("role", ["server", "agent"])
def test_the_table_has_the_keys_of_the_reference_and_no_others(role: str) -> None:
    assert sorted(keys.keys_of(role)) == REFERENCE[role]


def test_every_key_that_k3s_has_and_rke2_has_not_is_refused_with_what_takes_its_place() -> None:
    # pause-image is K3s' and a key of RKE2's own.
    for key in set(REFERENCE["not_in_rke2"]) - set(REFERENCE["server"]):
        (fault,) = check_keys({key: "a"}, "server", 36)
        assert key in fault.problem and fault.remedy.startswith("write ")


@pytest.mark.parametrize("role", ["server", "agent"])
def test_every_key_of_the_reference_is_taken_or_named_with_the_setting_that_decides_it(role: str) -> None:
    for key in REFERENCE[role]:
        value = {"disable": ["rke2-coredns"], "ingress-controller": ["traefik"]}.get(key, GOOD[keys.keys_of(role)[key]])
        faults = list(check_keys({key: value}, role, 36))
        assert not faults or (len(faults) == 1 and "decided by the playbook" in faults[0].problem), (key, faults)
        assert bool(faults) == (key in keys.DECIDED or key.startswith(tuple(keys.DECIDED_PREFIXES))), key


@pytest.mark.parametrize(
    "added, said",
    [
        ({"etcd-snapshot-retension": 3}, "did you mean etcd-snapshot-retention"),
        ({"frobnicate": 3}, "RKE2 would skip it in silence"),
        ({"disable-kube-proxy": "maybe"}, "takes true or false"),
        ({"lb-server-port": "many"}, "takes a whole number"),
        ({"node-label": {"a": "b"}}, "takes a list of texts"),
        ({"ingress-controller": ["haproxy"]}, "none that RKE2 has"),
        ({"disable": ["rke2-ingress-nginx"]}, "not a component that this key knows"),
        ({"disable": ["coredns"]}, "no component coredns"),
        ({"token": "secret"}, "decided by the playbook"),
        ({"etcd-s3-bucket": "b"}, "decided by the playbook"),
    ],
)
def test_what_rke2_would_skip_or_misread_is_refused(added: Dict[str, Any], said: str) -> None:
    faults = list(check_keys(added, "server", 36))
    assert len(faults) == 1 and said in faults[0].problem


def test_a_key_of_servers_is_refused_for_agents_and_a_removed_value_by_its_version() -> None:
    (fault,) = check_keys({"kube-apiserver-arg": ["v=2"]}, "agent", 36)
    assert "one of servers" in fault.problem and "rke2_server_config" in fault.remedy
    assert not list(check_keys({"ingress-controller": "ingress-nginx"}, "server", 36))
    (fault,) = check_keys({"ingress-controller": "ingress-nginx"}, "server", 37)
    assert "removed with 1.37" in fault.problem and "traefik" in fault.remedy


def test_plugins_profiles_and_storage_are_those_that_there_are() -> None:
    good = (["canal"], "cilium", ["multus", "canal"], "multus,flannel", ["none"])
    assert not [fault for value in good for fault in check_cni(value)]
    for value in ([], ["multus"], ["canal", "cilium"], ["weave"], ["multus", "canal", "cilium"]):
        assert len(list(check_cni(value))) == 1, value
    assert [fault.problem for fault in check_profile("cis-1.23")] == ["profile cis-1.23 was removed with 1.30"]
    assert not list(check_profile("cis")) and not list(check_profile("")) and list(check_profile("pci"))
    storage = {"endpoint": "s3.example.org", "bucket": "b", "access_key": "a", "secret_key": "s"}
    assert not list(check_storage({})) and not list(check_storage(storage))
    assert len(list(check_storage(dict(storage, endpoint="https://s3.example.org", bukket="b", secret_key="")))) == 3


def test_the_first_server_has_no_server_key_and_others_join_at_the_supervisors_port() -> None:
    assert "server" not in config()
    assert config(server="192.0.2.100")["server"] == "https://192.0.2.100:9345"
    assert config(server="fd00::100")["server"] == "https://[fd00::100]:9345"


def test_a_servers_file_says_what_the_clusters_settings_say() -> None:
    made = config(pod_subnet="10.244.0.0/16, fd00::/56", service_subnet="10.96.0.0/16,fd01::/112", profile="cis")
    assert made["cluster-cidr"] == ["10.244.0.0/16", "fd00::/56"] and made["cluster-dns"] == ["10.96.0.10", "fd01::a"]
    assert made["tls-san"] == ["192.0.2.100", "cp1"] and made["profile"] == "cis" and made["write-kubeconfig-mode"] == "0600"
    assert set(made) <= set(REFERENCE["server"])
    agent = config(role="agent", server="192.0.2.100", registries={"mirrors": {}}, profile="cis")
    assert set(agent) == {"node-ip", "node-name", "private-registry", "profile", "server", "token-file"}


@pytest.mark.parametrize("version, api", [("1.33.7", "v1beta1"), ("1.34.0", "v1"), ("1.36.3", "v1")])
def test_only_paths_of_health_are_open_to_everybody(version: str, api: str) -> None:
    files = {file["path"]: file.get("content") for file in finished_state(dict(WANTED, version=version))["files"]}
    allowed = yaml.safe_load(files["/etc/rancher/rke2/authentication.yaml"])
    assert allowed["apiVersion"] == "apiserver.config.k8s.io/" + api and set(allowed) == {"apiVersion", "kind", "anonymous"}
    assert [one["path"] for one in allowed["anonymous"]["conditions"]] == ["/livez", "/readyz", "/healthz"]
    assert config()["kube-apiserver-arg"] == ["authentication-config=/etc/rancher/rke2/authentication.yaml"]


def test_somebodys_own_authentication_stays() -> None:
    own = {"kube-apiserver-arg": ["authentication-config=/etc/mine.yaml"]}
    assert config(added=own)["kube-apiserver-arg"] == own["kube-apiserver-arg"]
    assert not [file for file in finished_state(dict(WANTED, added=own))["files"] if file["path"].endswith("authentication.yaml")]


def test_a_token_is_in_its_file_alone_and_keys_of_a_storage_make_the_config_a_secret() -> None:
    state = finished_state(dict(WANTED, agent_token="for-agents"))
    assert state["secrets"] == {"/etc/rancher/rke2/token": "the-token\n", "/etc/rancher/rke2/agent-token": "for-agents\n"}
    storage = {"endpoint": "s3.example.org", "bucket": "b", "access_key": "a", "secret_key": "s3cret", "prefix": ""}
    state = finished_state(dict(WANTED, snapshot_storage=storage))
    assert "s3cret" in state["secrets"][CONFIG] and "s3cret" not in str(state["files"])
    assert config(snapshot_storage=storage)["etcd-s3"] is True and "etcd-s3-folder" not in config(snapshot_storage=storage)


def test_the_role_refuses_what_the_playbook_would_have() -> None:
    with pytest.raises(SettingError, match="rke2_server_config"):
        finished_state(dict(WANTED, added={"flannel-backend": "vxlan"}))
    assert release_name("1.36.3", 2) == "v1.36.3+rke2r2"
