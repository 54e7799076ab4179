"""Plans an inventory as playbook preflight does, in this process and with machines that answer as fresh ones would."""

from __future__ import annotations

import ipaddress
import pathlib
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence

from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager
from ansible_collections.baremetal.kubernetes.plugins.action.topology_check import ActionModule
from roles_render import ansible_collections
from topology_data import blank_facts

#: What the examples take from a vault.
VAULT = {
    "vault_alerts_webhook": "https://alerts.example.org/hook",
    "vault_ceph_fs_key": "AQBceph==",
    "vault_ceph_rbd_key": "AQBceph==",
    "vault_harbor_admin": "one of the vault",
    "vault_harbor_database": "another of the vault",
    "vault_hub_token": "dckr_pat_1",
    "vault_ovh_credentials": {
        "endpoint": "ovh-eu",
        "application_key": "k",
        "application_secret": "s",
        "consumer_key": "c",
    },
    "vault_hetzner_cloud_credentials": {"token": "t"},
    "vault_hetzner_robot_credentials": {"user": "u", "password": "p"},
    "vault_scaleway_credentials": {"secret_key": "s", "zone": "fr-par-2"},
    "vault_registry_password": "one of the vault",
}


class Planned(NamedTuple):
    problems: List[str]
    warnings: List[str]
    summary: str


def fresh_machine(address: str, number: int) -> Dict[str, Any]:
    """A server of 32 GB at that address, with a second card."""
    facts = blank_facts(address, number)
    network = ipaddress.ip_interface(address + "/24").network
    facts["routes"] = [
        {"destination": "default", "gateway": str(network[1]), "interface": "eth0", "source": None},
        {"destination": str(network), "gateway": None, "interface": "eth0", "source": address},
    ]
    facts["memory_mb"] = 32000
    facts["interfaces"] = {"lo": 65536, "eth0": 1500, "eno2": 1500}
    return facts


def plan_inventory(source: pathlib.Path, playbook: str, addresses: Sequence[Mapping[str, Any]] = ()) -> Planned:
    """What the check says of an inventory. ``addresses`` are what all its machines have beside their own."""
    with ansible_collections():
        loader = DataLoader()
        inventory = InventoryManager(loader=loader, sources=[str(source)])
        variables = VariableManager(loader=loader, inventory=inventory)
        for number, host in enumerate(inventory.get_hosts(), 1):
            own = variables.get_vars(host=host, include_hostvars=False)
            facts = fresh_machine(str(own["ansible_host"]), number)
            facts["addresses"] += addresses
            state = {"ansible_facts": {"kubernetes_node": facts}}
            variables.set_nonpersistent_facts(host.name, {"node_state": state, **VAULT})
        hostvars = HostVars(inventory=inventory, variable_manager=variables, loader=loader)
        first = inventory.get_hosts()[0]
        task_vars = {**variables.get_vars(host=first), "hostvars": hostvars, "groups": inventory.get_groups_dict()}
        action = ActionModule(None, None, None, loader, None, None)
        result = action.work({"playbook": playbook, "leaving": [], "two_members": False}, task_vars)
    return Planned(["%(setting)s: %(problem)s. %(remedy)s" % one for one in result["errors"]], result["warnings"], result["msg"])
