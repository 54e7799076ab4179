# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with RKE2 on a host."""

from __future__ import annotations

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError


class Rke2Error(ProblemError):
    """The subject is a file, a program or the service of RKE2."""
