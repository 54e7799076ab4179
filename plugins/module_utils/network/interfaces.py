# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose interfaces are whose, by their names."""

from __future__ import annotations

import re

#: Interfaces that the cluster's own network made: CNI plugins (flannel, cilium, calico, bridge), kube-proxy, NodeLocal DNS.
OWN_INTERFACE = re.compile(
    r"(cni|cbr|flannel|cilium|lxc|cali|vxlan\.calico|tunl|kube-|kube|nodelocaldns|veth|wireguard\.cali)"
)
#: Of these the host's end of a pod's own link; a node has a hundred of them and they say nothing about it.
POD_LINK = re.compile(r"^(veth|cali[0-9a-f]|lxc[0-9a-f_])")
