# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is told about its sends to object storage: one JSON file, written by role zfs_backup and read by its program."""

from __future__ import annotations

import calendar
import re
import time
from typing import Any, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.settings import (
    Complaint,
    Storage,
    encryption_complaints,
    keep_complaints,
    storage_complaints,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.retention import Keep
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import truth

FOLDER = "/etc/baremetal-kubernetes"
SETTINGS = FOLDER + "/zfs-backup.json"
PASSPHRASE = FOLDER + "/zfs-backup.key"
IDENTITY = FOLDER + "/zfs-backup.age"
STATE = "/var/lib/baremetal-kubernetes/zfs-backup"
#: Datasets of the trial restore are made in each pool under this name, and destroyed again.
SCRATCH = "kubernetes-zfs-backup-trial"
#: Without blanks, which ZFS would allow: sanoid.conf has no way to write them.
NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_.:-]*(/[A-Za-z0-9_.:-]+)*$")


class Wanted(NamedTuple):
    """A dataset that is sent, and with ``recursive`` all in it."""

    name: str
    recursive: bool = True


class Settings(NamedTuple):
    """Everything but secrets that have files of their own."""

    cluster_name: str
    host: str
    datasets: Tuple[Wanted, ...]
    storage: Storage
    encryption: str = "openssl"
    passphrase_file: str = PASSPHRASE
    age_recipients: Tuple[str, ...] = ()
    #: Where the host may read what it has sent: needed for the trial restore where age encrypts.
    age_identity_file: str = ""
    keep: Keep = Keep()
    full_every_days: int = 28
    part_mib: int = 256
    metrics_directory: str = ""

    @property
    def key_file(self) -> str:
        """What opens a part again; empty where this host can't."""
        return self.passphrase_file if self.encryption == "openssl" else self.age_identity_file


def read_settings(text: Optional[str], path: str = SETTINGS) -> Settings:
    """The settings in a host's file.

    :raises BackupError: it is missing or was changed by hand into something else.
    """
    remedy = "run the playbook zfs_backup, which writes it"
    if text is None:
        raise BackupError(path, "it can't be read", remedy)
    try:
        data = from_json(text)
        return Settings(
            **{
                **data,
                "datasets": tuple(wanted(one) for one in data["datasets"]),
                "storage": Storage(**data["storage"]),
                "age_recipients": tuple(data.get("age_recipients", ())),
                "keep": Keep(**data.get("keep", {})),
            }
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BackupError(path, "it is not what the role writes: %s" % error, remedy)


def wanted(entry: Mapping[str, Any]) -> Wanted:
    """From one of ``zfs_backup_datasets``, in whatever way its truth value is written."""
    return Wanted(str(entry.get("name") or ""), truth(entry.get("recursive", True)) is not False)


def complaints(settings: Mapping[str, Any]) -> List[Complaint]:
    """All that is wrong with the role's variables: setting, problem, remedy. Types are checked elsewhere."""
    datasets = settings.get("zfs_backup_datasets")
    if not isinstance(datasets, list) or not datasets:
        return []
    own = with_defaults(settings)
    found = list(_datasets(datasets))
    found += encryption_complaints("zfs_backup_", own)
    found += keep_complaints("zfs_backup_keep", own.get("zfs_backup_keep"))
    if not own.get("zfs_backup_storage"):
        found.append(
            (
                "zfs_backup_storage",
                "neither it nor backup_storage is set, so there is nowhere to send to",
                "write endpoint, bucket, access_key and secret_key",
            )
        )
    found += storage_complaints("zfs_backup_storage", own.get("zfs_backup_storage"))
    age = own.get("zfs_backup_encryption") == "age"
    trial = settings.get("zfs_backup_trial_schedule", "weekly")
    if age and trial and not settings.get("zfs_backup_age_identity"):
        found.append(
            (
                "zfs_backup_trial_schedule",
                "with age this host can't read what it has sent, so there is nothing that it could restore on trial",
                'write "", and try a restore where the identity is; or give the host the identity (zfs_backup_age_identity)',
            )
        )
    found += list(_numbers(settings))
    return found


def restore_complaints(settings: Mapping[str, Any]) -> List[Complaint]:
    """The same for what a restore is told, on every host alike."""
    own = with_defaults(settings)
    found = storage_complaints("zfs_backup_storage", own.get("zfs_backup_storage"))
    if not own.get("zfs_backup_storage"):
        found.append(("zfs_backup_storage", "neither it nor backup_storage is set", "write where the snapshots were sent to"))
    for name in ("zfs_backup_restore_dataset", "zfs_backup_restore_target"):
        if not dataset_name(str(settings.get(name) or "")):
            found.append((name, "%r is no name of a dataset" % (settings.get(name) or ""), "write it like tank/volumes/a"))
    replace, target = settings.get("zfs_backup_restore_replace"), settings.get("zfs_backup_restore_target")
    if replace and replace != target:
        found.append(("zfs_backup_restore_replace", "it is not the target's name", "write %s, or leave it away" % target))
    if moment(str(settings.get("zfs_backup_restore_at") or "")) is None:
        problem = "%r is no moment" % settings.get("zfs_backup_restore_at")
        found.append(("zfs_backup_restore_at", problem, "write it in UTC like 2026-11-20T18:00:00Z"))
    keys = ("zfs_backup_restore_passphrase", "zfs_backup_restore_age_identity", "zfs_backup_age_identity")
    if not any(settings.get(name) for name in keys) and not own.get("zfs_backup_passphrase"):
        found.append(
            (
                "zfs_backup_restore_passphrase",
                "neither it nor zfs_backup_passphrase nor an identity of age is set, so nothing could be read",
                "write the passphrase of then, in a vault",
            )
        )
    return found


def moment(written: str) -> Optional[float]:
    """Seconds since the epoch; far away for an empty text, None for what is no moment."""
    if not written:
        return 1e12
    try:
        return float(calendar.timegm(time.strptime(written, "%Y-%m-%dT%H:%M:%SZ")))
    except ValueError:
        return None


def dataset_name(name: str) -> bool:
    """Whether a dataset may be called so, the pool's own among them."""
    return bool(NAME.match(name))


def with_defaults(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings that are backup's where this role has no word of its own, as the role's defaults have it."""
    names = ("storage", "encryption", "passphrase", "age_recipients")
    return {**settings, **{"zfs_backup_" + name: _first(settings, "zfs_backup_" + name, "backup_" + name) for name in names}}


def _first(settings: Mapping[str, Any], *names: str) -> Any:
    return next((settings[name] for name in names if settings.get(name) is not None), None)


def _datasets(datasets: List[Any]) -> Iterator[Complaint]:
    seen: List[Wanted] = []
    for number, entry in enumerate(datasets):
        setting = "zfs_backup_datasets[%d]" % number
        name, recursive = wanted(entry if isinstance(entry, Mapping) else {})
        if not dataset_name(name):
            yield setting, "%r is no name of a dataset" % name, "write it like tank/volumes"
            continue
        if "/" not in name and recursive:
            problem = "all of the pool would be sent, containerd's images and the trial restore among it"
            yield setting, problem, "name the datasets in it, or write recursive: false"
        if SCRATCH in name.split("/"):
            yield setting, "%s is where restores are tried, and destroyed again" % SCRATCH, "name another dataset"
        for other in seen:
            wide, narrow = sorted((other, Wanted(name, recursive)), key=lambda one: len(one.name))
            if other.name == name or (wide.recursive and narrow.name.startswith(wide.name + "/")):
                yield setting, "%s is named twice: by itself and by %s" % (narrow.name, wide.name), "name it once"
        seen.append(Wanted(name, recursive))


def _numbers(settings: Mapping[str, Any]) -> Iterator[Complaint]:
    days = settings.get("zfs_backup_full_every_days")
    if isinstance(days, int) and days < 1:
        yield "zfs_backup_full_every_days", "%d is no number of days" % days, "write 1 or more"
    part = settings.get("zfs_backup_part_mib")
    if isinstance(part, int) and not 8 <= part <= 2048:
        yield "zfs_backup_part_mib", "%d MiB is no size for parts" % part, "write 8 to 2048; each takes that much room, three times"
    snapshots = settings.get("zfs_backup_snapshots")
    if isinstance(snapshots, Mapping):
        counts = [value for value in snapshots.values() if isinstance(value, int)]
        if any(count < 0 for count in counts) or (counts and not any(counts)):
            problem = "it would take no snapshot at all" if not any(counts) else "less than none can't be kept"
            yield "zfs_backup_snapshots", problem, "write at least one of them as 1 or more, none below 0"
