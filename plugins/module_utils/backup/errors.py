# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with a backup or with its restore."""

from __future__ import annotations

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.errors import SnapshotError


class BackupError(SnapshotError):
    """``subject`` (a setting, a file, a bucket) can't be used because of ``problem``; ``remedy`` is what a person does next."""
