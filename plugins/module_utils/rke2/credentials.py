# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The token by which nodes join: made once, kept with mode 0600, and never on a command line."""

from __future__ import annotations

import os
import secrets
from typing import Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.errors import Rke2Error
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.layout import SERVER_TOKEN, TOKEN
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner


def bare(token: str) -> str:
    """The secret itself, of a token in either form."""
    return token.strip().rpartition(":")[2]


def kept_token(runner: Runner) -> str:
    """The token that this host has; empty where it has none."""
    for path in (SERVER_TOKEN, TOKEN):
        text = (runner.read(path) or "").strip()
        if text:
            return bare(text)
    return ""


def settle_token(runner: Runner, given: str, check: bool) -> Tuple[str, bool]:
    """The cluster's token, and whether it was made here: the one that is kept, else the given one, else a new one.

    :raises Rke2Error: another one is given than the cluster has.
    """
    kept, given = kept_token(runner), bare(given)
    if kept and given and kept != given:
        raise Rke2Error(
            "rke2_token",
            "the cluster has another one, and nodes with this one could not join",
            "write the cluster's, or rotate it first with `rke2 token rotate` on a server",
        )
    token = kept or given or secrets.token_hex(32)
    changed = not runner.exists(TOKEN)
    if changed and not check:
        os.makedirs(os.path.dirname(TOKEN), mode=0o755, exist_ok=True)
        # Before anybody uses it: a run that is killed here finds it again.
        replace_file(TOKEN, token + "\n", 0o600)
    return token, changed
