# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is told about its backups: one JSON file, written by role backup and read by the program that it installs."""

from __future__ import annotations

import json
import urllib.parse
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.retention import Keep
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json

FOLDER = "/etc/baremetal-kubernetes"
SETTINGS = FOLDER + "/backup.json"
PASSPHRASE = FOLDER + "/backup.key"
STATE = "/var/lib/baremetal-kubernetes/backup"
#: What a person can't guess within a lifetime of tries at PBKDF2, if it is not a word.
SHORTEST_PASSPHRASE = 16
ENCRYPTIONS = ("openssl", "age")

Complaint = Tuple[str, str, str]


class Storage(NamedTuple):
    """A bucket of S3-compatible storage; ``prefix`` is what names begin with, without the cluster's name."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str
    prefix: str = ""
    region: str = "us-east-1"
    ca_file: str = ""


class Settings(NamedTuple):
    """Everything but secrets that have files of their own."""

    cluster_name: str
    host: str
    directory: str = "/var/backups/kubernetes"
    paths: Tuple[str, ...] = ()
    encryption: str = "openssl"
    passphrase_file: str = PASSPHRASE
    age_recipients: Tuple[str, ...] = ()
    keep: Keep = Keep()
    storage: Optional[Storage] = None
    storage_keep: Keep = Keep()
    every_member: bool = False
    takeover_seconds: int = 300
    metrics_directory: str = ""
    timeout: int = 600


def read_settings(text: Optional[str], path: str = SETTINGS) -> Settings:
    """The settings in a host's file.

    :raises BackupError: it is missing or was changed by hand into something else.
    """
    remedy = "run the playbook backup, which writes it"
    if text is None:
        raise BackupError(path, "it can't be read", remedy)
    try:
        data = from_json(text)
        storage = data.get("storage") or None
        return Settings(
            **{
                **data,
                "paths": tuple(data.get("paths", ())),
                "age_recipients": tuple(data.get("age_recipients", ())),
                "keep": Keep(**data.get("keep", {})),
                "storage": Storage(**storage) if storage else None,
                "storage_keep": Keep(**data.get("storage_keep", {})),
            }
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise BackupError(path, "it is not what the role writes: %s" % error, remedy)


def complaints(settings: Mapping[str, Any]) -> List[Complaint]:
    """All that is wrong with the role's variables: setting, problem, remedy. Types are checked elsewhere."""
    found = encryption_complaints("backup_", settings)
    for name in ("backup_keep", "backup_storage_keep"):
        found += keep_complaints(name, settings.get(name))
    return found + storage_complaints("backup_storage", settings.get("backup_storage"))


def encryption_complaints(prefix: str, settings: Mapping[str, Any]) -> List[Complaint]:
    """Of the settings ``<prefix>encryption``, ``passphrase`` and ``age_recipients``."""
    found: List[Complaint] = []
    encryption = settings.get(prefix + "encryption") or "openssl"
    passphrase = str(settings.get(prefix + "passphrase") or "")
    recipients = settings.get(prefix + "age_recipients") or []
    if encryption == "openssl" and len(passphrase) < SHORTEST_PASSPHRASE:
        what = (
            "it is not set, and a backup holds every secret of the cluster"
            if not passphrase
            else "it is too short to keep a secret"
        )
        found.append(
            (
                prefix + "passphrase",
                what,
                "write at least %d random characters in a vault, and keep a copy where the cluster is not" % SHORTEST_PASSPHRASE,
            )
        )
    elif "\n" in passphrase.strip("\n"):
        found.append((prefix + "passphrase", "it has several lines, and openssl reads the first one only", "write one line"))
    if encryption == "age" and not recipients:
        found.append(
            (prefix + "age_recipients", "it is empty, so nobody could read a backup", "write the public keys, like age1...")
        )
    for recipient in recipients if encryption == "age" else []:
        if not str(recipient).startswith(("age1", "ssh-")):
            found.append(
                (prefix + "age_recipients", "%r is no public key of age" % recipient, "write one that begins with age1 or ssh-")
            )
    return found


def keep_complaints(name: str, value: Any) -> List[Complaint]:
    """Of a setting that says how many stay."""
    if not isinstance(value, Mapping):
        return []
    unknown = [key for key in value if key not in Keep._fields]
    if unknown:
        return [(name, "there is no period %s" % ", ".join(map(str, unknown)), "write some of: %s" % ", ".join(Keep._fields))]
    counts = [count for count in value.values() if isinstance(count, int)]
    if any(count < 0 for count in counts) or not any(counts):
        return [(name, "it would leave no backup at all", "write at least one of them as 1 or more, none below 0")]
    return []


def storage_complaints(setting: str, value: Any) -> List[Complaint]:
    """Of a setting that names a bucket."""
    if not isinstance(value, Mapping) or not value:
        return []
    found: List[Complaint] = []
    for name in Storage._fields[:4]:
        if not value.get(name):
            found.append(("%s.%s" % (setting, name), "it is not set", "write it, or leave all of %s away" % setting))
    unknown = [key for key in value if key not in Storage._fields]
    if unknown:
        known = ", ".join(Storage._fields)
        found.append((setting, "there is no %s in it" % ", ".join(map(str, unknown)), "write some of: %s" % known))
    try:
        parts = urllib.parse.urlsplit(str(value.get("endpoint") or "https://host"))
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.path in ("", "/") and not parts.query
        usable = usable and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        found.append(
            (
                setting + ".endpoint",
                "%r is no address of a server" % value.get("endpoint"),
                "write https://HOST or https://HOST:PORT; the bucket has a setting of its own",
            )
        )
    bucket = str(value.get("bucket") or "bucket")
    if "/" in bucket or bucket != bucket.lower():
        found.append(
            (setting + ".bucket", "%r is no name of a bucket" % bucket, "write the name alone; folders go into prefix")
        )
    return found


def as_json(settings: Dict[str, Any]) -> str:
    """The host's file."""
    return json.dumps(settings, indent=1, sort_keys=True) + "\n"
