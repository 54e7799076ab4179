# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's docker-registry on the role's configurations, with TLS and users and as a cache, and a real containerd that pulls by the
hosts.toml files of role container_runtime."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from typing import Any, Callable, Dict, Iterator, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.registries import hosts_files, hosts_secrets
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.registry_server import configuration, server_state
from real_etcd import free_ports

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lab"))
import archives
import upstream
from host import LabError

PASSWORD = "s3cret-of-nodes"
#: Of that password, by crypt(3).
HASH = "$2b$05$abcdefghijklmnopqrstuuv/gn2LxNFidE3XAruftON.SyU4BYon6"


def wait_for(ready: Callable[[], bool]) -> None:
    """A loaded machine takes its time; a minute is too long on any."""
    deadline = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.1)


class Site:
    """A private registry with TLS, a plain one, a cache of that, and a containerd."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.processes: List[subprocess.Popen[bytes]] = []
        self.private, self.plain, self.cache = ("127.0.0.1:%d" % port for port in free_ports(3))
        self.socket = str(folder / "containerd.sock")

    def start(self, name: str, argv: List[str], **environment: str) -> None:
        with (self.folder / (name + ".log")).open("wb") as log:
            self.processes.append(subprocess.Popen(argv, stdout=log, stderr=log, env={**os.environ, **environment}))

    def serve(self, server: Dict[str, Any]) -> None:
        """A registry as its service would run it: with the files that systemd hands to it."""
        state = server_state([server], str(self.folder))
        texts = {pathlib.Path(path).suffix: text for path, text in state["secrets"].items()}
        made = configuration(server, str(self.folder / "storage"))
        text = json.dumps(made)
        assert json.loads(texts[".yml"])["http"] == made["http"]
        credentials = self.folder / ("credentials-" + server["name"])
        credentials.mkdir()
        (credentials / "htpasswd").write_text(texts.get(".htpasswd", ""))
        for name, key in (("tls.crt", "certificate"), ("tls.key", "certificate_key")):
            if server.get(key):
                shutil.copy(server[key], credentials / name)
        path = self.folder / (server["name"] + ".yml")
        path.write_text(text.replace("/run/credentials/kubernetes-registry@%s.service" % server["name"], str(credentials)))
        self.start(server["name"], [str(upstream.docker_registry()), "serve", str(path)])
        # A cache ends where it can't reach its upstream at its start.
        wait_for(lambda: _answers("127.0.0.1:%d" % server["port"]))

    def ctr(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(["ctr", "--address", self.socket, *arguments], capture_output=True, text=True, check=False)

    def pull(self, reference: str, registries: List[Dict[str, Any]], name: str) -> "subprocess.CompletedProcess[str]":
        """As the kubelet has it pulled: by the files of the folder that config_path names."""
        folder = self.folder / name
        secrets = hosts_secrets(registries, str(folder))
        for file in hosts_files(registries, str(folder)):
            path = pathlib.Path(file["path"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(secrets[str(path)] if str(path) in secrets else file["content"])
        return self.ctr("content", "fetch", "--hosts-dir", str(folder), reference)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if not all(map(shutil.which, ("skopeo", "containerd", "ctr", "openssl"))) or os.geteuid() != 0:
        pytest.skip("no skopeo or containerd here, or not root: no image is pulled")
    try:
        upstream.docker_registry()
    except LabError as error:
        pytest.skip("no registry here: %s" % error)
    # A socket's path may have a hundred characters.
    folder = tmp_path_factory.mktemp("registry")
    made = Site(folder)
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "tls.key", "-out", folder / "tls.crt"]
    subprocess.run(
        [*argv, "-days", "2", "-subj", "/CN=r", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True
    )
    port = {name: int(getattr(made, name).rpartition(":")[2]) for name in ("private", "plain", "cache")}
    tls = {"certificate": str(folder / "tls.crt"), "certificate_key": str(folder / "tls.key")}
    try:
        made.serve({"name": "private", "address": "127.0.0.1", "port": port["private"], "users": {"nodes": HASH}, **tls})
        made.serve({"name": "plain", "address": "127.0.0.1", "port": port["plain"]})
        made.serve({"name": "cache", "address": "127.0.0.1", "port": port["cache"], "proxy_url": "http://" + made.plain})
        (folder / "containerd.toml").write_text(
            'version = 2\nroot = "%s/root"\nstate = "%s/state"\n'
            'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "%s"\n' % (folder, folder, made.socket)
        )
        made.start("containerd", ["containerd", "--config", str(folder / "containerd.toml")])
        wait_for(lambda: made.ctr("version").returncode == 0)
        for name, text in (("library/pause:1", "pause"), ("tools/pause:1", "pause"), ("library/other:1", "other")):
            (folder / "content").write_text(text)
            layer = archives.write_layer(folder / "layer.tar", {"/content": folder / "content"})
            archives.write_archive(folder / "image.tar", [archives.Image("r.example/" + name, (layer,), ("/content",))], "amd64")
            private = [(made.private, ["--dest-creds", "nodes:" + PASSWORD])] if name == "tools/pause:1" else []
            for address, more in [(made.plain, []), *private]:
                copy = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", *more, "docker-archive:%s" % (folder / "image.tar")]
                subprocess.run([*copy, "docker://%s/%s" % (address, name)], check=True, capture_output=True)
        yield made
    finally:
        for process in made.processes:
            process.terminate()
        for process in made.processes:
            process.wait()


def _answers(address: str) -> bool:
    host, _colon, port = address.partition(":")
    with socket.socket() as caller:
        return caller.connect_ex((host, int(port))) == 0


def test_containerd_pulls_from_a_private_registry_with_its_authority_and_credentials(site: Site) -> None:
    server = {"name": site.private, "server": "https://" + site.private, "ca": str(site.folder / "tls.crt")}
    without = site.pull(site.private + "/tools/pause:1", [server], "without")
    assert without.returncode != 0 and "401" in without.stderr + without.stdout
    wrong = {**server, "username": "nodes", "password": "another"}
    assert site.pull(site.private + "/tools/pause:1", [wrong], "wrong").returncode != 0
    right = site.pull(site.private + "/tools/pause:1", [{**server, "username": "nodes", "password": PASSWORD}], "right")
    assert right.returncode == 0, right.stderr
    stranger = {"name": site.private, "server": "https://" + site.private, "username": "nodes", "password": PASSWORD}
    assert "unknown authority" in site.pull(site.private + "/tools/pause:1", [stranger], "stranger").stderr


def test_garbage_is_collected_and_what_has_a_tag_stays(site: Site) -> None:
    url = "http://%s/v2/tools/pause/manifests/" % site.plain
    asked = urllib.request.Request(url + "1", headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        digest = answer.headers["Docker-Content-Digest"]
    urllib.request.urlopen(urllib.request.Request(url + digest, method="DELETE"), timeout=10).close()
    # tools/pause had the same layer as library/pause: what that needs has to stay.
    argv = [str(upstream.docker_registry()), "garbage-collect", str(site.folder / "plain.yml")]
    collected = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert "library/pause" in collected.stdout
    registries = [{"name": site.plain, "server": "http://" + site.plain}]
    assert site.pull(site.plain + "/library/pause:1", registries, "kept").returncode == 0
    assert site.pull(site.plain + "/tools/pause:1", registries, "gone").returncode != 0


def test_a_cache_serves_docker_hubs_names_and_goes_on_without_its_upstream(site: Site) -> None:
    registries = [{"name": "docker.io", "server": "http://127.0.0.1:1", "mirrors": [{"url": "http://" + site.cache}]}]
    pulled = site.pull("docker.io/library/other:1", registries, "hub")
    assert pulled.returncode == 0, pulled.stderr
    # What it stores it stores while it answers: the manifest, the configuration, the layer.
    stored = site.folder / "storage" / "cache"
    wait_for(lambda: len(list(stored.rglob("data"))) >= 3)
    upstream_of_it = site.processes[1]
    upstream_of_it.terminate()
    upstream_of_it.wait()
    url = "http://%s/v2/library/other/" % site.cache
    asked = urllib.request.Request(url + "manifests/1", headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        manifest = json.load(answer)
    for part in (manifest["config"], *manifest["layers"]):
        with urllib.request.urlopen(url + "blobs/" + part["digest"], timeout=10) as answer:
            assert len(answer.read()) == part["size"]
