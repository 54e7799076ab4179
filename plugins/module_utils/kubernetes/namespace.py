# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces of add-ons. Pure."""

from __future__ import annotations

from typing import Any, Dict


def privileged_namespace(name: str) -> Dict[str, Any]:
    """A namespace whose pods may do what a node's programs do: mount volumes for others, speak ARP, read the host."""
    levels = ("enforce", "audit", "warn")
    labels = {"pod-security.kubernetes.io/" + level: "privileged" for level in levels}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
