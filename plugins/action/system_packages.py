# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has the host's package manager install packages, and puts into words why it did not."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ansible.plugins.action import ActionBase
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.installing import locked, refusal, silent
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import mapping, text

ARGUMENTS: Dict[str, Any] = {
    "names": {"type": "list", "elements": "str", "required": True},
    "apt": {"type": "dict", "default": {}},
    "dnf": {"type": "dict", "default": {}},
    "lock_timeout": {"type": "int", "default": 300},
}
#: Family of systems, as node_facts has it -> what installs there.
MANAGERS = {"debian": "apt", "redhat": "dnf"}
FACTS = "baremetal.kubernetes.node_facts"


class ActionModule(ActionBase):
    """C(apt) or C(dnf) with a patience that unattended upgrades need; of other systems, what C(package) takes."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: Any = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        _validated, arguments = self.validate_argument_spec(ARGUMENTS)
        facts = _node(variables) or self._read(variables)
        manager = MANAGERS.get(text(mapping(facts.get("os")).get("family")), "package")
        wanted = {"name": arguments["names"], "state": "present"}
        if manager != "package":
            wanted = {**wanted, "lock_timeout": arguments["lock_timeout"], **arguments[manager]}
        result = self._install("ansible.builtin." + manager, wanted, variables)
        if result.get("failed") and not result.get("unreachable"):
            # From ansible-core 2.19 on it would be shown in the place of the message.
            result.pop("exception", None)
            if silent(result):
                result["stderr"] = self._update(variables)
            busy = self._busy(variables) if locked(result) else ""
            result["msg"] = refusal(str(variables.get("inventory_hostname") or "this host"), arguments["names"], result, busy)
        return result

    def _install(self, manager: str, wanted: Mapping[str, Any], variables: Dict[str, Any]) -> Dict[str, Any]:
        """The result of the module, or of the action that chooses among several (dnf's)."""
        if manager == "ansible.builtin.apt":
            return dict(self._execute_module(module_name=manager, module_args=dict(wanted), task_vars=variables))
        task = self._task.copy()
        task.args = dict(wanted)
        action = self._shared_loader_obj.action_loader.get(
            manager,
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        return dict(action.run(task_vars=variables))

    def _update(self, variables: Dict[str, Any]) -> str:
        """What apt itself says of its repositories, of which its Python binding tells nothing."""
        argv = ["timeout", "60", "apt-get", "update", "--option", "Acquire::Retries=0", "--option", "Acquire::http::Timeout=10"]
        answer = self._execute_module(module_name="ansible.builtin.command", module_args={"argv": argv}, task_vars=variables)
        return "%s\n%s" % (text(answer.get("stdout")), text(answer.get("stderr")))

    def _busy(self, variables: Dict[str, Any]) -> str:
        """The program that holds a package manager's lock on the host now; empty where none does, or nobody can say."""
        return text(self._read(variables).get("package_manager"))

    def _read(self, variables: Dict[str, Any]) -> Mapping[str, Any]:
        """The host's facts as they are now; empty where they can't be read."""
        return _node(self._execute_module(module_name=FACTS, module_args={}, task_vars=variables))


def _node(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(mapping(holder.get("ansible_facts")).get("kubernetes_node"))
