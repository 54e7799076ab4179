# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose pools are folders (zfs_programs), and which sends them to object storage."""

from __future__ import annotations

import pathlib
from typing import Any, Dict, List, Optional, Sequence

import zfs_programs
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.settings import Storage
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.storage import Bucket
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.retention import Keep
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner, Result
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup import restore
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.run import Run
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.settings import Settings, Wanted

START = 1_790_000_000
HOUR = 3600


class PoolRunner(HostRunner):
    """Has the pool's time, and calls its programs where nobody reads or writes a stream."""

    def __init__(self, host: "Host") -> None:
        self.host = host

    def now(self) -> float:
        return float(self.host.pool().now)

    def run(self, argv: Sequence[str], *words: Any, **more: Any) -> Result:
        if argv[0] in zfs_programs.PROGRAMS:
            return Result(*zfs_programs.call(argv, self.host.root))
        return super().run(argv, *words, **more)


class Host:
    """One dataset ``tank/volumes/a`` with files, sent in parts of a MiB."""

    def __init__(self, folder: pathlib.Path, storage: Storage) -> None:
        self.folder = folder
        self.root = folder / "pool"
        self.root.mkdir()
        self.state = str(folder / "state")
        self.clock(START)
        self.zfs("create", "tank")
        self.zfs("create", "tank/volumes")
        self.zfs("create", "tank/volumes/a")
        (folder / "key").write_text("correct horse battery staple\n")
        self.settings = Settings(
            "lab",
            "w1",
            (Wanted("tank/volumes"),),
            storage._replace(prefix=folder.name),
            passphrase_file=str(folder / "key"),
            keep=Keep(last=3),
            part_mib=1,
            metrics_directory=str(folder / "metrics"),
        )

    def pool(self) -> zfs_programs.Pool:
        return zfs_programs.Pool(self.root)

    def clock(self, moment: int) -> None:
        (self.root / "clock").write_text(str(moment))

    def later(self, seconds: int = HOUR) -> None:
        self.clock(self.pool().now + seconds)

    def zfs(self, *words: str) -> None:
        assert zfs_programs.main("zfs", list(words), str(self.root)) == 0

    def write(self, name: str, content: bytes, dataset: str = "tank/volumes/a") -> None:
        (self.pool().live(dataset) / name).write_bytes(content)

    def files(self, dataset: str = "tank/volumes/a") -> Dict[str, bytes]:
        return {name: path.read_bytes() for name, path in zfs_programs.files(self.pool().live(dataset)).items()}

    def bucket(self, storage: Optional[Storage] = None) -> Bucket:
        return Bucket(storage or self.settings.storage, timeout=10, pause=lambda seconds: None)

    def job(self, bucket: Optional[Bucket] = None, **changes: Any) -> Run:
        return Run(self.settings._replace(**changes), PoolRunner(self), self.state, bucket or self.bucket(), lambda line: None)

    def run(self, bucket: Optional[Bucket] = None, **changes: Any) -> Dict[str, Any]:
        return self.job(bucket, **changes).send("digest")

    def sent(self, **changes: Any) -> List[Dict[str, Any]]:
        """What a run has sent of dataset a, which went well."""
        report = self.run(**changes)
        assert report["error"] == ""
        return [one for one in report["sent"] if one["point"].startswith("tank/volumes/a/")]

    def stored(self) -> List[str]:
        """Whole points of dataset a, oldest first."""
        return [point.name for point in self.source().read().of("tank/volumes/a")]

    def source(self) -> restore.Source:
        return restore.Source(self.bucket(), "lab", "w1")

    def restore(self, target: str, moment: float = 1e12, replace: str = "", key: str = "") -> List[str]:
        runner = PoolRunner(self)
        plan = restore.plan_restore(runner, self.source(), "tank/volumes/a", target, moment, replace)
        restore.carry_out(runner, plan, key or self.settings.key_file, str(self.folder / "work"))
        return plan.steps
