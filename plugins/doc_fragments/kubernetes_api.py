# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What modules that speak to the API take; the arguments themselves stand in module_utils/kubernetes/kubectl.py."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description: How to reach the API.
    type: path
    default: /etc/kubernetes/admin.conf
"""

    KUBECTL = r"""
options:
  kubectl_path:
    description: The program.
    type: str
    default: kubectl
"""
