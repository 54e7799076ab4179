# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A point back into a dataset that is not there yet: every point of its chain is checked, and received one after the other.

A run that was killed goes on after the last point that was received whole; zfs leaves nothing of one that was not. Which restore a
dataset belongs to stands in a property of its own, so that nobody else's dataset is ever gone on with.
"""

from __future__ import annotations

import os
import shutil
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.storage import Bucket
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.host import Zfs
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.parts import receiving, unseal
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.points import MANIFEST, Point, Stored, at, stored

#: ``CLUSTER/HOST/DATASET/@POINT`` that a dataset is made from.
PROPERTY = "kubernetes.baremetal:restored-from"
VERSION = 1


class Source(NamedTuple):
    """Whose points."""

    bucket: Bucket
    cluster: str
    host: str

    @property
    def root(self) -> str:
        return self.bucket.key("zfs", self.cluster, self.host)

    def read(self, dataset: str = "") -> Stored:
        """What is there, of one dataset or of all."""
        below = self.root + "/" + (dataset + "/@" if dataset else "")
        return stored(self.root, self.bucket.list(below))


class Plan(NamedTuple):
    """``steps`` in words, which is what check mode shows; ``chain`` are the points that are not received yet."""

    source: Source
    target: str
    chain: List[Point]
    manifests: List[Dict[str, Any]]
    stamp: str
    guid: str
    aside: str
    steps: List[str]

    @property
    def size(self) -> int:
        """Bytes of the streams."""
        return sum(int(manifest["stream_size"]) for manifest in self.manifests)


def plan_restore(runner: Runner, source: Source, dataset: str, target: str, moment: float, replace: str = "") -> Plan:
    """What restoring would do.

    :param moment: the newest point that is not after it.
    :param replace: the target's own name where what is there may be renamed out of the way.
    :raises BackupError: there is no such point, something of it is missing, or the target is somebody's.
    """
    known = source.read(dataset)
    chain = at(known.of(dataset), moment)
    if not chain:
        have = known.of(dataset)
        problem = "there is no whole point of it in %s" % source.root if not have else "every whole point of it is later"
        raise BackupError(dataset, problem, "see what there is: `zfs-backup.pyz list` on a host of the cluster")
    manifests = [read_manifest(source, point, known) for point in chain]
    stamp = "%s/%s/%s" % (source.cluster, source.host, chain[-1].path)
    there = _target(runner, target)
    aside = ""
    steps: List[str] = []
    if there is not None and there["stamp"] != stamp:
        if replace != target:
            raise BackupError(
                target,
                "there is such a dataset, and nothing is restored over one",
                "name a new one; or let it be renamed, by zfs_backup_restore_replace: %s" % target,
            )
        aside = "%s.before-%s" % (target, chain[-1].name.partition("-")[0])
        if _target(runner, aside) is not None:
            raise BackupError(aside, "it is there from an earlier restore", "rename it, or destroy it if nobody needs it")
        steps.append("rename %s to %s" % (target, aside))
        there = None
    received = set(there["guids"]) if there else set()
    left = [number for number, point in enumerate(chain) if point.guid not in received]
    steps += ["receive %s into %s" % (chain[number].path, target) for number in left]
    waiting, texts = [chain[number] for number in left], [manifests[number] for number in left]
    return Plan(source, target, waiting, texts, stamp, chain[-1].guid, aside, steps)


def carry_out(runner: Runner, plan: Plan, key_file: str, work: str) -> None:
    """Do what the plan says.

    :param work: a folder that is made, and removed whatever happens.
    :raises BackupError: a part is damaged, or zfs did not take it; the next run goes on.
    """
    if plan.aside:
        Zfs(runner).run(["rename", plan.target, plan.aside], "stop what uses it")
    for point, manifest in zip(plan.chain, plan.manifests):
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(work, mode=0o700)
        # The first makes the dataset, and says from then on whose it is. Nothing is mounted; but a boot meanwhile may have mounted
        # what is half restored, whose access times -F takes back.
        marked = ["-F"] if point.base else ["-o", "%s=%s" % (PROPERTY, plan.stamp)]
        try:
            with receiving(["zfs", "receive", "-u", *marked, plan.target]) as stream:
                for entry in manifest["parts"]:
                    here = os.path.join(work, "part")
                    plan.source.bucket.get("%s/%s/%s" % (plan.source.root, point.path, entry["name"]), here)
                    unseal(runner, entry, here, here + ".zst", here + ".stream", key_file)
                    stream.give(here + ".stream")
                stream.end()
        except OSError as error:
            raise BackupError(work, error.strerror or str(error), "make room for three parts on that file system")
        finally:
            shutil.rmtree(work, ignore_errors=True)
    have = _target(runner, plan.target)
    if have is None or not have["guids"] or have["guids"][-1] != plan.guid:
        raise BackupError(plan.target, "its newest snapshot is not the point that was to be restored", "start again")


def read_manifest(source: Source, point: Point, known: Stored) -> Dict[str, Any]:
    """A point's manifest, all of whose parts are there.

    :raises BackupError: it is not whole.
    """
    key = "%s/%s/%s" % (source.root, point.path, MANIFEST)
    remedy = "restore an earlier point; the next run of the backup begins a new chain once this one is removed"
    try:
        manifest = from_json(source.bucket.read(key))
        names: Mapping[str, int] = known.objects[point.path]
        said = (manifest["dataset"], manifest["guid"], manifest["base"])
        missing = [str(entry["name"]) for entry in manifest["parts"] if names.get(entry["name"]) != entry["size"]]
        version = manifest["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(key, "it is damaged: %r" % error, remedy)
    if version != VERSION:
        raise BackupError(key, "it is of version %s, and not %d" % (version, VERSION), "use the collection's newest release")
    if said != (point.dataset, point.guid, point.base):
        raise BackupError(key, "it is of another point", remedy)
    if missing:
        raise BackupError(key, "parts of it are missing or cut: %s" % ", ".join(missing[:5]), remedy)
    return dict(manifest)


def _target(runner: Runner, target: str) -> Any:
    """Stamp and guids of its snapshots, oldest first; None where there is no such dataset."""
    names = runner.run(["zfs", "list", "-Hp", "-o", "name", "-t", "filesystem,volume", target], timeout=600)
    if names.rc != 0:
        if "does not exist" in names.stderr:
            return None
        raise BackupError("zfs list %s" % target, names.stderr.strip() or "exit code %d" % names.rc, "see that ZFS is installed")
    zfs = Zfs(runner)
    stamp = zfs.run(["get", "-Hp", "-o", "value", PROPERTY, target], "look at it").stdout.strip()
    words: Sequence[str] = ["list", "-Hp", "-d", "1", "-t", "snapshot", "-s", "createtxg", "-o", "guid", target]
    return {"stamp": stamp, "guids": zfs.run(words, "look at it").stdout.split()}
