# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions that run on the controller alone, once for all hosts, have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Dict, Mapping, Optional

from ansible.plugins.action import ActionBase


class ControllerAction(ActionBase):
    """An action that connects to no host. Its arguments are valid by ``ARGUMENTS`` before it works with them."""

    TRANSFERS_FILES = False
    ARGUMENTS: ClassVar[Mapping[str, Any]] = {}
    _requires_connection = False
    _supports_async = False

    def run(self, tmp: Any = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        result: Dict[str, Any] = super().run(tmp, task_vars)
        _validated, arguments = self.validate_argument_spec(self.ARGUMENTS)
        result.update(self.work(arguments, task_vars or {}))
        return result

    @abstractmethod
    def work(self, arguments: Dict[str, Any], task_vars: Dict[str, Any]) -> Dict[str, Any]:
        """The action's own fields of the result."""
