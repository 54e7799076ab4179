# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks by every name they have, and file systems with their free space."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Set

from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.mounts import Mount, mounts
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.problems import Problems
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

SECTOR = 512
#: Block devices that are no disks although the kernel gives some of them a device.
NOT_DISKS = re.compile(r"^(loop|ram|zram|sr|fd|nbd|dm-|md)")
#: File systems without a disk of their own, and places of pods and containers.
NOT_STORAGE = ("tmpfs", "devtmpfs", "squashfs", "efivarfs", "fuse.lxcfs")
NOT_PLACES = re.compile(r"^/(dev|proc|sys|run)(/|$)|/(kubelet/pods|containers/storage|docker|containerd)/")


def read(runner: Runner, timeout: float, problems: Problems) -> Dict[str, Any]:
    """disks and filesystems"""
    argv = ["df", "--local", "--block-size=1", "--output=fstype,size,avail,target"]
    result = runner.run(argv, timeout=timeout)
    # df ends with 1 when one of the mounts is unreadable, and prints the others.
    if result.rc not in (0, 1):
        problems.add("filesystems", "%s: %s" % (" ".join(argv), result.stderr.strip()))
    return {"disks": _disks(runner), "filesystems": parse_df(result.stdout)}


def _disks(runner: Runner) -> List[Dict[str, Any]]:
    mounted = parse_mountinfo(runner.read("/proc/self/mountinfo") or "")
    names: Dict[str, List[str]] = {}
    for name in runner.list_dir("/dev/disk/by-id"):
        path = "/dev/disk/by-id/" + name
        names.setdefault(runner.realpath(path), []).append(path)
    disks = []
    for disk in runner.list_dir("/sys/block"):
        folder = "/sys/block/" + disk
        if NOT_DISKS.match(disk) or not runner.exists(folder + "/device"):
            continue
        tree = set(_tree(runner, disk))
        numbers = {(runner.read("/sys/class/block/%s/dev" % part) or "").strip() for part in tree} - {""}
        sources = {"/dev/" + part for part in tree}
        disks.append(
            {
                "name": disk,
                "size_bytes": SECTOR * _number(runner.read(folder + "/size")),
                "rotational": (runner.read(folder + "/queue/rotational") or "").strip() == "1",
                "model": " ".join((runner.read(folder + "/device/model") or "").split()),
                "by_id": sorted(names.get("/dev/" + disk, [])),
                "mountpoints": sorted(
                    {mount.mountpoint for mount in mounted if mount.device in numbers or mount.source in sources}
                ),
            }
        )
    return disks


def _tree(runner: Runner, disk: str) -> Iterator[str]:
    """The disk, its partitions, and what device mapper and md build on them."""
    seen: Set[str] = set()
    parts = [name for name in runner.list_dir("/sys/block/" + disk) if name.startswith(disk)]
    waiting = [disk] + parts
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        yield name
        waiting.extend(runner.list_dir("/sys/class/block/%s/holders" % name))


def parse_mountinfo(text: str) -> List[Mount]:
    """Whole file systems that are mounted (proc(5)); bind mounts of folders and containers' places are left out."""
    return [
        mount
        for mount in mounts(text)
        if (mount.root == "/" or mount.fstype == "btrfs") and not NOT_PLACES.search(mount.mountpoint)
    ]


def parse_df(text: str) -> List[Dict[str, Any]]:
    """mount, fstype, size_bytes and free_bytes, from df --output=fstype,size,avail,target."""
    filesystems = []
    for line in text.splitlines()[1:]:
        fields = line.split(None, 3)
        if len(fields) < 4 or fields[0] in NOT_STORAGE or NOT_PLACES.search(fields[3]) or _number(fields[1]) == 0:
            continue
        filesystems.append(
            {"mount": fields[3], "fstype": fields[0], "size_bytes": _number(fields[1]), "free_bytes": _number(fields[2])}
        )
    return filesystems


def _number(text: object) -> int:
    value = str(text or "").strip()
    return int(value) if re.match(r"^[0-9]{1,20}$", value) else 0
