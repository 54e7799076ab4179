# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists what the hosts of an inventory take from outside."""

from __future__ import annotations

from typing import Any, Dict

from ansible_collections.baremetal.kubernetes.plugins.action.topology_check import ROLES_PATH
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import BundleError, parse_manifest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.needs import missing
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import VersionError
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.bundle_needs import describe_bundle, read_needs
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.controller_action import ControllerAction
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.host_variables import HostVariables
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.role_settings import load_yaml

ARGUMENTS: Dict[str, Any] = {"bundle": {"type": "path", "default": ""}, "system": {"type": "str", "default": ""}}


class ActionModule(ControllerAction):
    """Runs on the controller alone, once for all hosts."""

    ARGUMENTS = ARGUMENTS
    _supports_check_mode = True

    def work(self, arguments: Dict[str, Any], task_vars: Dict[str, Any]) -> Dict[str, Any]:
        defaults = load_yaml(ROLES_PATH + "/cluster/defaults/main.yml") or {}
        reader = HostVariables(self._loader, task_vars, defaults)
        hosts = {host: reader.read(host, groups)[0] for host, groups in reader.host_groups().items()}
        try:
            needs = read_needs(self._loader, reader, hosts, ROLES_PATH, arguments["system"])
            lacking = ["all"]
            described = describe_bundle(arguments["bundle"]) if arguments["bundle"] else {"manifest": None}
            if described["manifest"] is not None:
                manifest = parse_manifest(described["manifest"], arguments["bundle"])
                lacking = ["%s: %s" % item for item in missing(needs, manifest, described["sizes"])]
        except BundleError as error:
            return {"failed": True, **error.fields()}
        except VersionError as error:
            return {"failed": True, "msg": "cluster_kubernetes_version: %s" % error}
        return {"changed": False, "needs": needs._asdict(), "summary": needs.lines(), "missing": lacking}
