# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many members etcd needs and can lose. Nothing else in the collection does this sum.

Source: etcd's FAQ, https://etcd.io/docs/v3.6/faq/#what-is-failure-tolerance. Only voting members count, so a learner doesn't.
"""

from __future__ import annotations


def quorum(members: int) -> int:
    """How many of the voting members must agree before anything is written; 0 for no members."""
    if members < 0:
        raise ValueError("a cluster can't have %d members" % members)
    return members // 2 + 1 if members else 0


def tolerance(members: int) -> int:
    """How many of the voting members may be lost while the others can still write."""
    return members - quorum(members)
