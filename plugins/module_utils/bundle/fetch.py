# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle made where there is internet. What is there and right is not fetched again; bundle.json is written after each item, and
what it lists is fetched with that checksum or not at all: so it is the lock file, too."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle import images as image_archives
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle import system_packages
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.digests import DigestStore
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.download import download, published_sha256, size_of
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import (
    FILE_NAME,
    Archive,
    BundleError,
    Chart,
    Manifest,
    Repository,
    parse_manifest,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.needs import images_in
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

#: Folders of a bundle that downloads fill, and what bundle.json calls them.
FOLDERS = {"bin": "binaries", "cni": "cni"}
#: Nodes whose role is not said get it; so do all of a chart's images.
EVERYBODY = ["control_plane", "worker"]
UPDATE = "to take what is there now, write offline_update: true"


class Download(NamedTuple):
    """A program, or a tar archive of programs of which ``names`` (empty: all) are taken."""

    folder: str
    url: str
    names: Sequence[str]
    checksum_url: str
    sha256: str = ""


class Request(NamedTuple):
    """All that the bundle in ``path`` shall have."""

    path: str
    kubernetes_version: str
    downloads: Sequence[Download]
    images: Mapping[str, Sequence[str]]
    charts: Sequence[Mapping[str, str]]
    packages: Sequence[system_packages.Wanted]
    source: image_archives.Source
    #: Take what mirrors and tags have now, whatever bundle.json says of it.
    update: bool = False
    timeout: float = 60


class Step(NamedTuple):
    """One item that is fetched; bytes are None where nobody tells before it is there."""

    item: str
    size: Optional[int]


def fetch_bundle(request: Request, runner: Runner, check: bool) -> List[Step]:
    """Fetch what the bundle lacks; with ``check`` only say what, and how large it is.

    :raises BundleError: something can't be had, or is not what bundle.json says; what was fetched before it stays.
    """
    work = _Work(request, runner, check)
    for one in request.downloads:
        work.download(one)
    references = dict(request.images)
    for chart in request.charts:
        for reference in work.chart(chart):
            references.setdefault(reference, EVERYBODY)
    for reference, roles in sorted(references.items()):
        work.image(reference, roles)
    for wanted in request.packages:
        work.packages(wanted)
    work.finish()
    return work.steps


class _Work:
    """The bundle as it is, and what was done to it."""

    def __init__(self, request: Request, runner: Runner, check: bool) -> None:
        self.steps: List[Step] = []
        self._request, self._runner, self._check = request, runner, check
        self._scratch = os.path.join(request.path, ".fetch")
        self._store = DigestStore(os.path.join(self._scratch, "digests.json"))
        manifest_path = os.path.join(request.path, FILE_NAME)
        self._manifest = Manifest(request.kubernetes_version, {}, {}, [], [], [], {}, {})
        text = runner.read(manifest_path)
        if text is not None:
            self._manifest = parse_manifest(text, manifest_path)
        if self._manifest.kubernetes_version != request.kubernetes_version:
            raise BundleError(
                request.path,
                "it holds a bundle of Kubernetes %s, and %s is wanted"
                % (self._manifest.kubernetes_version, request.kubernetes_version),
                "name another folder in offline_bundle: each version has its own",
            )

    def _at(self, path: str) -> str:
        return os.path.join(self._request.path, path)

    def _held(self, paths: Iterable[str]) -> bool:
        known = self._manifest.files()
        return all(path in known and self._store.digest(self._at(path)) == known[path] for path in paths)

    def _begin(self, item: str, size: Optional[int]) -> bool:
        """Note the step; whether it is to be done."""
        self.steps.append(Step(item, size))
        return not self._check

    def _learnt(self, manifest: Manifest) -> None:
        """Keep what is known now, so that a run which is killed later goes on from here."""
        self._manifest = manifest
        sizes = {path: os.path.getsize(self._at(path)) for path in manifest.files() if os.path.exists(self._at(path))}
        self._manifest = manifest._replace(sizes={**manifest.sizes, **sizes})
        os.makedirs(self._request.path, exist_ok=True)
        replace_file(self._at(FILE_NAME), self._manifest.text())

    def finish(self) -> None:
        if not self._check:
            self._store.save()

    # --- programs ---

    def download(self, wanted: Download) -> None:
        came = self._manifest.sources.get(wanted.url, [])
        if came and self._held(came):
            return
        if not self._begin(wanted.url, size_of(wanted.url, self._request.timeout)):
            return
        sha256 = wanted.sha256 or published_sha256(wanted.checksum_url, self._request.timeout)
        path = os.path.join(self._scratch, os.path.basename(wanted.url))
        download(wanted.url, path, sha256, self._request.timeout)
        os.makedirs(self._at(wanted.folder), exist_ok=True)
        made = _unpack(path, self._at(wanted.folder), wanted.names)
        known: Dict[str, str] = getattr(self._manifest, FOLDERS[wanted.folder])
        for name in made:
            digest = str(self._store.digest(self._at("%s/%s" % (wanted.folder, name))))
            self._pinned("%s/%s" % (wanted.folder, name), known.get(name, ""), digest)
            known[name] = digest
        sources = {**self._manifest.sources, wanted.url: ["%s/%s" % (wanted.folder, name) for name in made]}
        self._learnt(self._manifest._replace(sources=sources))

    def _pinned(self, item: str, wanted: str, found: str) -> None:
        if wanted and wanted != found and not self._request.update:
            raise BundleError(item, "bundle.json says %s, and what was fetched is %s" % (wanted, found), UPDATE)

    # --- charts ---

    def chart(self, wanted: Mapping[str, str]) -> List[str]:
        """The images of the chart; in check mode none where it is not there yet."""
        known = {(chart.name, chart.version): chart for chart in self._manifest.charts}
        chart = known.get((wanted["name"], wanted["version"]))
        if chart is not None and self._held(["charts/" + chart.file]):
            return chart.images
        if not self._begin("chart %s %s" % (wanted["name"], wanted["version"]), None):
            return []
        file = "%s-%s.tgz" % (wanted["name"].rpartition("/")[2], wanted["version"])
        folder = os.path.join(self._scratch, "charts")
        argv = ["pull", wanted["name"], "--version", wanted["version"], "--destination", folder]
        self._helm(argv + (["--repo", wanted["repository"]] if wanted.get("repository") else []))
        os.makedirs(self._at("charts"), exist_ok=True)
        os.replace(os.path.join(folder, file), self._at("charts/" + file))
        digest = str(self._store.digest(self._at("charts/" + file)))
        self._pinned("charts/" + file, wanted.get("sha256") or (chart.sha256 if chart else ""), digest)
        version = ["--kube-version", self._request.kubernetes_version]
        objects = self._helm(["template", "bundle", self._at("charts/" + file), "--include-crds", *version])
        made = Chart(wanted["name"], wanted["version"], file, digest, images_in(objects))
        others = [one for one in self._manifest.charts if (one.name, one.version) != (made.name, made.version)]
        self._learnt(self._manifest._replace(charts=[*others, made]))
        return made.images

    def _helm(self, argv: Sequence[str]) -> str:
        os.makedirs(os.path.join(self._scratch, "charts"), exist_ok=True)
        own = self._at("bin/helm")
        result = self._runner.run([own if os.path.exists(own) else "helm", *argv], timeout=600)
        if result.rc != 0:
            words = " ".join(result.stderr.split())[-400:]
            raise BundleError("helm %s" % argv[0], words, "see whether the host reaches the chart's repository")
        return result.stdout

    # --- images ---

    def image(self, reference: str, roles: Sequence[str]) -> None:
        archives = self._manifest.images
        known = next((one for one in archives if reference in one.references), None)
        pinned = known.digest if known and not self._request.update else ""
        if known and self._held([known.path]) and not (self._request.update and known.digest):
            self._roles(known, roles)
            return
        found = image_archives.look(reference, pinned, self._request.source, self._runner)
        if known and known.digest == found.digest and self._held([known.path]):
            return
        if not self._begin("image %s" % reference, found.size):
            return
        path = image_archives.archive_of(reference)
        image_archives.fetch(reference, found.digest, self._at(path), self._request.source, self._runner)
        made = Archive(path, str(self._store.digest(self._at(path))), [reference], sorted(roles), found.digest)
        self._learnt(self._manifest._replace(images=[*(one for one in archives if reference not in one.references), made]))

    def _roles(self, known: Archive, roles: Sequence[str]) -> None:
        more = sorted({*known.roles, *roles})
        if (
            known.roles
            and more != known.roles
            and self._begin("image %s: for %s, too" % (known.references[0], ", ".join(roles)), 0)
        ):
            changed = [one._replace(roles=more) if one == known else one for one in self._manifest.images]
            self._learnt(self._manifest._replace(images=changed))

    # --- packages ---

    def packages(self, wanted: system_packages.Wanted) -> None:
        known = next((one for one in self._manifest.packages if one.system == wanted.system), None)
        folder = "packages/%s" % wanted.system
        names = sorted({*wanted.names, *(known.names if known else [])})
        complete = known is not None and names == known.names and self._held("%s/%s" % (folder, file) for file in known.files)
        if complete and not self._request.update:
            return
        if self._check:
            with tempfile.TemporaryDirectory() as scratch:
                found = system_packages.sizes(wanted, scratch, self._runner)
            self._begin("packages of %s: %d files" % (wanted.system, len(found)), sum(found.values()) or None)
            return
        # What apt fetched before a run was killed is here still.
        scratch = os.path.join(self._scratch, wanted.system)
        files = system_packages.fetch(wanted._replace(names=names), scratch, self._at(folder), self._runner)
        if known is not None and names == known.names and not self._request.update:
            self._same(wanted.system, known.files, files)
        if known is None or known.files != files:
            self._begin("packages of %s: %d files" % (wanted.system, len(files)), None)
        others = [one for one in self._manifest.packages if one.system != wanted.system]
        self._learnt(self._manifest._replace(packages=[*others, Repository(wanted.system, names, files)]))
        shutil.rmtree(scratch)

    def _same(self, system: str, wanted: Mapping[str, str], found: Mapping[str, str]) -> None:
        differing = sorted(
            name for name in {*wanted, *found} if name.endswith((".deb", ".rpm")) and wanted.get(name) != found.get(name)
        )
        if differing:
            raise BundleError(
                "packages of %s" % system, "the mirror has others than bundle.json: %s" % ", ".join(differing[:8]), UPDATE
            )


def _unpack(path: str, folder: str, names: Sequence[str]) -> List[str]:
    """Put the file, or those of the archive that are wanted, into the folder as programs; their names."""
    made = []
    if not path.endswith((".tgz", ".tar.gz")):
        os.chmod(path, 0o755)
        os.replace(path, os.path.join(folder, os.path.basename(path)))
        return [os.path.basename(path)]
    with tarfile.open(path) as archive:
        for member in archive:
            name = os.path.basename(member.name)
            # Not extract(): names in an archive may lead elsewhere, and its owners and modes are not ours.
            stream = (
                archive.extractfile(member) if member.isfile() and (name in names or (not names and member.mode & 0o100)) else None
            )
            if stream is None:
                continue
            with open(os.path.join(folder, ".%s.new" % name), "wb") as target:
                shutil.copyfileobj(stream, target, 1 << 20)
                os.fchmod(target.fileno(), 0o755)
            os.replace(os.path.join(folder, ".%s.new" % name), os.path.join(folder, name))
            made.append(name)
    absent = sorted(set(names) - set(made))
    if absent:
        raise BundleError(path, "the archive has no %s" % ", ".join(absent), "see whether the version is right")
    os.remove(path)
    return sorted(made)
