"""Every inventory and every setting that a page shows is one that a person can copy: the plan takes it."""

from __future__ import annotations

import pathlib
import re
import shutil
from typing import Any, Dict, List, NamedTuple, Tuple

import pytest
import yaml
from conftest import ROOT
from documentation import PAGES, Block, read_page, role_settings
from inventory_plan import VAULT, plan_inventory

INVENTORIES = ROOT / "inventories"
TOPOLOGIES = sorted(path.name for path in INVENTORIES.iterdir() if path.name != "lab")
BLOCKS = [block for path in PAGES for block in read_page(path).blocks if block.language == "yaml"]
#: What a page calls a setting of each host, whose value is another one on each.
OF_EACH_HOST = ("failover_ip_target", "interconnect_address")


class Around(NamedTuple):
    """What an example is read with: the inventory that it is put into, further settings, and what the machines have."""

    topology: str = "stacked_ha"
    playbook: str = ""
    settings: Dict[str, Any] = {}
    addresses: List[Dict[str, Any]] = []
    #: A word of the one thing that the plan has to say against it.
    said: str = ""


#: The first words of an example -> its surroundings; without an entry it is put into inventories/stacked_ha as it is.
SURROUNDINGS: Dict[Tuple[str, str], Around] = {
    ("external_etcd", "cluster_etcd_mode"): Around(playbook="external_etcd"),
    ("hardware", "hardware_watch_cordon"): Around(settings={"hardware_watch_enabled": True, "node_problem_detector_enabled": True}),
    ("interconnect", "interconnect_type"): Around(playbook="interconnect"),
    ("metallb", "metallb_address_pools"): Around(
        settings={
            "failover_ip_provider": "ovh",
            "failover_ip_addresses": ["203.0.113.10", "203.0.113.11", "203.0.113.12"],
            "failover_ip_credentials": VAULT["vault_ovh_credentials"],
            "failover_ip_target": "ns1",
        }
    ),
    ("metallb", "metallb_return_routes"): Around(
        addresses=[{"interface": "eno2", "address": "203.0.113.9", "prefix": 29, "family": 4}]
    ),
    # The folder is one that the page's next step fills.
    ("offline", "offline_bundle"): Around(said="offline_bundle: "),
    ("volumes", "longhorn_enabled"): Around(
        settings={"snapshot_controller_enabled": True, "cluster_control_plane_schedulable": True}
    ),
}


def another(value: str, number: int) -> str:
    """A value of the same kind: its last number but a mask's is another one."""
    return re.sub(r"(?<![/\d])\d+(?=\D*(?:/\d+)?$)", str(number), value)


def around(block: Block) -> Around:
    first = next(iter(yaml.safe_load(block.text)))
    return SURROUNDINGS.get((pathlib.Path(block.page).stem, first), Around())


def problems_of(block: Block, folder: pathlib.Path) -> List[str]:
    example = yaml.safe_load(block.text)
    assert isinstance(example, dict), "%s is no mapping" % block
    inventory = folder / "inventory"
    if any("hosts" in (part or {}) for part in example.values() if isinstance(part, dict)):
        inventory.mkdir()
        (inventory / "hosts.yml").write_text(block.text)
        return plan_inventory(inventory, "").problems
    unknown = [setting for setting in example if setting not in {**role_settings(), "node_address": ""}]
    if unknown:
        return ["%s: no role has such a setting" % setting for setting in unknown]
    here = around(block)
    shutil.copytree(INVENTORIES / here.topology, inventory)
    settings = {**here.settings, **example}
    for setting, value in example.items():
        if setting.startswith("cluster_etcd_") and setting.endswith("_file"):
            path = pathlib.Path(value.replace("{{ inventory_dir }}", str(inventory)))
            path.parent.mkdir(exist_ok=True)
            path.write_text("-----BEGIN %s-----\n" % ("EC PRIVATE KEY" if "key" in setting else "CERTIFICATE"))
    hosts = yaml.safe_load((inventory / "hosts.yml").read_text())
    number = 10
    for group in hosts["all"]["children"].values():
        for host in (group["hosts"] or {}).values():
            number += 1
            host.update({setting: another(settings[setting], number) for setting in OF_EACH_HOST if setting in settings})
    (inventory / "hosts.yml").write_text(yaml.safe_dump(hosts))
    given = {setting: value for setting, value in settings.items() if setting not in OF_EACH_HOST}
    everybody = yaml.safe_load((inventory / "group_vars" / "all.yml").read_text())
    (inventory / "group_vars" / "all.yml").write_text(yaml.safe_dump({**everybody, **given}))
    problems = plan_inventory(inventory, here.playbook or here.topology, here.addresses).problems
    if here.said and len(problems) == 1 and here.said in problems[0]:
        return []
    return problems or ["the plan does not say: %s" % here.said] if here.said else problems


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_plan_takes_the_inventory_of_each_topology(topology: str) -> None:
    planned = plan_inventory(INVENTORIES / topology, topology)
    assert (planned.problems, planned.warnings) == ([], [])
    assert planned.summary


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_the_plan_takes_what_a_page_shows(block: Block, tmp_path: pathlib.Path) -> None:
    assert problems_of(block, tmp_path) == []


def test_an_example_that_the_plan_refuses_is_found(tmp_path: pathlib.Path) -> None:
    wrong = {
        "cluster_proxy_mode: none\n": "cluster_proxy_mode",
        "cluster_pod_subnets: 10.1.0.0/16\n": "no role has such a setting",
        "control_plane:\n  hosts:\n    cp1: {ansible_host: 192.0.2.11}\n    cp2: {ansible_host: 192.0.2.12}\n": "cluster_endpoint",
    }
    for number, (text, word) in enumerate(wrong.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert any(word in problem for problem in problems_of(Block("README.md", 1, "yaml", text), folder))
