# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this node holds the address, by the word of what decides that: keepalived, or a Lease such as kube-vip's."""

from __future__ import annotations

import ipaddress
import re
from typing import List, Sequence, Set

from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.api import LocalApi, Seen
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.claim import Watch, read
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

#: Address and flags in /proc/net/if_inet6.
IF_INET6 = re.compile(r"[0-9a-f]{32} [0-9a-f]{1,8}\Z")


class Host:
    """What the kernel says, read from files so that a test can write them."""

    def __init__(self, root: str = "") -> None:
        self.root = root

    def text(self, path: str) -> str:
        try:
            with open(self.root + path, encoding="utf-8", errors="replace") as stream:
                return stream.read()
        except OSError:
            return ""

    def addresses(self) -> Set[str]:
        """All addresses on interfaces of this host."""
        found: Set[str] = set()
        leaf = ""
        for line in self.text("/proc/net/fib_trie").splitlines():
            words = line.split()
            if words[:1] == ["|--"] and len(words) > 1:
                leaf = words[1]
            elif words[:3] == ["/32", "host", "LOCAL"]:
                found.add(leaf)
        for line in self.text("/proc/net/if_inet6").splitlines():
            words = line.split()
            # Not those that the kernel still tries out, or that another host has (IFA_F_TENTATIVE, IFA_F_DADFAILED).
            if len(words) > 4 and IF_INET6.match(words[0] + " " + words[4]) and not int(words[4], 16) & 0x48:
                found.add(str(ipaddress.IPv6Address(int(words[0], 16))))
        return found


class Holder:
    """``addresses`` have to be on an interface, whoever decides."""

    def __init__(self, host: Host, addresses: Sequence[str]) -> None:
        self.host = host
        self.addresses = [str(ipaddress.ip_interface(address).ip) for address in addresses]

    def look(self, now: float) -> Seen:
        """All the evidence, once for each step."""
        return self.local()

    def local(self) -> Seen:
        """What can be seen at once: asked again right before an order is sent."""
        there = self.host.addresses() if self.addresses else set()
        missing: List[str] = [address for address in self.addresses if address not in there]
        return Seen(not missing, "%s is on no interface of this node" % ", ".join(missing) if missing else "")


class Keepalived(Holder):
    """keepalived's notify script wrote ``MASTER`` and the number of its process, which still lives."""

    def __init__(self, host: Host, addresses: Sequence[str], state_file: str) -> None:
        super().__init__(host, addresses)
        self.state_file = state_file

    def local(self) -> Seen:
        words = self.host.text(self.state_file).split()
        if len(words) < 2 or not is_digits(words[1]):
            return Seen(False, "keepalived has not said its state in %s" % self.state_file)
        if words[0] != "MASTER":
            return Seen(False, "keepalived is in the state %s" % words[0])
        # A keepalived that was killed leaves both its word and its address behind.
        if not self.host.text("/proc/%s/comm" % words[1]).startswith("keepalived"):
            return Seen(False, "the keepalived that was MASTER runs no more")
        return super().local()


class LeaseHolder(Holder):
    """A Lease has this node's name and is renewed."""

    def __init__(self, host: Host, addresses: Sequence[str], api: LocalApi, namespace: str, name: str, identity: str) -> None:
        super().__init__(host, addresses)
        self.api = api
        self.namespace = namespace
        self.name = name
        self.identity = identity
        self.watch = Watch()

    def look(self, now: float) -> Seen:
        seen = self.api.read(self.namespace, self.name)
        where = "lease %s/%s" % (self.namespace, self.name)
        if not seen.good:
            return Seen(False, "%s can't be read: %s" % (where, seen.why))
        if seen.data is None:
            return Seen(False, "there is no %s" % where)
        lease = read(seen.data)
        self.watch.saw(lease, now)
        if lease.holder != self.identity:
            return Seen(False, "%s is held by %s" % (where, lease.holder or "nobody"))
        if self.watch.silent(lease, now):
            return Seen(False, "%s has our name, but is not renewed" % where)
        return self.local()
