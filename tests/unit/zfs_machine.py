# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with disks and ZFS, as far as its commands show it: what they print, what they refuse, and what they destroy.

It keeps a record of all that was lost, so that a test can ask the machine, and not the plan, whether anything was.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, Result

BY_ID = "/dev/disk/by-id/"
SIZE = 1 << 30
PARITY = {"single": 0, "raidz1": 1, "raidz2": 2, "raidz3": 3, "draid1": 1, "draid2": 2, "draid3": 3}
CLASSES = ("special", "dedup", "log", "cache", "spare")
HEADINGS = {"log": "logs", "spare": "spares"}


@dataclasses.dataclass
class Label:
    pool: str
    pool_guid: str
    guid: str
    state: int = 0
    host: str = "here"
    txg: int = 4


@dataclasses.dataclass
class Disk:
    name: str
    number: int
    #: Nothing, ext4, gpt, or raw bytes that belong to nothing known.
    content: str = ""
    label: Optional[Label] = None
    mounted: str = ""
    present: bool = True
    kernel: str = ""

    def __post_init__(self) -> None:
        self.kernel = "nvme%dn1" % self.number

    @property
    def path(self) -> str:
        return BY_ID + self.name


@dataclasses.dataclass
class Leaf:
    disk: Disk
    guid: str
    state: str = "ONLINE"
    resilvering: bool = False


@dataclasses.dataclass
class Group:
    type: str
    purpose: str
    number: int
    #: Leaves by place; a place with two is one that is being replaced.
    places: List[List[Leaf]]

    @property
    def name(self) -> str:
        if self.type.startswith("draid"):
            return "%s:1d:%dc:0s-%d" % (self.type, len(self.places), self.number)
        return "%s-%d" % (self.type, self.number)

    @property
    def tolerance(self) -> int:
        return len(self.places) - 1 if self.type == "mirror" else PARITY[self.type]

    @property
    def leaves(self) -> List[Leaf]:
        return [leaf for place in self.places for leaf in place]


@dataclasses.dataclass
class Pool:
    name: str
    guid: str
    groups: List[Group]
    imported: bool = True
    exported: bool = False
    host: str = "here"
    properties: Dict[str, str] = dataclasses.field(default_factory=dict)
    root_properties: Dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def leaves(self) -> List[Leaf]:
        return [leaf for group in self.groups for leaf in group.leaves]

    def state(self) -> str:
        worst = "ONLINE"
        for group in self.groups:
            if group.purpose in ("cache", "spare"):
                continue
            missing = sum(1 for place in group.places if not any(leaf.state == "ONLINE" for leaf in place))
            if missing > group.tolerance:
                return "UNAVAIL"
            if missing:
                worst = "DEGRADED"
        return worst


class Refused(Exception):
    """What the command says before it ends with 1."""


class Machine:
    """A Runner."""

    def __init__(self, version: str = "2.1.11") -> None:
        self.version = version
        #: Without /etc/hostid ZFS takes all hosts for one.
        self.hostids = True
        #: directory -> what is in it
        self.files_in: Dict[str, List[str]] = {}
        self.disks: Dict[str, Disk] = {}
        self.pools: List[Pool] = []
        self.calls: List[Tuple[str, ...]] = []
        #: (disk, what it held, command)
        self.lost: List[Tuple[Disk, str, str]] = []
        self.changes: List[Tuple[str, ...]] = []
        self._guids = itertools.count(10**18 + 1)
        self._numbers = itertools.count()

    # -- what a test sets up -------------------------------------------------------------------------------------------------------

    def add(self, *names: str, content: str = "") -> List[Disk]:
        for name in names:
            self.disks[name] = Disk(name, next(self._numbers), content)
        return [self.disks[name] for name in names]

    def guid(self) -> str:
        return str(next(self._guids))

    def make(self, name: str, groups: Sequence[Tuple[str, str, Sequence[str]]], **settings: object) -> Pool:
        pool = Pool(name, self.guid(), [], **settings)  # type: ignore[arg-type]
        self.pools.append(pool)
        for kind, purpose, disks in groups:
            places = [[self._leaf(pool, self.disks[disk])] for disk in disks]
            if purpose in ("cache", "spare"):
                pool.groups += [Group("single", purpose, self._next(pool), [place]) for place in places]
            else:
                pool.groups.append(Group(kind, purpose, self._next(pool), places))
        for leaf in pool.leaves:
            self._write_label(pool, leaf)
        return pool

    def _next(self, pool: Pool) -> int:
        return 1 + max([group.number for group in pool.groups], default=-1)

    def _leaf(self, pool: Pool, disk: Disk) -> Leaf:
        disk.content = "gpt"
        return Leaf(disk, self.guid())

    def _write_label(self, pool: Pool, leaf: Leaf) -> None:
        leaf.disk.label = Label(pool.name, pool.guid, leaf.guid, 1 if pool.exported else 0, pool.host)

    def pull(self, name: str) -> None:
        """The disk is out of its slot."""
        self.disks[name].present = False
        for pool in self.pools:
            for leaf in pool.leaves:
                if leaf.disk.name == name:
                    leaf.state = "REMOVED"

    def settle(self) -> None:
        """Every resilver has ended."""
        for pool in self.pools:
            for group in pool.groups:
                for place in group.places:
                    for leaf in place:
                        leaf.resilvering = False
                    if len(place) > 1:
                        del place[:-1]

    def mounted(self, disk: Disk) -> str:
        pool = next((pool for pool in self.pools if pool.imported and any(leaf.disk is disk for leaf in pool.leaves)), None)
        return disk.mounted or ("pool " + pool.name if pool else "")

    # -- Runner --------------------------------------------------------------------------------------------------------------------

    def _present(self) -> List[Disk]:
        return [disk for disk in self.disks.values() if disk.present]

    def _parts(self, disk: Disk) -> List[str]:
        return [disk.kernel + "p1"] if disk.content == "gpt" else []

    def _find(self, path: str) -> Tuple[Optional[Disk], bool]:
        """The disk of a path, and whether the path is its first partition."""
        real = self.realpath(path)
        for disk in self._present():
            if real == "/dev/" + disk.kernel:
                return disk, False
            if real == "/dev/%sp1" % disk.kernel:
                return disk, True
        return None, False

    def realpath(self, path: str) -> str:
        for disk in self._present():
            for suffix, part in (("", ""), ("-part1", "p1")):
                if part and not self._parts(disk):
                    continue
                if path == disk.path + suffix:
                    return "/dev/" + disk.kernel + part
                if path == "/sys/class/block/" + disk.kernel + part:
                    return "/sys/devices/block/%s%s" % (disk.kernel, "/" + disk.kernel + part if part else "")
        return path

    def exists(self, path: str) -> bool:
        if path == "/etc/hostid":
            return self.hostids
        for disk in self._present():
            for name in [disk.kernel] + self._parts(disk):
                if path in ("/sys/class/block/" + name, "/dev/" + name):
                    return True
                if path == "/sys/class/block/%s/%sp1/partition" % (disk.kernel, disk.kernel) and self._parts(disk):
                    return True
        return False

    def read(self, path: str) -> Optional[str]:
        match = re.match(r"^/sys/class/block/(nvme\d+n1)(p1)?/(partition|size|dev)$", path)
        if match:
            disk = next((one for one in self._present() if one.kernel == match.group(1)), None)
            if disk is None or (match.group(2) and not self._parts(disk)):
                return None
            if match.group(3) == "partition":
                return "1\n" if match.group(2) else None
            return "%d\n" % (SIZE // 512) if match.group(3) == "size" else "259:%d\n" % (disk.number * 16 + bool(match.group(2)))
        if path == "/proc/self/mountinfo":
            lines = [
                "%d 1 259:%d / %s rw - ext4 /dev/%s rw" % (9, d.number * 16, d.mounted, d.kernel)
                for d in self._present()
                if d.mounted
            ]
            return "\n".join(lines) + "\n"
        return {"/proc/swaps": "Filename Type\n", "/proc/sys/kernel/hostname": "here\n"}.get(path)

    def list_dir(self, path: str) -> List[str]:
        if path == BY_ID.rstrip("/"):
            return sorted(disk.name + part for disk in self._present() for part in ["", "-part1"][: 1 + len(self._parts(disk))])
        for disk in self._present():
            if path == "/sys/class/block/" + disk.kernel:
                return sorted(["size", "dev"] + self._parts(disk))
        return self.files_in.get(path, [])

    def read_bytes(self, path: str) -> Optional[bytes]:
        return None

    def identity(self, path: str) -> Optional[str]:
        return None

    def which(self, name: str) -> Optional[str]:
        return "/usr/sbin/" + name

    def now(self) -> float:
        return 1_790_000_000.0

    def run(
        self,
        argv: Sequence[str],
        timeout: Optional[float] = None,
        stdin: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
    ) -> Result:
        call = tuple(argv)
        self.calls.append(call)
        act = getattr(self, "_" + "_".join(call[:2]).replace("-", "_"), None) if call[0] in ("zpool", "zfs") else None
        act = act or getattr(self, "_" + call[0], None)
        if act is None:
            return Result(NOT_FOUND, "", "%s: not found" % call[0])
        try:
            return Result(0, act(list(call[2:] if call[0] in ("zpool", "zfs") else call[1:])), "")
        except Refused as error:
            rc, _colon, text = str(error).partition(":") if re.match(r"^\d:", str(error)) else ("1", "", str(error))
            return Result(int(rc), "", text)

    # -- programs ------------------------------------------------------------------------------------------------------------------

    def _changed(self, *words: str) -> None:
        self.changes.append(words)

    def _wipefs(self, words: List[str]) -> str:
        disk, part = self._find(words[-1])
        if disk is None:
            raise Refused("wipefs: error: %s: probing initialization failed: No such file or directory" % words[-1])
        if words[0] == "--all":
            if self.mounted(disk):
                raise Refused("wipefs: error: %s: probing initialization failed: Device or resource busy" % words[-1])
            self._changed("wipefs", disk.name)
            self._lose(disk, "wipefs", keep_raw=True)
            return ""
        kinds = ["zfs_member"] if disk.label and (part or disk.content != "gpt") else []
        if not part and disk.content in ("gpt", "ext4"):
            kinds.append(disk.content)
        return "".join("0x1000,,,%s\n" % kind for kind in kinds)

    def _cmp(self, words: List[str]) -> str:
        disk, _part = self._find(words[-2])
        if disk is None:
            raise Refused("2:cmp: %s: No such file or directory" % words[-2])
        if disk.content or disk.label:
            raise Refused("")
        return ""

    def _zdb(self, words: List[str]) -> str:
        disk, part = self._find(words[-1])
        if disk is None or disk.label is None or (disk.content == "gpt") != part:
            raise Refused("2:")
        label = disk.label
        rule = "------------------------------------"
        lines = ["version: 5000", "name: '%s'" % label.pool, "state: %d" % label.state, "txg: %d" % label.txg]
        lines += ["pool_guid: %s" % label.pool_guid, "hostname: '%s'" % label.host, "guid: %s" % label.guid]
        return "%s\nLABEL 0 \n%s\n%s" % (rule, rule, "".join("    %s\n" % line for line in lines))

    def _zgenhostid(self, words: List[str]) -> str:
        self.hostids = True
        self._changed("hostid")
        return ""

    def _udevadm(self, words: List[str]) -> str:
        return ""

    def _lose(self, disk: Disk, command: str, keep_raw: bool = False) -> None:
        if disk.content or disk.label:
            what = "label of %s (%s)" % (disk.label.pool, disk.label.pool_guid) if disk.label else disk.content
            self.lost.append((disk, what, command))
        disk.content, disk.label = "raw" if keep_raw else "", None

    def _zfs_version(self, words: List[str]) -> str:
        return "zfs-%s-1\nzfs-kmod-%s-1\n" % (self.version, self.version)

    def _pool(self, name: str) -> Pool:
        for pool in self.pools:
            if pool.imported and pool.name == name:
                return pool
        raise Refused("cannot open '%s': no such pool" % name)

    def _zpool_labelclear(self, words: List[str]) -> str:
        disk, _part = self._find(words[-1])
        if disk is None or self.mounted(disk):
            raise Refused("failed to open %s: Device or resource busy" % words[-1])
        if disk.label is None:
            raise Refused("failed to read label from %s" % words[-1])
        self._changed("labelclear", disk.name)
        if disk.label:
            self.lost.append((disk, "label of %s (%s)" % (disk.label.pool, disk.label.pool_guid), "labelclear"))
        disk.label = None
        return ""

    def _zpool_status(self, words: List[str]) -> str:
        pools = [pool for pool in self.pools if pool.imported]
        return "\n".join(self._status(pool, words[-1] == "-g") for pool in pools) or "no pools available\n"

    def _status(self, pool: Pool, guids: bool) -> str:
        busy = any(leaf.resilvering for leaf in pool.leaves)
        scan = "resilver in progress since now\n\t1M scanned" if busy else "none requested"
        lines = ["  pool: %s" % pool.name, " state: %s" % pool.state(), "  scan: %s" % scan, "config:", ""]
        lines.append("\tNAME  STATE  READ WRITE CKSUM")
        lines += ["\t" + line for line in self._rows(pool, guids)]
        return "\n".join([*lines, "", "errors: No known data errors", ""])

    def _rows(self, pool: Pool, guids: bool) -> Iterator[str]:
        counts = "     0     0     0"
        yield "%s  %s%s" % (pool.guid if guids else pool.name, pool.state(), counts)
        for purpose in ("data", "dedup", "special", "log", "cache", "spare"):
            groups = [group for group in pool.groups if group.purpose == purpose]
            if groups and purpose != "data":
                yield HEADINGS.get(purpose, purpose) + "\t"
            for group in groups:
                deep = 2
                if group.type != "single":
                    yield "  %s  ONLINE%s" % ("77%d" % group.number * 3 if guids else group.name, counts)
                    deep = 4
                for number, place in enumerate(group.places):
                    inner = deep
                    if len(place) > 1:
                        yield "%s%s  DEGRADED%s" % (" " * deep, "88%d" % number * 3 if guids else "replacing-%d" % number, counts)
                        inner += 2
                    for leaf in place:
                        path = leaf.disk.path + "-part1"
                        state = "AVAIL" if purpose == "spare" and leaf.state == "ONLINE" else leaf.state
                        note = "  (resilvering)" if leaf.resilvering else ""
                        yield "%s%s  %s%s%s" % (" " * inner, leaf.guid if guids else path, state, counts, note)

    def _zpool_get(self, words: List[str]) -> str:
        pool = self._pool(words[-1])
        known = {"guid": pool.guid, "health": pool.state(), "expandsize": "-", "ashift": "0", "autotrim": "off", **pool.properties}
        return "".join("%s\t%s\n" % item for item in known.items())

    def _zfs_get(self, words: List[str]) -> str:
        known = {"mountpoint": "/" + words[-1], "compression": "off", **self._pool(words[-1]).root_properties}
        return "".join("%s\t%s\n" % item for item in known.items())

    def _zpool_set(self, words: List[str]) -> str:
        name, _equals, value = words[0].partition("=")
        self._pool(words[1]).properties[name] = value
        self._changed("set", name)
        return ""

    def _zfs_set(self, words: List[str]) -> str:
        name, _equals, value = words[0].partition("=")
        self._pool(words[1]).root_properties[name] = value
        self._changed("set", name)
        return ""

    def _importable(self) -> List[Pool]:
        return [pool for pool in self.pools if not pool.imported and any(self._own(pool, leaf) for leaf in pool.leaves)]

    def _own(self, pool: Pool, leaf: Leaf) -> bool:
        label = leaf.disk.label
        return leaf.disk.present and label is not None and (label.pool_guid, label.guid) == (pool.guid, leaf.guid)

    def _zpool_import(self, words: List[str]) -> str:
        pools = self._importable()
        for pool in pools:
            for leaf in pool.leaves:
                leaf.state = "ONLINE" if self._own(pool, leaf) else "UNAVAIL"
        if words == ["-d", BY_ID.rstrip("/"), "-d", "/dev"]:
            if not pools:
                raise Refused("no pools available to import")
            return "\n".join(map(self._import_text, pools))
        chosen = next(pool for pool in pools if pool.guid == words[-1])
        if not chosen.exported and chosen.host != "here" and self.hostids and "-f" not in words:
            raise Refused("cannot import '%s': pool was previously in use from another system." % chosen.name)
        self._changed("import", chosen.name, *(["-f"] if "-f" in words else []))
        chosen.imported, chosen.exported, chosen.host = True, False, "here"
        for leaf in chosen.leaves:
            if leaf.state == "ONLINE":
                self._write_label(chosen, leaf)
        return ""

    def _import_text(self, pool: Pool) -> str:
        foreign = not pool.exported and pool.host != "here" and self.hostids
        ready = pool.state() != "UNAVAIL"
        said = "be imported using its name or numeric identifier" + (" and\n\tthe '-f' flag." if foreign else ".")
        lines = ["   pool: %s" % pool.name, "     id: %s" % pool.guid, "  state: %s" % pool.state()]
        lines += ["status: The pool was last accessed by another system."] if foreign and ready else []
        lines += [
            " action: The pool can" + (" " + said if ready else "not be imported. Attach the missing\n\tdevices and try again.")
        ]
        lines += [" config:", "", "\t%s  %s" % (pool.name, pool.state())]
        return "\n".join(lines) + "\n"

    def _zpool_export(self, words: List[str]) -> str:
        pool = self._pool(words[-1])
        pool.imported, pool.exported = False, True
        self._changed("export", pool.name)
        for leaf in pool.leaves:
            if leaf.state == "ONLINE":
                self._write_label(pool, leaf)
        return ""

    def _spec(self, words: List[str]) -> List[Tuple[str, str, List[str]]]:
        """(type, purpose, paths) of a command line's vdevs."""
        found: List[Tuple[str, str, List[str]]] = []
        purpose, kind = "data", "single"
        for word in words:
            if word in CLASSES:
                purpose, kind = word, "single"
            elif re.match(r"^(mirror|raidz[123]|draid[123])", word):
                kind = word.partition(":")[0]
                found.append((kind, purpose, []))
            elif kind == "single":
                found.append(("single", purpose, [word]))
            else:
                found[-1][2].append(word)
        return found

    def _claim(self, path: str, force: bool, command: str) -> Disk:
        disk, part = self._find(path)
        if disk is None or part:
            raise Refused("cannot open '%s': no such device" % path)
        if self.mounted(disk):
            raise Refused("%s is in use" % path)
        if (disk.label or disk.content in ("ext4", "gpt")) and not force:
            raise Refused("%s contains a filesystem of type '%s'" % (path, disk.content))
        if disk.content != "raw":
            self._lose(disk, command)
        return disk

    def _options(self, words: List[str]) -> Tuple[List[str], Dict[str, str], Dict[str, str], List[str]]:
        flags, pool, root = [], {}, {}
        while words and words[0].startswith("-"):
            word = words.pop(0)
            if word in ("-o", "-O"):
                name, _equals, value = words.pop(0).partition("=")
                (pool if word == "-o" else root)[name] = value
            else:
                flags.append(word)
        return flags, pool, root, words

    def _zpool_create(self, words: List[str]) -> str:
        flags, properties, root, (name, *rest) = self._options(words)
        spec = self._spec(rest)
        if any(pool.name == name and pool.imported for pool in self.pools):
            raise Refused("cannot create '%s': pool already exists" % name)
        if len({(kind, len(paths)) for kind, purpose, paths in spec if purpose in ("data", "special", "dedup")}) > 1 and not flags:
            raise Refused("mismatched replication level")
        disks = [
            (kind, purpose, [self._claim(path, "-f" in flags, "create").name for path in paths]) for kind, purpose, paths in spec
        ]
        pool = self.make(name, disks)
        pool.properties, pool.root_properties = properties, root
        self._changed("create", name)
        return ""

    def _zpool_add(self, words: List[str]) -> str:
        flags, _properties, _root, (name, *rest) = self._options(words)
        pool = self._pool(name)
        for kind, purpose, paths in self._spec(rest):
            shapes = {(group.type, len(group.places)) for group in pool.groups if group.purpose in ("data", "special", "dedup")}
            if purpose in ("data", "special", "dedup") and shapes != {(kind, len(paths))} and not flags:
                raise Refused("mismatched replication level")
            places = [[self._leaf(pool, self._claim(path, "-f" in flags, "add"))] for path in paths]
            pool.groups.append(Group(kind, purpose, self._next(pool), places))
            for leaf in pool.groups[-1].leaves:
                self._write_label(pool, leaf)
        self._changed("add", *rest)
        return ""

    def _place(self, pool: Pool, name: str) -> Tuple[Group, List[Leaf], Leaf]:
        for group in pool.groups:
            for place in group.places:
                for leaf in place:
                    if name == leaf.guid:
                        return group, place, leaf
        raise Refused("no such device in pool: %s" % name)

    def _zpool_attach(self, words: List[str]) -> str:
        _flags, _properties, _root, (name, old, new) = self._options(words)
        pool = self._pool(name)
        group, _place, leaf = self._place(pool, old)
        if group.type not in ("single", "mirror") or leaf.state != "ONLINE" or leaf.resilvering:
            raise Refused("can only attach to mirrors and top-level disks")
        fresh = self._leaf(pool, self._claim(new, False, "attach"))
        fresh.resilvering = True
        group.type = "mirror"
        group.places.append([fresh])
        self._write_label(pool, fresh)
        self._changed("attach", fresh.disk.name)
        return ""

    def _zpool_replace(self, words: List[str]) -> str:
        _flags, _properties, _root, (name, old, new) = self._options(words)
        pool = self._pool(name)
        _group, place, leaf = self._place(pool, old)
        fresh = self._leaf(pool, self._claim(new, False, "replace"))
        fresh.resilvering = True
        place.append(fresh)
        self._write_label(pool, fresh)
        self._changed("replace", leaf.disk.name, leaf.state, fresh.disk.name)
        return ""

    def _zpool_detach(self, words: List[str]) -> str:
        pool = self._pool(words[0])
        group, place, leaf = self._place(pool, words[1])
        others = [one for one in group.leaves if one is not leaf and one.state == "ONLINE" and not one.resilvering]
        if group.type != "mirror" or not others:
            raise Refused("cannot detach %s: no valid replicas" % words[1])
        group.places.remove(place)
        if len(group.places) == 1:
            group.type = "single"
        self._changed("detach", leaf.disk.name, leaf.state)
        return ""

    def _zpool_remove(self, words: List[str]) -> str:
        pool = self._pool(words[0])
        group = next(
            (one for one in pool.groups if one.name == words[1] or any(leaf.guid == words[1] for leaf in one.leaves)), None
        )
        if group is None:
            raise Refused("no such device")
        self._changed("remove", *[leaf.disk.name for leaf in group.leaves])
        pool.groups.remove(group)
        return ""

    def _zpool_online(self, words: List[str]) -> str:
        _group, _place, leaf = self._place(self._pool(words[-2]), words[-1])
        leaf.state = "ONLINE"
        self._changed("online", leaf.disk.name)
        return ""

    def _zpool_offline(self, words: List[str]) -> str:
        group, _place, leaf = self._place(self._pool(words[-2]), words[-1])
        leaf.state = "OFFLINE"
        missing = sum(1 for place in group.places if not any(one.state == "ONLINE" for one in place))
        if missing > group.tolerance:
            leaf.state = "ONLINE"
            raise Refused("cannot offline %s: no valid replicas" % words[-1])
        self._changed("offline", leaf.disk.name)
        return ""
