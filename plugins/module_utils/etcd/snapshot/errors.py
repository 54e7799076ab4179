# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with a snapshot of etcd."""

from __future__ import annotations

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError


class SnapshotError(ProblemError):
    """``subject`` (a file, a directory, a program) can't be used because of ``problem``; ``remedy`` is what a person does next."""
