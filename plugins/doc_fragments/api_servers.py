# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What modules that restart an API server take; the argument itself stands in module_utils/certificates/components.py."""

    DOCUMENTATION = r"""
options:
  api_servers:
    description: The other control planes' API servers. They must be ready before this one's stops.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Its node, which nothing depends on.
        type: str
      address:
        description: Its address.
        type: str
        required: true
      port:
        description: Its port.
        type: int
        default: 6443
"""
