# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Block devices by every name they have, who uses them, and what is on them. Reads only."""

from __future__ import annotations

import posixpath
import re
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.swap import active_devices
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.mounts import mounts, unescape
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.imports import Label, parse_label

SECTOR = 512
#: How much of both ends of a device has to be zero before it counts as blank: labels, tables and superblocks are there.
ENDS = 4 << 20
BY_ID = "/dev/disk/by-id/"
CLASS = "/sys/class/block/"
BTRFS = "/sys/fs/btrfs/"
TIMEOUT = 120
#: Partition tables, as wipefs calls them.
TABLES = ("gpt", "dos", "PMBR")


class Device(NamedTuple):
    """What a path leads to. ``kernel`` is empty where it leads to no block device."""

    path: str
    kernel: str = ""
    #: The disk that it is a partition of, or itself; and the partition's number, 0 for a whole disk.
    disk: str = ""
    partition: int = 0
    size: int = 0
    #: The name to give to ZFS: as written where that is a lasting one, else one of /dev/disk/by-id.
    lasting: str = ""
    #: Who uses it now: mounts, swap, volumes upon it, pools. Nothing may be written to it then.
    uses: Tuple[str, ...] = ()
    #: What is on it, in words; empty for a blank one. None where it was not looked at.
    contents: Optional[Tuple[str, ...]] = None
    labels: Tuple[Label, ...] = ()
    #: The devices with signatures, innermost first, for wiping.
    marked: Tuple[str, ...] = ()
    #: Of these, the ones with a label of ZFS.
    labelled: Tuple[str, ...] = ()
    #: What the disk calls itself, the same on each of several ways to it; empty where it has no such name.
    wwid: str = ""

    @property
    def present(self) -> bool:
        return bool(self.kernel)

    @property
    def blank(self) -> bool:
        return self.contents == ()


class Devices:
    """Reads devices of one host; what is common to all of them is read once."""

    def __init__(
        self, runner: Runner, pools: Optional[Mapping[str, Sequence[str]]] = None, guids: Optional[Mapping[str, str]] = None
    ) -> None:
        """:param pools: name of an imported pool -> the paths of its members.
        :param guids: GUID of a member of an imported pool -> the pool's name.
        """
        self.runner = runner
        self._guids = dict(guids or {})
        self._links: Optional[Dict[str, List[str]]] = None
        self._mounts: Optional[List[Tuple[str, str, str]]] = None
        self._pools: Dict[str, List[str]] = {}
        for pool, paths in (pools or {}).items():
            for path in paths:
                kernel = self.kernel_name(path)
                if kernel:
                    self._pools.setdefault(kernel, []).append(pool)

    def kernel_name(self, path: str) -> str:
        """nvme0n1p1, of any path to it; empty where it leads to no block device."""
        if not path.startswith("/dev/"):
            return ""
        real = self.runner.realpath(path)
        # dm and cciss have folders: sysfs writes ! for /.
        name = real[len("/dev/") :].replace("/", "!")
        return name if real.startswith("/dev/") and self.runner.exists(CLASS + name) else ""

    def parent(self, kernel: str) -> Tuple[str, int]:
        """The disk of a partition and its number; a disk's own name and 0."""
        number = (self.runner.read(CLASS + kernel + "/partition") or "").strip()
        if not is_digits(number):
            return kernel, 0
        return posixpath.basename(posixpath.dirname(self.runner.realpath(CLASS + kernel))), int(number)

    def _wwid(self, disk: str) -> str:
        # NVMe's and SCSI's.
        texts = (self.runner.read("%s%s/%s" % (CLASS, disk, name)) for name in ("wwid", "device/wwid"))
        return next((text.strip() for text in texts if text and text.strip()), "")

    def partitions(self, disk: str) -> List[str]:
        names = [name for name in self.runner.list_dir(CLASS + disk) if name.startswith(disk)]
        return sorted(name for name in names if self.runner.exists("%s%s/%s/partition" % (CLASS, disk, name)))

    def look(self, path: str, inside: bool) -> Device:
        """The device at a path; ``inside``: what is on it, too, which takes several programs."""
        kernel = self.kernel_name(path)
        if not kernel:
            return Device(path)
        disk, number = self.parent(kernel)
        size = SECTOR * int((self.runner.read(CLASS + kernel + "/size") or "0").strip() or 0)
        found = Device(path, kernel, disk, number, size, self._lasting(path, kernel), tuple(self._uses(kernel)))
        found = found._replace(wwid=self._wwid(disk))
        return self.look_inside(found) if inside else found

    def look_inside(self, device: Device) -> Device:
        """The same with its contents and labels."""
        contents: List[str] = []
        labels: List[Label] = []
        marked: List[str] = []
        labelled: List[str] = []
        uses = list(device.uses)
        parts = [] if device.partition else self.partitions(device.kernel)
        for name in parts + [device.kernel]:
            node = "/dev/" + name.replace("!", "/")
            place = "" if name == device.kernel else "%s: " % name
            said = self._signatures(node)
            found = self.labels(node)
            # An overwritten label without a name would be a pool that no opt-in has named.
            if found is None and (said is None or any(one[0] == "zfs_member" for one in said)):
                uses.append("perhaps in a pool, which zdb can't tell")
            if said is None:
                contents.append("%swipefs can't tell what is on it" % place)
                continue
            found = found or []
            # A disk that is offline or has another name since is not open, and nothing but its label says whose it is.
            uses += ["in the imported pool %s" % self._guids[label.guid] for label in found if label.guid in self._guids]
            labels += [label for label in found if label not in labels]
            contents += ["%s%s" % (place, label) for label in found]
            contents += ["%s%s" % (place, " ".join(filter(None, one))) for one in said if one[0] != "zfs_member" or not found]
            if name == device.disk and not parts and any(one[0] in TABLES for one in said) and self._divided(node):
                uses.append("divided into partitions that the kernel has not read: partx --update %s" % node)
            if said or found:
                marked.append(node)
            if found:
                labelled.append(node)
        contents = list(dict.fromkeys(contents))
        if not contents:
            # Whoever writes to a disk without a table or file system, as some databases do, leaves no signature.
            zero = self._zero(device)
            if zero is not True:
                contents.append("bytes that belong to nothing known" if zero is False else "it can't be read")
        return device._replace(
            uses=tuple(dict.fromkeys(uses)),
            contents=tuple(contents),
            labels=tuple(labels),
            marked=tuple(marked),
            labelled=tuple(labelled),
        )

    def _signatures(self, node: str) -> Optional[List[Tuple[str, str]]]:
        """(type, label) of each signature; None where nobody can say."""
        result = self.runner.run(["wipefs", "--no-act", "--parsable", node], timeout=TIMEOUT)
        if result.rc != 0:
            return None
        return parse_wipefs(result.stdout)

    def _divided(self, node: str) -> bool:
        """Whether the partition table on a disk has partitions. Where the kernel shows none, nobody has seen what is on them."""
        argv = ["partx", "--show", "--noheadings", "--output=NR", node]
        return bool(self.runner.run(argv, timeout=TIMEOUT).stdout.strip())

    def labels(self, node: str) -> Optional[List[Label]]:
        """What a device's own labels say; zdb opens it for reading. None where it could not look."""
        result = self.runner.run(["zdb", "-l", node], timeout=TIMEOUT)
        found = parse_label(result.stdout)
        # It ends with 2 where there are none, with 1 where it could not look, and where some of the four copies are broken.
        return found if found or result.rc in (0, 2) else None

    def _zero(self, device: Device) -> Optional[bool]:
        """Whether both ends hold nothing but zeros; None where they can't be read."""
        node = "/dev/" + device.kernel.replace("!", "/")
        for skip in sorted({0, max(0, device.size - ENDS)}):
            argv = ["cmp", "--quiet", "--bytes=%d" % min(ENDS, device.size), "--ignore-initial=%d:0" % skip, node, "/dev/zero"]
            result = self.runner.run(argv, timeout=TIMEOUT)
            if result.rc != 0:
                return False if result.rc == 1 else None
        return True

    def _lasting(self, path: str, kernel: str) -> str:
        """A name that stays when disks are counted anew at the next boot."""
        if path.startswith(("/dev/disk/by-", "/dev/mapper/")):
            return path
        if self._links is None:
            self._links = {}
            for name in self.runner.list_dir(BY_ID.rstrip("/")):
                self._links.setdefault(self.kernel_name(BY_ID + name), []).append(BY_ID + name)
        return best_name(self._links.get(kernel, [])) or path

    def _uses(self, kernel: str) -> List[str]:
        uses: List[str] = []
        # Who has the whole disk has its partitions: md with its superblock at the end, multipath.
        names = list(dict.fromkeys([kernel, self.parent(kernel)[0], *self.partitions(kernel)]))
        swaps = [self.kernel_name(unescape(swap)) for swap in active_devices(self.runner.read("/proc/swaps") or "")]
        for name in names:
            own = (self.runner.read(CLASS + name + "/dev") or "-").strip()
            for number, mountpoint, source in self._mounted():
                if number == own or source == name:
                    uses.append("mounted at %s" % mountpoint)
            uses += ["swap"] if name in swaps else []
            uses += ["in use by %s" % holder for holder in self.runner.list_dir(CLASS + name + "/holders")]
            uses += ["in the imported pool %s" % pool for pool in self._pools.get(name, [])]
            below = (self.runner.read(CLASS + name + "/loop/backing_file") or "").strip()
            uses += ["another name of %s" % below] if below.startswith("/dev/") else []
        for folder in self.runner.list_dir(BTRFS):
            # The mount names one disk of several.
            if set(names) & set(self.runner.list_dir("%s%s/devices" % (BTRFS, folder))):
                uses.append("in a mounted btrfs")
        return list(dict.fromkeys(uses))

    def _mounted(self) -> List[Tuple[str, str, str]]:
        if self._mounts is None:
            self._mounts = parse_mounts(self.runner.read("/proc/self/mountinfo") or "")
            # btrfs and ZFS have device numbers of their own: the source says which disk it is.
            self._mounts = [
                (number, mountpoint, self.kernel_name(source) if source.startswith("/dev/") else "")
                for number, mountpoint, source in self._mounts
            ]
        return self._mounts


def best_name(names: Sequence[str]) -> str:
    """Of several links to one disk, that with model and serial number; else any."""

    def rank(name: str) -> Tuple[int, int, str]:
        base = posixpath.basename(name)
        opaque = re.match(r"^(wwn-|nvme-eui\.|nvme-nvme\.|nvme-uuid\.|scsi-[0-9]|dm-|lvm-|md-)", base)
        return (1 if opaque else 0, len(base), base)

    return min(names, key=rank) if names else ""


def without_partition(path: str) -> str:
    """The disk's name in a path that ZFS keeps for its first partition (zfs_strip_partition() in libzutil)."""
    folder, base = posixpath.split(path)
    for pattern in (r"^(.+)-part[0-9]+$", r"^(.*[0-9])p[0-9]+$", r"^((?:[hsv]|xv)d[a-z]+)[0-9]+$"):
        match = re.match(pattern, base)
        if match:
            return posixpath.join(folder, match.group(1))
    return path


def parse_wipefs(text: str) -> List[Tuple[str, str]]:
    """(type, label) of each different signature in ``wipefs --parsable``."""
    found: List[Tuple[str, str]] = []
    for line in text.splitlines():
        fields = line.split(",")
        if line.startswith("#") or len(fields) < 4:
            continue
        one = (fields[3], _unhex(fields[2]))
        if one not in found:
            found.append(one)
    return found


def parse_mounts(text: str) -> List[Tuple[str, str, str]]:
    """(major:minor, mount point, source) of every mount in /proc/self/mountinfo, those of a folder as well."""
    return [(mount.device, mount.mountpoint, mount.source) for mount in mounts(text)]


def _unhex(text: str) -> str:
    return re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match.group(1), 16)), text)
