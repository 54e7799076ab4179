# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions that run on the controller alone, once for all hosts, have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Dict, Mapping, Optional

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import problem_of
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import FormError, check_form
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import mapping

#: node_facts' facts, as far as actions read them.
FACTS: Dict[str, Any] = {
    "certificates?": [{"path": str, "subject": str, "not_after": str, "days_left": int}],
    "static_pods?": [{"name?": str, "image?": str}],
    "packages?": {str: object},
    "kubeadm?": {"state?": str},
    "kubelet?": {"extra_arguments?": [str]},
    "cluster?": {"ids?": [str], "rotation?": {"replaced?": str, "has_new?": bool}},
    "etcd?": {"arguments?": [str]},
    "runtime?": {"name?": str},
}


def facts_of(hostvars: Any, host: str) -> Mapping[str, Any]:
    """What node_facts read of a host in this run; empty where it has not.

    :raises FormError: it is something else.
    """
    facts = mapping(mapping(mapping(hostvars.raw_get(host)).get("ansible_facts")).get("kubernetes_node"))
    check_form(dict(facts), FACTS, "facts of " + host)
    return facts


class ControllerAction(ActionBase):
    """An action that connects to no host. Its arguments are valid by ``ARGUMENTS`` before it works with them."""

    TRANSFERS_FILES = False
    ARGUMENTS: ClassVar[Mapping[str, Any]] = {}
    #: Argument -> the form that it needs to have beyond its type.
    FORMS: ClassVar[Mapping[str, Any]] = {}
    _requires_connection = False
    _supports_async = False

    def run(self, tmp: Any = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        result: Dict[str, Any] = super().run(tmp, task_vars)
        _validated, arguments = self.validate_argument_spec(self.ARGUMENTS)
        result.update(self.answer(arguments, task_vars or {}))
        return result

    def answer(self, arguments: Dict[str, Any], task_vars: Dict[str, Any]) -> Dict[str, Any]:
        """What ``work`` answers, or in words why it can't.

        :raises AnsibleActionFail: arguments or facts have another form than it counts on, or this machine refuses something.
        """
        try:
            for name, form in self.FORMS.items():
                check_form(arguments[name], form, name)
            return self.work(arguments, task_vars)
        except FormError as error:
            raise AnsibleActionFail("%s. What to do: hand on what the module before returned, as it is." % error)
        except OSError as error:
            raise AnsibleActionFail(str(problem_of(error)))

    @abstractmethod
    def work(self, arguments: Dict[str, Any], task_vars: Dict[str, Any]) -> Dict[str, Any]:
        """The action's own fields of the result."""
