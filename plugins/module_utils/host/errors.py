# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong when a host is brought to a state."""

from __future__ import annotations

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError


class HostStateError(ProblemError):
    """``subject`` can't be brought to the wanted state because of ``problem``; ``remedy`` is what a person does next."""
