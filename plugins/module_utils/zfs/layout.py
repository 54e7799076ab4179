# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pool as a person wants it: its vdevs in words of zpoolconcepts(7), and what is wrong with them by themselves. Pure."""

from __future__ import annotations

import re
from typing import Any, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

#: type -> disks that may fail (None: all but one), fewest disks (zpool_vdev.c, is_grouping())
PARITY = {"single": 0, "mirror": None, "raidz1": 1, "raidz2": 2, "raidz3": 3, "draid1": 1, "draid2": 2, "draid3": 3}
FEWEST = {"single": 1, "mirror": 2, "raidz1": 2, "raidz2": 3, "raidz3": 4, "draid1": 2, "draid2": 3, "draid3": 4}
TYPES = tuple(PARITY)
PURPOSES = ("data", "special", "dedup", "log", "cache", "spare")
#: What the pool can't live without.
LASTING = ("data", "special", "dedup")
#: Of these a pool has a flat set: their disks are no group.
LOOSE = ("cache", "spare")
#: What `zpool create` and `zpool add` call them; data has no word.
WORDS = {"special": "special", "dedup": "dedup", "log": "log", "cache": "cache", "spare": "spare"}

#: Pools' names: zpool_name_valid() in libzfs_pool.c and pool_namecheck().
NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_.:-]{0,199}$")
RESERVED = re.compile(r"^(mirror|raidz|draid|spare)|^log$|^c[0-9]")
GUID = re.compile(r"^[0-9]{6,20}$")
#: Of a file system; those of a partition (by-partuuid, by-partlabel) stay.
CONTENT_NAMES = ("/dev/disk/by-label/", "/dev/disk/by-uuid/")


class Vdev(NamedTuple):
    """A wanted vdev. Each disk is a path below /dev, or the GUID of a member that is in the pool already."""

    type: str
    disks: Tuple[str, ...]
    purpose: str = "data"
    #: draid only: data disks in a group, and distributed spares.
    draid_data: Optional[int] = None
    draid_spares: int = 0

    @property
    def tolerance(self) -> int:
        """How many of its disks may fail."""
        return tolerance(self.type, len(self.disks))

    def words(self, names: Sequence[str]) -> List[str]:
        """What zpool's command line says for it, without the purpose."""
        if self.purpose in LOOSE or self.type == "single":
            return list(names)
        return [self.group] + list(names)

    @property
    def group(self) -> str:
        """The word that makes a group of disks."""
        if not self.type.startswith("draid"):
            return self.type
        text = self.type + (":%dd" % self.draid_data if self.draid_data else "")
        return "%s:%dc:%ds" % (text, len(self.disks), self.draid_spares)

    def __str__(self) -> str:
        text = "%s of %s" % (self.type, ", ".join(self.disks)) if self.type != "single" else ", ".join(self.disks)
        return text if self.purpose == "data" else "%s: %s" % (self.purpose, text)


def tolerance(kind: str, disks: int) -> int:
    """How many disks a vdev of this type and number of disks may lose."""
    parity = PARITY.get(kind, 0)
    return max(0, disks - 1) if parity is None else parity


def read_vdevs(given: Sequence[Mapping[str, Any]]) -> List[Vdev]:
    """The vdevs of options as a module or a role has them."""
    return [
        Vdev(
            str(one.get("type") or "single"),
            tuple(str(disk).strip() for disk in one.get("disks") or ()),
            str(one.get("purpose") or "data"),
            one.get("draid_data"),
            int(one.get("draid_spares") or 0),
        )
        for one in given
    ]


def name_problem(name: str) -> Optional[Tuple[str, str]]:
    """What is wrong with a pool's name, and what to write."""
    if not NAME.match(name):
        return "%r is no name of a pool" % name, "begin with a letter, then letters, digits, and any of _ . : -"
    if RESERVED.match(name):
        return "%r begins with a word that ZFS keeps for itself" % name, "take another name, such as tank"
    return None


def vdev_problems(vdevs: Sequence[Vdev]) -> Iterator[Tuple[str, str, str]]:
    """(which vdev, what is wrong, what to write) for a layout by itself, without a host."""
    if not any(vdev.purpose == "data" for vdev in vdevs):
        yield "", "there is no vdev for data", "add one, such as {type: mirror, disks: [/dev/disk/by-id/…, /dev/disk/by-id/…]}"
    seen: List[str] = []
    for number, vdev in enumerate(vdevs):
        where = "[%d]" % number
        for problem, remedy in _vdev_problems(vdev):
            yield where, problem, remedy
        for disk in vdev.disks:
            if disk in seen:
                yield where + ".disks", "%s is named twice" % disk, "name each disk once"
            seen.append(disk)


def _vdev_problems(vdev: Vdev) -> Iterator[Tuple[str, str]]:
    if vdev.type not in TYPES:
        yield "type %r is none that ZFS has" % vdev.type, "write one of %s" % ", ".join(TYPES)
        return
    if vdev.purpose not in PURPOSES:
        yield "purpose %r is none that ZFS has" % vdev.purpose, "write one of %s" % ", ".join(PURPOSES)
        return
    for disk in vdev.disks:
        if not disk.startswith("/dev/") and not GUID.match(disk):
            yield "%r is no disk" % disk, "write the whole path, like /dev/disk/by-id/nvme-…"
        elif "//" in disk or "/../" in disk or disk.endswith("/"):
            yield "%r is no plain path" % disk, "write it like /dev/disk/by-id/nvme-…"
        elif disk.startswith(CONTENT_NAMES):
            yield "%s is a name of what is on a disk, and goes when ZFS writes to it" % disk, "write the name in /dev/disk/by-id"
    draid = vdev.type.startswith("draid")
    if vdev.purpose in LOOSE:
        if vdev.type != "single":
            yield "disks for %s are never a group" % vdev.purpose, "write type: single, and as many disks as you like"
        elif not vdev.disks:
            yield "there is no disk", "name one, or leave the vdev out"
        return
    if vdev.purpose != "data" and vdev.type not in ("single", "mirror"):
        yield "ZFS takes no %s for %s" % (vdev.type, vdev.purpose), "write type: mirror"
    if vdev.type == "single" and len(vdev.disks) != 1:
        yield (
            "a vdev of type single has one disk, and here are %d" % len(vdev.disks),
            "write type: mirror (or a raidz), or one vdev for each disk, of which each one loses all data with it",
        )
    elif len(vdev.disks) < FEWEST[vdev.type]:
        yield "a %s needs %d disks or more, and here are %d" % (vdev.type, FEWEST[vdev.type], len(vdev.disks)), "name more disks"
    if not draid and (vdev.draid_data or vdev.draid_spares):
        yield "draid_data and draid_spares are for draid", "leave them out, or write type: draid1, draid2 or draid3"
    if draid:
        yield from _draid_problems(vdev)


def _draid_problems(vdev: Vdev) -> Iterator[Tuple[str, str]]:
    parity, children, spares = PARITY[vdev.type] or 0, len(vdev.disks), vdev.draid_spares
    if children > 255:
        yield "a draid has at most 255 disks", "make several vdevs"
    # vdev_draid.c: as many data disks as fit, at most 8, where none are said.
    data = vdev.draid_data if vdev.draid_data else min(children - spares - parity, 8)
    if data < 1 or data + parity + spares > children:
        yield (
            "%d data, %d parity and %d spare disks are more than %d" % (max(data, 1), parity, spares, children),
            "name more disks, or lower draid_data or draid_spares",
        )
    if spares < 0 or spares > 100:
        yield "draid_spares is 0 to 100", "write such a number"
