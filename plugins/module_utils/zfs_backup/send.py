# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One dataset's newest snapshot into the bucket: an increment upon the newest point that both sides have, or all of it.

Whatever ends a run, the next one goes on. What is under way stands in the dataset's ledger, its snapshot is held, and the manifest
is the last thing written: without one a point does not count, and its parts are taken up again or removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import urllib.parse
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.storage import Bucket
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.host import OURS, SANOID, Dataset, Mark, Zfs
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.parts import part_name, seal, sending
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.points import MANIFEST, Point, Stored, chains
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.settings import Settings

#: Compressed as on disk, with large blocks, and the same for a whole chain (openzfs/zfs issue 6224). Encrypted datasets stay so.
PLAIN, RAW = ("-L", "-c"), ("-w",)
#: A part stands there compressed and encrypted.
ROOM = 2.2
DAY = 86400
#: Seconds in which sanoid has its turn with a dataset that was made meanwhile.
NEW = 3600


class Ledger:
    """What this host knows of one dataset's sends: ``sent`` (guid, key) and, while one is under way, ``sending``."""

    def __init__(self, state: str, dataset: str) -> None:
        self.path = os.path.join(state, "datasets", urllib.parse.quote(dataset, safe="") + ".json")
        self.sent: Dict[str, str] = {}
        self.sending: Dict[str, Any] = {}
        try:
            with open(self.path, encoding="utf-8") as stream:
                data = from_json(stream.read())
            self.sent, self.sending = dict(data["sent"]), dict(data["sending"])
        except (OSError, ValueError, KeyError, TypeError):
            # Without it nothing is wrong: the next send is a full one.
            pass

    def write(self) -> None:
        os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
        replace_file(self.path, json.dumps({"sent": self.sent, "sending": self.sending}, indent=1, sort_keys=True), 0o600)


class Next(NamedTuple):
    """What is to be sent: ``base`` is None for all of it."""

    point: Point
    snapshot: Mark
    base: Optional[Mark]


def choose(dataset: Dataset, points: Sequence[Point], same_key: bool, full_every_days: int, now: float) -> Optional[Next]:
    """Pure. None where the newest snapshot is in the bucket already, in a chain that can be restored, or the dataset is brand new.

    :param same_key: what is there was encrypted for the key of now; else a chain would need two, so a new one begins.
    :raises BackupError: there is no snapshot to send.
    """
    snapshots = [mark for mark in dataset.snapshots if mark.name.startswith(SANOID)]
    if not snapshots and now - dataset.created < NEW:
        return None
    if not snapshots:
        raise BackupError(dataset.name, "sanoid has taken no snapshot of it", "look at `journalctl --unit sanoid`")
    newest = snapshots[-1]
    ways = chains(points)
    if any(point.guid == newest.guid for point in ways):
        return None
    base: Optional[Tuple[Mark, List[Point]]] = None
    for point, way in sorted(ways.items(), key=lambda item: item[0].taken) if same_key else ():
        mark = dataset.base(point.guid)
        # zfs itself sends from a bookmark to an older snapshot without a word (openzfs/zfs issue 12657).
        if mark is not None and mark.createtxg < newest.createtxg:
            base = mark, way
    if base is not None and newest.created - base[1][0].taken >= full_every_days * DAY:
        base = None
    point = Point(dataset.name, float(newest.created), newest.guid, base[0].guid if base else "")
    return Next(point, newest, base[0] if base else None)


class Sender:
    """Sends datasets of one host."""

    def __init__(self, settings: Settings, runner: Runner, bucket: Bucket, state: str) -> None:
        self.settings = settings
        self.runner = runner
        self.bucket = bucket
        self.state = state
        self.zfs = Zfs(runner)

    def key(self, point: str, name: str = "") -> str:
        settings = self.settings
        return self.bucket.key("zfs", settings.cluster_name, settings.host, point, name)

    def send(self, dataset: Dataset, known: Stored) -> List[Dict[str, Any]]:
        """What was sent: the rest of a send that was cut, and the newest snapshot. Adds to ``known``.

        :raises BackupError: it did not get to its end; the next run goes on.
        """
        ledger = Ledger(self.state, dataset.name)
        done: List[Dict[str, Any]] = []
        resumed = self._cut(dataset, ledger, known)
        self._release(dataset, resumed)
        if resumed is not None:
            self.zfs.hold(resumed.snapshot)
            done.append(self._send(dataset, ledger, resumed, known))
        same_key = ledger.sent.get("key") == self._identity()
        chosen = choose(dataset, known.of(dataset.name), same_key, self.settings.full_every_days, self.runner.now())
        if chosen is not None:
            self.zfs.hold(chosen.snapshot)
            ledger.sending = {"point": chosen.point.name, "key": self._identity(), "parts": []}
            ledger.write()
            done.append(self._send(dataset, ledger, chosen, known))
        return done

    def _cut(self, dataset: Dataset, ledger: Ledger, known: Stored) -> Optional[Next]:
        """The send that was under way when a run ended, where it can go on."""
        if not ledger.sending:
            return None
        _stamp, guid, base_guid = (str(ledger.sending.get("point", "")).split("-") + ["", ""])[:3]
        snapshot = dataset.snapshot(guid)
        base = dataset.base(base_guid) if is_digits(base_guid) else None
        usable = snapshot is not None and ledger.sending.get("key") == self._identity()
        if is_digits(base_guid):
            usable = usable and base is not None and any(point.guid == base_guid for point in chains(known.of(dataset.name)))
        if not usable or snapshot is None:
            ledger.sending = {}
            ledger.write()
            return None
        return Next(Point(dataset.name, float(snapshot.created), guid, base.guid if base else ""), snapshot, base)

    def _release(self, dataset: Dataset, resumed: Optional[Next]) -> None:
        """Of holds that a killed run left."""
        for snapshot in dataset.snapshots:
            if snapshot.held and (resumed is None or snapshot.guid != resumed.snapshot.guid):
                self.zfs.release(snapshot)

    def _send(self, dataset: Dataset, ledger: Ledger, chosen: Next, known: Stored) -> Dict[str, Any]:
        started = self.runner.now()
        there = known.objects.get(chosen.point.path, {})
        if MANIFEST in there:
            # It was whole, and only the end of the run is missing.
            self._finish(dataset, ledger, chosen)
            return {"point": chosen.point.path, "full": not chosen.point.base, "size": 0, "uploaded": 0, "seconds": 0.0}
        entries, uploaded = self._parts(dataset, ledger, chosen, there)
        manifest = self._manifest(dataset, chosen, entries)
        work = self._work()
        path = os.path.join(work, MANIFEST)
        replace_file(path, json.dumps(manifest, indent=1, sort_keys=True) + "\n", 0o600)
        for name in sorted(set(there) - {entry["name"] for entry in entries}):
            self.bucket.delete(self.key(chosen.point.path, name))
        # Last: with this the point is whole.
        self.bucket.put(path, self.key(chosen.point.path, MANIFEST))
        shutil.rmtree(work, ignore_errors=True)
        known.points.setdefault(dataset.name, []).append(chosen.point)
        known.objects[chosen.point.path] = {MANIFEST: 0, **{entry["name"]: entry["size"] for entry in entries}}
        self._finish(dataset, ledger, chosen)
        return {
            "point": chosen.point.path,
            "full": not chosen.point.base,
            "size": sum(entry["size"] for entry in entries),
            "uploaded": uploaded,
            "seconds": round(self.runner.now() - started, 1),
        }

    def _parts(self, dataset: Dataset, ledger: Ledger, chosen: Next, there: Mapping[str, int]) -> Tuple[List[Dict[str, Any]], int]:
        """The manifest's lines, and how many bytes this run has uploaded."""
        before: List[Dict[str, Any]] = [
            entry for entry in ledger.sending.get("parts", []) if there.get(entry["name"]) == entry["size"]
        ]
        known = {entry["name"]: entry for entry in before}
        work = self._work()
        packed, sealed = os.path.join(work, "part.zst"), os.path.join(work, "part")
        limit = self.settings.part_mib << 20
        uploaded = 0
        entries: List[Dict[str, Any]] = []
        flags = RAW if dataset.encrypted else PLAIN
        words = ["zfs", "send", *flags, *(["-i", chosen.base.ref] if chosen.base else []), chosen.snapshot.ref]
        with sending(words) as stream:
            for number in range(1, 1000000):
                self._room(work, limit)
                piece = stream.take(packed, limit)
                if piece is None:
                    break
                name = part_name(number, self.settings.encryption)
                entry = known.get(name)
                if entry is None or (entry["stream_sha256"], entry["stream_size"]) != (piece.sha256, piece.size):
                    entry = {"name": name, **seal(self.runner, self.settings, packed, sealed, piece)}
                    self.bucket.put(sealed, self.key(chosen.point.path, name))
                    uploaded += entry["size"]
                    known[name] = entry
                    ledger.sending["parts"] = sorted(known.values(), key=lambda one: str(one["name"]))
                    ledger.write()
                entries.append(entry)
        return entries, uploaded

    def _manifest(self, dataset: Dataset, chosen: Next, entries: List[Dict[str, Any]]) -> Dict[str, Any]:
        return {
            "version": 1,
            "cluster": self.settings.cluster_name,
            "host": self.settings.host,
            "dataset": dataset.name,
            "volume": dataset.volume,
            "raw": dataset.encrypted,
            "snapshot": chosen.snapshot.name,
            "guid": chosen.point.guid,
            "base": chosen.point.base,
            "taken": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(chosen.point.taken)),
            "stream_size": sum(entry["stream_size"] for entry in entries),
            "parts": entries,
        }

    def _finish(self, dataset: Dataset, ledger: Ledger, chosen: Next) -> None:
        """The bookmark that the next increment begins from, and then nothing is under way any more."""
        mark = "%s#%s-%s" % (dataset.name, OURS, chosen.point.guid)
        ours = [one for one in dataset.bookmarks if one.name.startswith(OURS + "-")]
        if mark not in [one.ref for one in ours]:
            self.zfs.run(["bookmark", chosen.snapshot.ref, mark], "look at `zfs list -t bookmark %s`" % dataset.name)
        ledger.sent = {"guid": chosen.point.guid, "key": str(ledger.sending.get("key", ""))}
        ledger.sending = {}
        ledger.write()
        self.zfs.release(chosen.snapshot)
        for one in ours:
            if one.ref != mark:
                self.zfs.run(["destroy", one.ref], "look at `zfs list -t bookmark %s`" % dataset.name)

    def _identity(self) -> str:
        """Says whether two points were encrypted for the same key; it stays on this host, beside the key."""
        settings = self.settings
        if settings.encryption == "age":
            words = "age " + " ".join(sorted(settings.age_recipients))
        else:
            words = "openssl " + (self.runner.read(settings.passphrase_file) or "")
        return hashlib.sha256(words.encode("utf-8")).hexdigest()

    def _work(self) -> str:
        path = os.path.join(self.state, "work")
        os.makedirs(path, mode=0o700, exist_ok=True)
        return path

    def _room(self, work: str, limit: int) -> None:
        free = shutil.disk_usage(work).free
        if free < ROOM * limit:
            raise BackupError(
                work,
                "it has %d MiB free, and a part takes %d there for a while" % (free >> 20, int(ROOM * limit) >> 20),
                "make room, or write a smaller zfs_backup_part_mib",
            )
