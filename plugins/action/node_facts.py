# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module, and bounds the host's clock by the controller's own before and after the call."""

from __future__ import annotations

import time
from typing import Any, Dict, Optional

from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.clock import ahead


class ActionModule(NormalAction):
    """The module as it is; only the controller knows when it asked and when it was answered."""

    def run(self, tmp: Any = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        asked = time.time()
        result: Dict[str, Any] = super().run(tmp, task_vars)
        answered = time.time()
        facts = (result.get("ansible_facts") or {}).get("kubernetes_node")
        if facts:
            facts["clock_ahead"] = ahead(facts["clock"], facts["reading_seconds"], asked, answered)._asdict()
        return result
