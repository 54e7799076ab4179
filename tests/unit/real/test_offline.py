# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle fetched by real skopeo from a real registry and over real HTTP; cut, damaged, and made again from its lock file."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import pathlib
import shutil
import sys
import tarfile
import threading
import urllib.request
from typing import Any, Iterator, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle import images
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.download import download
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.fetch import Download, Request, fetch_bundle
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import BundleError, parse_manifest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from real_etcd import free_ports

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lab"))
import archives
import upstream
from host import LabError

IMAGE = "registry.example.org/tools/pause:3.2"
PAIR = "docker.io/library/pause:1"


class Ranged(http.server.SimpleHTTPRequestHandler):
    """Sends the rest of a file where a client has its beginning, as the publishers' servers do."""

    asked: List[str] = []

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        path = pathlib.Path(self.translate_path(self.path))
        if not wanted or not path.is_file():
            super().do_GET()
            return
        self.asked.append(wanted)
        rest = path.read_bytes()[int(wanted[len("bytes=") : -1]) :]
        self.send_response(206 if rest else 416)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest)


class Site:
    """What stands in for the internet."""

    def __init__(self, folder: pathlib.Path, web: str, registry: str) -> None:
        self.folder, self.web, self.registry = folder, web, registry

    def source(self) -> images.Source:
        return images.Source(
            "amd64", {name: "http://%s/%s" % (self.registry, name) for name in ("registry.example.org", "docker.io")}
        )

    def publish(self, text: str, tag: str) -> None:
        """An image with a file of this text, under the tag."""
        layer = self.folder / "layer.tar"
        (self.folder / "content").write_text(text)
        archives.write_layer(layer, {"/content": self.folder / "content"})
        archives.write_archive(self.folder / "image.tar", [archives.Image(tag, (layer,), ("/content",))], "amd64")
        upstream.push(self.folder / "image.tar", tag, self.registry)

    def request(self, path: pathlib.Path, **other: Any) -> Request:
        url = self.web + "/kubeadm"
        plugins = self.web + "/plugins.tgz"
        downloads = [Download("bin", url, ["kubeadm"], url + ".sha256"), Download("cni", plugins, [], plugins + ".sha256")]
        wanted = {IMAGE: ["control_plane", "worker"], PAIR: ["control_plane"]}
        return Request(str(path), "1.36.3", downloads, wanted, [], [], self.source())._replace(**other)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if shutil.which("skopeo") is None:
        pytest.skip("no skopeo here: no image is fetched")
    folder = tmp_path_factory.mktemp("upstream")
    (port,) = free_ports(1)
    try:
        registry = upstream.start_registry(folder, port)
    except LabError as error:
        pytest.skip("no registry here: %s" % error)
    web = folder / "web"
    web.mkdir()
    (web / "kubeadm").write_bytes(b"kubeadm" * 100000)
    for name in ("bridge", "README.md"):
        (folder / name).write_text(name)
        (folder / name).chmod(0o755 if name == "bridge" else 0o644)
    with tarfile.open(web / "plugins.tgz", "w:gz") as archive:
        for name in ("bridge", "README.md"):
            archive.add(folder / name, "./" + name)
    for name in ("kubeadm", "plugins.tgz"):
        (web / (name + ".sha256")).write_text("%s  %s\n" % (hashlib.sha256((web / name).read_bytes()).hexdigest(), name))
    handler = functools.partial(Ranged, directory=str(web))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made = Site(folder, "http://127.0.0.1:%d" % server.server_port, "127.0.0.1:%d" % port)
    made.publish("pause", IMAGE)
    made.publish("pause", PAIR)
    yield made
    server.shutdown()
    registry.terminate()
    registry.wait()


def fetch(request: Request, check: bool = False) -> List[str]:
    return [step.item for step in fetch_bundle(request, HostRunner(), check)]


@pytest.fixture(scope="module")
def bundle(site: Site, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("made") / "bundle"
    steps = fetch_bundle(site.request(path), HostRunner(), True)
    assert len(steps) == 4 and all(step.size for step in steps), "check mode says sizes"
    assert not path.exists(), "check mode makes nothing"
    assert len(fetch(site.request(path))) == 4
    return path


def test_a_bundle_has_all_with_checksums_and_a_second_run_fetches_nothing(site: Site, bundle: pathlib.Path) -> None:
    manifest = parse_manifest((bundle / "bundle.json").read_text(), "bundle.json")
    assert sorted(manifest.files()) == [
        *("bin/kubeadm", "cni/bridge", "images/docker.io_library_pause_1.tar"),
        "images/registry.example.org_tools_pause_3.2.tar",
    ]
    assert all(hashlib.sha256((bundle / path).read_bytes()).hexdigest() == digest for path, digest in manifest.files().items())
    assert set(manifest.sizes) == set(manifest.files())
    assert fetch(site.request(bundle)) == []
    with tarfile.open(bundle / "images/docker.io_library_pause_1.tar") as archive:
        (entry,) = json.load(archive.extractfile("manifest.json") or pytest.fail("no manifest"))
    assert entry["RepoTags"] == [PAIR]


def test_only_a_damaged_item_is_fetched_again(site: Site, bundle: pathlib.Path) -> None:
    (bundle / "images/docker.io_library_pause_1.tar").write_text("damaged")
    assert fetch(site.request(bundle)) == ["image %s" % PAIR]


def test_a_tag_that_moved_is_not_taken_from_the_lock_file_s_digest(
    site: Site, bundle: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    before = json.loads((bundle / "bundle.json").read_text())
    site.publish("another", IMAGE)
    try:
        copy = tmp_path / "bundle"
        copy.mkdir()
        shutil.copy(bundle / "bundle.json", copy)
        assert len(fetch(site.request(copy))) == 4
        after = json.loads((copy / "bundle.json").read_text())
        assert [one["digest"] for one in after["images"]] == [one["digest"] for one in before["images"]]
        assert fetch(site.request(copy, update=True)) == ["image %s" % IMAGE]
    finally:
        site.publish("pause", IMAGE)


def test_a_bundle_s_images_are_served_where_mirrors_are_asked(site: Site, bundle: pathlib.Path) -> None:
    target = images.Target("http://" + site.registry)
    archive = str(bundle / images.archive_of(IMAGE))
    assert images.place_in(target, IMAGE) == site.registry + "/tools/pause:3.2"
    steps = [images.push(IMAGE, archive, target, HostRunner(), check) for check in (True, False, False, True)]
    assert steps == [True, True, False, False]
    with urllib.request.urlopen("http://%s/v2/tools/pause/tags/list" % site.registry, timeout=10) as answer:
        assert json.load(answer)["tags"] == ["3.2"]
    with pytest.raises(BundleError, match="can't push"):
        images.push(IMAGE, archive, images.Target("http://127.0.0.1:1"), HostRunner(), False)


def test_an_image_that_is_not_there_is_named_and_the_rest_stays(site: Site, tmp_path: pathlib.Path) -> None:
    request = site.request(tmp_path, images={IMAGE: [], "registry.example.org/none:1": []})
    with pytest.raises(BundleError, match="registry.example.org/none:1"):
        fetch(request)
    assert fetch(site.request(tmp_path, images={}), check=True) == []


def test_a_transfer_that_was_cut_goes_on_and_a_wrong_file_is_never_put_in_its_place(site: Site, tmp_path: pathlib.Path) -> None:
    content = b"kubeadm" * 100000
    (tmp_path / "kubeadm.part").write_bytes(content[:300000])
    download(site.web + "/kubeadm", str(tmp_path / "kubeadm"), hashlib.sha256(content).hexdigest(), 10)
    assert (tmp_path / "kubeadm").read_bytes() == content and Ranged.asked == ["bytes=300000-"]
    # Killed between its last byte and its renaming; and begun from another file of that name.
    for begun in (content, b"another" * 9):
        (tmp_path / "again.part").write_bytes(begun)
        download(site.web + "/kubeadm", str(tmp_path / "again"), hashlib.sha256(content).hexdigest(), 10)
        assert (tmp_path / "again").read_bytes() == content
    with pytest.raises(BundleError, match="is wanted"):
        download(site.web + "/kubeadm", str(tmp_path / "other"), "0" * 64, 10)
    assert not (tmp_path / "other").exists()


def test_a_folder_with_another_version_is_left_alone(site: Site, bundle: pathlib.Path) -> None:
    with pytest.raises(BundleError, match="each version has its own"):
        fetch(site.request(bundle, kubernetes_version="1.36.4"))
