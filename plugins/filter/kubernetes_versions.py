# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of Kubernetes versions for templates and roles, out of the one table."""

from __future__ import annotations

from typing import Any, Callable, Dict

from ansible.errors import AnsibleFilterError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import VersionError, release


def kubernetes_release(version: Any, image_repository: str = "") -> Dict[str, Any]:
    """The facts of a full version, with images under the given repository."""
    try:
        return release(version).data(image_repository)
    except VersionError as error:
        raise AnsibleFilterError("kubernetes_release: %s" % error)


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"kubernetes_release": kubernetes_release}
