# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release of RKE2, as its tarballs and its list of checksums lie in a folder, put in its place on a host.

What its own install.sh does with INSTALL_RKE2_ARTIFACT_PATH, but that every file is there whole or not at all, and that nothing is
changed before everything that is going to be used has its checksum.
"""

from __future__ import annotations

import json
import os
import posixpath
import shutil
import tarfile
from typing import Dict, List, NamedTuple, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.digests import DigestStore
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import object_or_empty
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.errors import Rke2Error
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.layout import IMAGES, PREFIX, PROGRAM, STATE, parse_version
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

#: Kubernetes' names of machines, which RKE2's releases carry.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
FOLDERS = ("bin/", "lib/systemd/system/", "share/rke2/")
ENDINGS = (".tar.zst", ".tar.gz", ".tar", ".txt")
MEND = "bring the release's files anew, as they are in RKE2's release, with the list of checksums beside them"


class WantedRelease(NamedTuple):
    """Which release, out of which folder, and what of it. root is the host's; tests have another."""

    path: str
    version: str
    machine: str
    images: Sequence[str] = ()
    programs: bool = True
    root: str = ""

    @property
    def suffix(self) -> str:
        return "linux-" + self.architecture

    @property
    def architecture(self) -> str:
        return ARCHITECTURES.get(self.machine, self.machine)

    @property
    def tarball(self) -> str:
        return "rke2.%s.tar.gz" % self.suffix


def parse_checksums(text: str) -> Dict[str, str]:
    """File name -> sha256, from lines as sha256sum prints them."""
    found = {}
    for line in text.splitlines():
        digest, _space, name = line.strip().partition(" ")
        if len(digest) == 64:
            found[posixpath.basename(name.strip().lstrip("*"))] = digest.lower()
    return found


def install_release(wanted: WantedRelease, runner: Runner, check: bool) -> List[str]:
    """What was done, or in check mode would be, a line each.

    :raises Rke2Error: a file is missing, or is not what its checksum says. Nothing has been changed then.
    """
    checksums = _checksums(wanted, runner)
    store = DigestStore(wanted.root + STATE + "/rke2-checksums.json")
    images = [_image(wanted, checksums, name) for name in wanted.images]
    missing = [name for name in images if store.digest(_placed(wanted, name)) != checksums[name]]
    outdated = wanted.programs and _record(wanted, runner) != checksums[wanted.tarball]
    for name in missing + ([wanted.tarball] if outdated else []):
        _verify(wanted, store, name, checksums[name])
    changes = []
    for name in missing:
        changes.append("%s: images" % _placed(wanted, name)[len(wanted.root) :])
        if not check:
            _copy(posixpath.join(wanted.path, name), _placed(wanted, name))
    if outdated:
        changes.append("%s: %s" % (PROGRAM, wanted.version))
        if not check:
            _unpack(wanted, runner)
            record = json.dumps({"version": wanted.version, "sha256": checksums[wanted.tarball]}) + "\n"
            os.makedirs(wanted.root + STATE, mode=0o755, exist_ok=True)
            # Last: whatever a killed run left undone is done again.
            replace_file(wanted.root + STATE + "/rke2-release.json", record)
    if not check:
        store.save()
    return changes


def _checksums(wanted: WantedRelease, runner: Runner) -> Dict[str, str]:
    path = posixpath.join(wanted.path, "sha256sum-%s.txt" % wanted.architecture)
    text = runner.read(path)
    if text is None:
        raise Rke2Error(path, "there is no such file, so nothing here can be trusted", MEND)
    found = parse_checksums(text)
    if wanted.programs and wanted.tarball not in found:
        raise Rke2Error(path, "it has no checksum of %s" % wanted.tarball, MEND)
    return found


def _image(wanted: WantedRelease, checksums: Dict[str, str], name: str) -> str:
    """The file of an archive: V(rke2-images) is rke2-images.linux-amd64.tar.zst, in the packing that the release has."""
    candidates = [name] if name in checksums else ["%s.%s%s" % (name, wanted.suffix, ending) for ending in ENDINGS]
    for candidate in candidates:
        if candidate in checksums and os.path.exists(posixpath.join(wanted.path, candidate)):
            return candidate
    raise Rke2Error(
        "rke2_images",
        "%s has no archive %s with a checksum (%s)" % (wanted.path, name, candidates[0]),
        "bring the archive there, or correct rke2_images",
    )


def _placed(wanted: WantedRelease, name: str) -> str:
    return posixpath.join(wanted.root + IMAGES, name)


def _record(wanted: WantedRelease, runner: Runner) -> str:
    """The checksum of the tarball that the host has its programs from; empty where it has none, or not that version any more."""
    record = object_or_empty(runner.read(wanted.root + STATE + "/rke2-release.json"))
    present = runner.exists(wanted.root + PROGRAM) and record.get("version") == wanted.version
    return str(record.get("sha256") or "") if present else ""


def _verify(wanted: WantedRelease, store: DigestStore, name: str, expected: str) -> None:
    path = posixpath.join(wanted.path, name)
    found = store.digest(path)
    if found is None:
        raise Rke2Error(path, "there is no such file", MEND)
    if found != expected:
        raise Rke2Error(path, "its sha256 is %s, and the release's list says %s" % (found, expected), MEND)


def _copy(source: str, target: str) -> None:
    """An archive of a gigabyte, whole or not at all. RKE2 reads names that end in .tar and the like, so not the unfinished one."""
    os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
    undone = os.path.join(os.path.dirname(target), ".%s.new" % os.path.basename(target))
    shutil.copyfile(source, undone)
    os.chmod(undone, 0o644)
    os.replace(undone, target)


def _unpack(wanted: WantedRelease, runner: Runner) -> None:
    path = posixpath.join(wanted.path, wanted.tarball)
    placed = []
    with tarfile.open(path, "r:gz") as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        names = [posixpath.normpath(member.name) for member in members]
        strays = [name for name in names if not name.startswith(FOLDERS)]
        if strays or "bin/rke2" not in names:
            what = "it has files outside of RKE2's folders, such as %s" % strays[0] if strays else "it has no bin/rke2"
            raise Rke2Error(path, what, MEND)
        # The program last: where it is the new one, its units are.
        for name, member in sorted(zip(names, members), key=lambda pair: pair[0] == "bin/rke2"):
            stream = archive.extractfile(member)
            content = stream.read() if stream is not None else b""
            target = "%s%s/%s" % (wanted.root, PREFIX, name)
            os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
            if name == "bin/rke2":
                _refuse_other_version(wanted, runner, target, content)
            replace_file(target, content, 0o755 if name.startswith("bin/") else 0o644)
            placed.append(target)
    if runner.which("restorecon"):
        runner.run(["restorecon", "-i"] + placed, timeout=60)


def _refuse_other_version(wanted: WantedRelease, runner: Runner, target: str, content: bytes) -> None:
    """A folder of another release than the settings say would be an upgrade that nobody asked for."""
    trial = os.path.join(os.path.dirname(target), ".rke2.trial")
    replace_file(trial, content, 0o755)
    try:
        result = runner.run([trial, "--version"], timeout=30)
    finally:
        os.unlink(trial)
    said = parse_version(result.stdout)
    if said != wanted.version:
        raise Rke2Error(
            posixpath.join(wanted.path, wanted.tarball),
            "its program says %s, and %s is wanted" % (said or result.stderr.strip() or "nothing", wanted.version),
            "bring the files of %s there, or correct cluster_kubernetes_version and rke2_revision" % wanted.version,
        )
