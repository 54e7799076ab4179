# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
from typing import Any, Dict

import pytest
import tomllib
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.harbor import harbor_settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.registries import (
    RegistryError,
    hosts_files,
    hosts_secrets,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.registry_server import server_state
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError

HASH = "$2b$05$" + "a" * 53
PLAIN = {"name": "images", "address": "192.0.2.5", "port": 5000}
TLS = {**PLAIN, "certificate": "/etc/ssl/r.crt", "certificate_key": "/etc/ssl/r.key"}


def test_credentials_are_in_no_content_and_only_root_reads_the_file() -> None:
    registries = [{"name": "r.example.org", "server": "https://r.example.org", "username": "nodes", "password": "s3cret"}]
    (file,) = hosts_files(registries, "/certs.d")
    assert file == {"path": "/certs.d/r.example.org/hosts.toml", "mode": "0600"}
    parsed = tomllib.loads(hosts_secrets(registries, "/certs.d/")[file["path"]])
    assert parsed["header"]["Authorization"] == "Basic " + base64.b64encode(b"nodes:s3cret").decode()


def test_a_mirrors_credentials_are_the_mirrors_alone() -> None:
    mirror = {"url": "http://192.0.2.5:5000", "username": "a", "password": "b"}
    registries = [{"name": "docker.io", "server": "https://registry-1.docker.io", "mirrors": [mirror]}]
    parsed = tomllib.loads(hosts_secrets(registries, "/c")["/c/docker.io/hosts.toml"])
    assert "header" not in parsed and "Authorization" in parsed["host"]["http://192.0.2.5:5000"]["header"]


def test_without_credentials_a_file_is_as_it_was() -> None:
    registries = [{"name": "docker.io", "mirrors": [{"url": "http://192.0.2.5:5000"}]}, {"name": "gone.example", "state": "absent"}]
    assert hosts_secrets(registries, "/c") == {}
    assert [sorted(file) for file in hosts_files(registries, "/c")] == [["content", "path"], ["path", "state"]]


@pytest.mark.parametrize(
    "more",
    [
        {"username": "a"},
        {"password": "b"},
        {"username": "a:b", "password": "c"},
        {"username": "a", "password": "b", "header": {"authorization": "x"}},
    ],
)
def test_half_credentials_are_refused_without_being_shown(more: Dict[str, Any]) -> None:
    with pytest.raises(RegistryError) as caught:
        hosts_secrets([{"name": "r.example.org", "server": "https://r.example.org", **more}], "/c")
    assert "username" in str(caught.value) and "'c'" not in str(caught.value)


def test_a_registry_has_its_secrets_only_in_files_that_root_reads() -> None:
    server = {
        **TLS,
        "users": {"nodes": HASH},
        "proxy_url": "https://registry-1.docker.io",
        "proxy_username": "me",
        "proxy_password": "token",
    }
    state = server_state([server])
    assert "token" not in json.dumps(state["files"]) and HASH not in json.dumps(state["files"])
    assert {file["mode"] for file in state["files"] if file["path"] in state["secrets"]} == {"0600"}
    configuration = json.loads(state["secrets"]["/etc/kubernetes-registry/images.yml"])
    assert configuration["proxy"] == {"remoteurl": "https://registry-1.docker.io", "username": "me", "password": "token"}
    assert state["secrets"]["/etc/kubernetes-registry/images.htpasswd"] == "nodes:%s\n" % HASH
    (drop_in,) = [file["content"] for file in state["files"] if "LoadCredential" in file.get("content", "")]
    assert "LoadCredential=tls.key:/etc/ssl/r.key" in drop_in


def test_a_certificate_that_was_renewed_restarts_the_registry() -> None:
    service = server_state([TLS])["services"][0]
    assert {"/etc/ssl/r.crt", "/etc/ssl/r.key", "/etc/kubernetes-registry/images.yml"} <= set(service["restart_on"])


@pytest.mark.parametrize(("when", "state"), [("", "stopped"), ("Sun 03:00", "started")])
def test_garbage_is_collected_only_where_it_is_asked_for(when: str, state: str) -> None:
    made = server_state([{**PLAIN, "garbage_collect": when}])
    (timer,) = [service for service in made["services"] if service["name"] == "kubernetes-registry-garbage@images.timer"]
    assert (timer["state"], timer["enabled"]) == (state, bool(when))
    assert not [file for file in made["files"] if "--delete-untagged" in file.get("content", "")]


@pytest.mark.parametrize(
    ("servers", "words"),
    [
        ([PLAIN, {**PLAIN, "name": "other"}], "port 5000"),
        ([{**PLAIN, "name": "Images"}], "lower-case"),
        ([{**PLAIN, "address": ""}], "where to listen"),
        ([{**PLAIN, "users": {"a": HASH}}], "plain text"),
        ([{**TLS, "users": {"a": "secret"}}], "bcrypt"),
        ([{**PLAIN, "certificate": "/c"}], "belong together"),
        ([{**PLAIN, "proxy_url": "registry-1.docker.io"}], "https://HOST"),
        ([{**PLAIN, "proxy_url": "https://me:token@registry-1.docker.io"}], "proxy_username"),
        ([{**PLAIN, "proxy_url": "https://quay.io", "garbage_collect": "daily"}], "by itself"),
        ([{**PLAIN, "delete_untagged": True}], "garbage_collect"),
    ],
)
def test_what_could_not_work_is_refused(servers: Any, words: str) -> None:
    with pytest.raises(SettingError) as caught:
        server_state(servers)
    assert words in str(caught.value) and "token" not in str(caught.value) and "secret" not in str(caught.value)


HARBOR = {
    "hostname": "harbor.example.org",
    "certificate": "/c.crt",
    "certificate_key": "/c.key",
    "admin_password": "Long3nough",
    "database_password": "another-one",
    "data_volume": "/data",
}


def test_harbor_gets_our_settings_over_its_own_and_all_else_stays() -> None:
    made = harbor_settings({**HARBOR, "extra": {"proxy": {"http_proxy": "http://p:3128"}}})
    assert made["https"] == {"port": 443, "certificate": "/c.crt", "private_key": "/c.key"}
    assert made["database"] == {"password": "another-one"} and made["proxy"]["http_proxy"] == "http://p:3128"
    assert "_version" not in made and "jobservice" not in made


@pytest.mark.parametrize(
    ("change", "setting"),
    [
        ({"hostname": "localhost"}, "harbor_hostname"),
        ({"certificate_key": ""}, "harbor_certificate"),
        ({"admin_password": "Harbor12345"}, "harbor_admin_password"),
        ({"admin_password": "alllowercase1"}, "harbor_admin_password"),
        ({"database_password": "root123"}, "harbor_database_password"),
        ({"data_volume": "data"}, "harbor_data_volume"),
        ({"extra": {"htps": {}}}, "harbor_extra"),
    ],
)
def test_harbors_traps_are_refused_and_no_password_is_shown(change: Dict[str, Any], setting: str) -> None:
    with pytest.raises(SettingError) as caught:
        harbor_settings({**HARBOR, **change})
    assert caught.value.setting == setting
    assert not [value for value in change.values() if isinstance(value, str) and "pass" in setting and value in str(caught.value)]
