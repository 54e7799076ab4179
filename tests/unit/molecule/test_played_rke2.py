# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role rke2 writes, read by the program that plays RKE2 in Molecule's scenario: with every key that there is."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import pathlib
from typing import Any, Dict

import pytest
import yaml
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2 import keys
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.config import finished_state
from conftest import ROOT

VALUES = {"bool": True, "int": 3, "str": "a: text", "list": ["first=1", "two words"]}
CHOSEN = {"disable": ["rke2-coredns"], "ingress-controller": ["traefik"]}


@pytest.fixture
def played(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    loader = importlib.machinery.SourceFileLoader("played_rke2", str(ROOT / "molecule" / "rke2_ha" / "played" / "rke2.py"))
    specification = importlib.util.spec_from_loader("played_rke2", loader)
    assert specification is not None
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    loader.exec_module(module)
    monkeypatch.setattr(module, "ETC", str(tmp_path))
    monkeypatch.setattr(module, "KEYS", str(ROOT / "tests" / "fixtures" / "rke2" / "keys.json"))
    return module


def write(folder: pathlib.Path, role: str, added: Dict[str, Any]) -> Dict[str, Any]:
    state = finished_state(
        {
            "role": role,
            "version": "1.36.3",
            "node_name": "n1",
            "node_address": "192.0.2.11",
            "server": "192.0.2.100",
            "sans": ["192.0.2.100"],
            "pod_subnet": "10.244.0.0/16",
            "service_subnet": "10.96.0.0/16",
            "dns_domain": "cluster.local",
            "cni": ["multus", "canal"],
            "profile": "",
            "image_repository": "registry.example.org:5000",
            "registries": {"mirrors": {}},
            "token": "the-token",
            "agent_token": "for-agents",
            "snapshot_schedule": "0 */12 * * *",
            "snapshot_retention": 5,
            "snapshot_storage": {},
            "added": added,
        }
    )
    (folder / "token").write_text(state["secrets"]["/etc/rancher/rke2/token"])
    text = str(state["files"][-1]["content"]).replace("/etc/rancher/rke2", str(folder))
    (folder / "config.yaml").write_text(text)
    (folder / "config.yaml").chmod(0o600)
    return dict(yaml.safe_load(text))


@pytest.mark.parametrize("role", ["server", "agent"])
def test_a_config_with_every_key_of_the_reference_is_read_as_it_was_meant(role: str, played: Any, tmp_path: pathlib.Path) -> None:
    decided = set(keys.DECIDED) | {key for key in keys.SERVER if key.startswith(tuple(keys.DECIDED_PREFIXES))}
    added = {key: CHOSEN.get(key, VALUES[kind]) for key, kind in keys.keys_of(role).items() if key not in decided}
    written = write(tmp_path, role, added)
    assert len(written) > (60 if role == "agent" else 100)
    read = played.load_config(role)
    assert {key: read[key] for key in written} == written
    assert read["token"] == ("the-token" if role == "server" else "for-agents")


@pytest.mark.parametrize("line", ["frobnicate: 1\n", "debug:\n  - true\n", "tls-san: [a]\nnode-name\n"])
def test_the_played_rke2_takes_nothing_that_is_not_in_the_reference(line: str, played: Any, tmp_path: pathlib.Path) -> None:
    write(tmp_path, "server", {})
    with open(tmp_path / "config.yaml", "a") as stream:
        stream.write(line)
    with pytest.raises(SystemExit):
        played.load_config("server")
