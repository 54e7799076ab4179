# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a bundle a node lacks, and how it gets it. Everything that is to be used is checked before anything is changed."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from typing import Iterable, List, NamedTuple, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.digests import DigestStore
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import (
    FILE_NAME,
    BundleError,
    Manifest,
    parse_manifest,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.images import CLIENTS, listing, load, names
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.runtime import RUNTIMES
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.symptoms import find_symptoms

STORE = "/var/lib/baremetal-kubernetes/bundle.json"
PROGRAM_MODE = 0o755


class WantedBundle(NamedTuple):
    """What a node shall have of the bundle in ``path``; ``parts`` of binaries, cni, images."""

    path: str
    kubernetes_version: str
    parts: Sequence[str]
    roles: Sequence[str]
    binaries_path: str = "/usr/local/bin"
    cni_path: str = "/opt/cni/bin"
    namespace: str = "k8s.io"
    store: str = STORE
    #: Those of the binaries that are wanted; empty for all.
    programs: Sequence[str] = ()
    #: Who runs the images.
    runtime: str = "containerd"


class Copy(NamedTuple):
    """A program to put in its place."""

    source: str
    destination: str
    sha256: str
    reason: str


class Import(NamedTuple):
    """An archive to import, for those of its images that the runtime lacks."""

    archive: str
    sha256: str
    missing: List[str]


class Plan(NamedTuple):
    """The steps, and what to say of them."""

    copies: List[Copy]
    imports: List[Import]

    @property
    def changes(self) -> List[str]:
        return ["%s: %s" % (copy.destination, copy.reason) for copy in self.copies] + [
            "image %s: import" % reference for step in self.imports for reference in step.missing
        ]


def install_bundle(wanted: WantedBundle, runner: Runner, check: bool) -> Plan:
    """Bring what is missing; with ``check`` only say what.

    :raises BundleError: the bundle is not what it says it is, or the runtime does not take an archive.
    """
    store = DigestStore(wanted.store)
    try:
        plan = read_plan(wanted, runner, store, check)
        verify_sources(plan, store)
        if not check:
            apply_plan(plan, wanted, runner, store)
    finally:
        if not check:
            store.save()
    return plan


def read_plan(wanted: WantedBundle, runner: Runner, store: DigestStore, check: bool) -> Plan:
    """What the node lacks, from bundle.json, the checksums of what is installed, and the runtime's list of images."""
    manifest_path = os.path.join(wanted.path, FILE_NAME)
    manifest = parse_manifest(runner.read(manifest_path), manifest_path)
    if manifest.kubernetes_version != wanted.kubernetes_version.lstrip("v"):
        raise BundleError(
            manifest_path,
            "the bundle holds Kubernetes %s, and %s is wanted" % (manifest.kubernetes_version, wanted.kubernetes_version),
            "set cluster_kubernetes_version to the bundle's, or bring the bundle of the version",
        )
    copies: List[Copy] = []
    if "binaries" in wanted.parts:
        absent = sorted(set(wanted.programs) - set(manifest.binaries))
        if absent:
            raise BundleError(manifest_path, "the bundle has no %s" % ", ".join(absent), "make the bundle anew, with these")
        programs = [entry for entry in manifest.binaries.items() if not wanted.programs or entry[0] in wanted.programs]
        copies += _copies(os.path.join(wanted.path, "bin"), programs, wanted.binaries_path, store)
    if "cni" in wanted.parts:
        copies += _copies(os.path.join(wanted.path, "cni"), manifest.cni.items(), wanted.cni_path, store)
    imports = _imports(manifest, wanted, runner, check) if "images" in wanted.parts else []
    return Plan(copies, imports)


def verify_sources(plan: Plan, store: DigestStore) -> None:
    """Compare the checksum of every file that the plan reads.

    :raises BundleError: with all files that are missing or differ.
    """
    problems = []
    for path, sha256 in [(copy.source, copy.sha256) for copy in plan.copies] + [
        (step.archive, step.sha256) for step in plan.imports
    ]:
        digest = store.digest(path)
        if digest is None:
            problems.append("%s is missing" % path)
        elif digest != sha256:
            problems.append("%s has the sha256 %s, and bundle.json says %s" % (path, digest, sha256))
    if problems:
        raise BundleError("bundle", "; ".join(problems), "copy the bundle to the node anew; nothing was changed")


def apply_plan(plan: Plan, wanted: WantedBundle, runner: Runner, store: DigestStore) -> None:
    """Do the steps: programs by an atomic rename, archives by the client of the container runtime."""
    for copy in plan.copies:
        _install_program(copy)
        if store.digest(copy.destination) != copy.sha256:
            raise BundleError(copy.destination, "it is not what was copied", "look at the node's disk and memory")
    for step in plan.imports:
        result = load(runner, wanted.runtime, step.archive, step.missing, wanted.namespace)
        if result.rc != 0:
            runtime = RUNTIMES[wanted.runtime]
            said = result.stderr.strip() or result.stdout.strip()
            known = find_symptoms(said)
            look = "read `journalctl -u %s` and the free space of %s on the node" % (runtime.services[-1], runtime.data)
            raise BundleError(
                step.archive,
                "%s does not take it: %s" % (wanted.runtime, "; ".join([one.cause for one in known] + [said])),
                "; ".join([one.remedy for one in known] + [look])
                if result.rc != NOT_FOUND
                else "install %s on the node" % CLIENTS[wanted.runtime].load_argv[0],
            )
    if plan.imports:
        present = set(_present_images(wanted, runner))
        absent = [reference for step in plan.imports for reference in step.missing if reference not in present]
        if absent:
            raise BundleError(
                "bundle",
                "the archives did not bring %s" % ", ".join(absent),
                "make the bundle anew; bundle.json names images that it lacks",
            )


def _copies(source: str, entries: Iterable[Tuple[str, str]], folder: str, store: DigestStore) -> List[Copy]:
    copies = []
    for name, sha256 in sorted(entries):
        destination = os.path.join(folder, name)
        digest = store.digest(destination)
        if digest == sha256 and stat.S_IMODE(os.stat(destination).st_mode) == PROGRAM_MODE:
            continue
        reason = "new" if digest is None else "content" if digest != sha256 else "mode"
        copies.append(Copy(os.path.join(source, name), destination, sha256, reason))
    return copies


def _imports(manifest: Manifest, wanted: WantedBundle, runner: Runner, check: bool) -> List[Import]:
    archives = [archive for archive in manifest.images if not archive.roles or set(archive.roles) & set(wanted.roles)]
    if not archives:
        return []
    # On a blank node a check finds no runtime yet; whatever it would ask is missing.
    present = set(_present_images(wanted, runner, may_be_absent=check))
    steps = []
    for archive in archives:
        missing = [reference for reference in archive.references if reference not in present]
        if missing:
            steps.append(Import(os.path.join(wanted.path, archive.path), archive.sha256, missing))
    return steps


def _present_images(wanted: WantedBundle, runner: Runner, may_be_absent: bool = False) -> List[str]:
    # Without it ctr waits ten seconds before it gives up.
    if may_be_absent and not runner.exists(RUNTIMES[wanted.runtime].socket.partition("://")[2]):
        return []
    result = listing(runner, wanted.runtime, wanted.namespace)
    if result.rc == 0:
        return names(wanted.runtime, result.stdout)
    if may_be_absent:
        return []
    raise BundleError(
        "images",
        "%s is not installed" % CLIENTS[wanted.runtime].list_argv[0]
        if result.rc == NOT_FOUND
        else "%s does not answer: %s" % (wanted.runtime, result.stderr.strip()),
        "run the role container_runtime first",
    )


def _install_program(copy: Copy) -> None:
    folder = os.path.dirname(copy.destination)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=".%s." % os.path.basename(copy.destination), dir=folder)
    os.close(descriptor)
    try:
        shutil.copyfile(copy.source, temporary)
        os.chmod(temporary, PROGRAM_MODE)
        # A program that a crash left half written would keep its size and time.
        with open(temporary, "rb") as stream:
            os.fsync(stream.fileno())
        os.rename(temporary, copy.destination)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)
