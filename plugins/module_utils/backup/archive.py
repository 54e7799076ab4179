# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive: a compressed tar. First in it is a manifest, which names every other part with its SHA-256."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from typing import Any, Dict, Mapping, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.content import Item
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json

FORMAT = 1
MANIFEST = "manifest.json"
SNAPSHOT = "etcd/snapshot.db"
FILES = "files"
#: The lowest level costs a third of the time of gzip's default and loses a few percent.
LEVEL = 1
CHUNK = 1024 * 1024


def write_archive(
    path: str, about: Mapping[str, Any], items: Sequence[Item], texts: Mapping[str, str], snapshot: str = ""
) -> Dict[str, Any]:
    """Write the archive and return its manifest. ``texts`` are parts that are no files of the host, by their names.

    :raises BackupError: a file went away meanwhile, or the disk is full.
    """
    try:
        contents = {item.path: _read(item.path) for item in items}
        manifest: Dict[str, Any] = dict(about, format=FORMAT, files=[])
        for item in items:
            digest = hashlib.sha256(contents[item.path]).hexdigest()
            manifest["files"].append({"path": item.path, "sha256": digest, "mode": "%04o" % item.mode, "shared": item.shared})
        manifest["texts"] = {name: hashlib.sha256(text.encode("utf-8")).hexdigest() for name, text in texts.items()}
        with tarfile.open(path, "w:gz", compresslevel=LEVEL) as tar:
            os.chmod(path, 0o600)
            _add(tar, MANIFEST, json.dumps(manifest, indent=1, sort_keys=True).encode("utf-8"))
            for name, text in texts.items():
                _add(tar, name, text.encode("utf-8"))
            for item in items:
                _add(tar, FILES + item.path, contents[item.path])
            if snapshot:
                entry = tarfile.TarInfo(SNAPSHOT)
                entry.size, entry.mode = os.path.getsize(snapshot), 0o600
                with open(snapshot, "rb") as stream:
                    tar.addfile(entry, stream)
    except OSError as error:
        raise BackupError(path, "it could not be written: %s" % (error.strerror or error), "make room on that file system")
    return manifest


def read_archive(path: str, folder: str) -> Dict[str, Any]:
    """Unpack into an empty folder, with every part checked, and return the manifest.

    :raises BackupError: it is no archive of ours, or damaged; what was unpacked is to be thrown away.
    """
    try:
        with tarfile.open(path, "r:gz") as tar:
            first = tar.next()
            manifest = from_json(_content(tar, first)) if first is not None and first.name == MANIFEST else None
            if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
                raise _strange(path)
            wanted = {FILES + entry["path"]: entry["sha256"] for entry in manifest["files"]}
            wanted.update(manifest["texts"])
            if manifest.get("snapshot"):
                wanted[SNAPSHOT] = manifest["snapshot"]["sha256"]
            for member in iter(tar.next, None):
                expected = wanted.pop(member.name, None)
                target = os.path.normpath(os.path.join(folder, member.name))
                # Only what the manifest names, and only below the folder, whatever names say.
                if expected is None or not member.isreg() or not target.startswith(folder + os.sep):
                    raise _strange(path)
                if _unpack(tar, member, target) != expected:
                    raise BackupError(path, "%s in it is damaged" % member.name, "choose another backup")
    except (tarfile.TarError, EOFError, ValueError, KeyError, TypeError):
        raise _strange(path)
    except OSError as error:
        # gzip's own complaint about a damaged stream has no number.
        if error.errno is None:
            raise _strange(path)
        raise BackupError(folder, "it can't be unpacked there: %s" % error.strerror, "make room on that file system")
    if wanted:
        raise BackupError(path, "%s is missing in it" % ", ".join(sorted(wanted)[:3]), "choose another backup")
    return manifest


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    tar.addfile(entry, io.BytesIO(content))


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(member)
    return stream.read() if stream is not None else b""


def _unpack(tar: tarfile.TarFile, member: tarfile.TarInfo, target: str) -> str:
    """Its SHA-256."""
    stream: Optional[Any] = tar.extractfile(member)
    digest = hashlib.sha256()
    os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        for chunk in iter(lambda: stream.read(CHUNK) if stream is not None else b"", b""):
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()


def _read(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def _strange(path: str) -> BackupError:
    return BackupError(path, "it is no archive of this collection, or a damaged one", "choose another backup")
