# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab builds: Kubernetes, Go programs, the bundle that nodes install from, and the image of a node."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import archives
import gomodules
import packages
from cache import key_of, locked, product
from host import CACHE, SUITE, LabError, debian_mirror, mmdebstrap, podman, run, say

HERE = Path(__file__).parent
VERSION = "1.20.2"
# From here on Go's module proxy has Kubernetes with all that it is made of; the toolchain that it asks for comes from there, too.
FIRST_MINOR_IN_MODULES = 30
BUSYBOX_TAG = "1.35.0"
# A release archive beside a Kubernetes that can do without CRI v1alpha2
CONTAINERD_VERSION = "2.3.7"
IMAGES = "localhost/baremetal-kubernetes-lab"
BUILDER = "bm-lab-builder"

BUILDER_PACKAGES = (
    *("golang-1.19-go", "golang-github-modern-go-reflect2-dev", "gcc", "libc6-dev", "make", "dpkg-dev", "jq", "rsync"),
    *("ca-certificates", "git", "xz-utils", "patch"),
)
IMAGE_PACKAGES = (
    *("busybox", "iptables", "conntrack", "kmod", "etcd-server", "etcd-client"),
    *("containernetworking-plugins", "runc"),
)
NODE_PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "udev", "kmod", "procps", "iproute2", "iputils-ping", "netcat-openbsd"),
    *("ca-certificates", "openssh-server", "sudo", "python3", "python3-apt", "curl", "openssl", "gpgv"),
    *("iptables", "conntrack", "socat", "ethtool", "ebtables", "mount", "util-linux"),
    *("containerd", "runc", "containernetworking-plugins", "keepalived", "haproxy", "etcd-client", "etcd-server"),
    *("nginx", "libnginx-mod-stream", "ipvsadm"),
)
# Programs that only Go's module proxy has: name -> (package, version, where the program goes)
GO_PROGRAMS = {
    "crictl": ("sigs.k8s.io/cri-tools/cmd/crictl", "v1.26.1"),
    "flanneld": ("github.com/flannel-io/flannel", "v0.28.10"),
    # The last release that has it; flannel's own repository of it is not in the proxy.
    "flannel": ("github.com/containernetworking/plugins/plugins/meta/flannel", "v0.9.1"),
}
COREDNS = "github.com/coredns/coredns"
# Of Debian's backports, for machines without one that can fetch the toolchain which a module asks for (1.21)
GO = "1.23"
# Packages that are extracted and not configured have no hook of their own that does this.
MERGED_USR = ("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",)
# Backends that flanneld is built without: one whose module the proxy has not, and one that needs a C compiler and is refused anyway
FLANNEL_LEFT_OUT = ("tencentvpc", "udp")
# The default limits are refused where the machine is a container or small virtual machine itself.
LIMITS = ("--ulimit", "nofile=20000:20000", "--ulimit", "nproc=20000:20000")
# What tests talk to or run from outside of the nodes; in no bundle
GO_TOOLS = {
    "versitygw": ("github.com/versity/versitygw/cmd/versitygw", "v1.8.0"),
    "helm3": ("helm.sh/helm/v3/cmd/helm", "v3.22.0"),
    "helm4": ("helm.sh/helm/v4/cmd/helm", "v4.3.1"),
}
LABEL = "io.baremetal-kubernetes.lab"


def architecture() -> str:
    """Debian's and Kubernetes' name of this machine's architecture."""
    return run(["dpkg", "--print-architecture"]).strip()


def _text(*names: str) -> list[str]:
    return [(HERE / name).read_text() for name in names]


# --- images in podman's store ---


def _imported_image(name: str, packages_in_it: tuple[str, ...], source: bool = False) -> str:
    """Reference of an image that is a Debian root file system with the packages."""
    reference = f"{IMAGES}/{name}:{key_of([packages_in_it, SUITE, source, architecture()])}"
    with locked(f"image-{name}"):
        if not _image_exists(reference):
            say(f"building image {name} …")
            tar = CACHE / f".{name}.tar"
            mmdebstrap(tar, "minbase", packages_in_it, source=source)
            podman("import", "--quiet", tar, reference)
            tar.unlink()
    return reference


def _image_exists(reference: str) -> bool:
    # Without its words: Debian's podman warns at first of plugins that it does without.
    return subprocess.run(["podman", "image", "exists", reference], capture_output=True, check=False).returncode == 0


def node_image(keys: Path) -> str:
    """Reference of the image that nodes start from."""
    base = _imported_image("node-base", NODE_PACKAGES)
    public = [(keys / name).read_text() for name in ("id_ed25519.pub", "ssh_host_ed25519_key.pub")]
    reference = f"{IMAGES}/node:{key_of([base, public, *_text('files/Containerfile', 'files/prepare.sh', 'files/init')])}"
    with locked("image-node"):
        if not _image_exists(reference):
            say("building image node …")
            context = CACHE / ".node-context"
            shutil.rmtree(context, ignore_errors=True)
            shutil.copytree(HERE / "files", context)
            shutil.copy2(keys / "id_ed25519.pub", context / "authorized_keys")
            for name in ("ssh_host_ed25519_key", "ssh_host_ed25519_key.pub"):
                shutil.copy2(keys / name, context)
            podman("build", "--quiet", *LIMITS, "--build-arg", f"BASE={base}", "--tag", reference, context)
            shutil.rmtree(context)
    return reference


# --- products ---


def ssh_keys() -> Path:
    """The key that opens the nodes, their common host key, and known_hosts; made once, at a place that inventories know."""
    final = CACHE / "ssh"
    with locked("ssh"):
        if not final.exists():
            unfinished = CACHE / ".ssh.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(mode=0o700)
            for name in ("id_ed25519", "ssh_host_ed25519_key"):
                kind = ["-t", "ed25519", "-N", "", "-C", "baremetal.kubernetes lab"]
                run(["ssh-keygen", "-q", *kind, "-f", unfinished / name])
            host_key = (unfinished / "ssh_host_ed25519_key.pub").read_text()
            (unfinished / "known_hosts").write_text(f"10.89.* {host_key}")
            unfinished.rename(final)
    return final


def _in_builder(script: str, out: Path, source: Path | None = None) -> None:
    """Runs a build script of this directory in the builder container; its scratch space is next to its result."""
    builder = _imported_image("builder", BUILDER_PACKAGES, source=True)
    scratch = out / ".scratch"
    scratch.mkdir()
    mounts = ["-v", f"{HERE / script}:/build.sh:ro", "-v", f"{out}:/out", "-v", f"{scratch}:/build"]
    mounts += ["-v", f"{source}:/source:ro"] if source else []
    remedy = "Does the Debian mirror have source packages (deb-src), and are 6 GB free below the cache?"
    # Few CPU shares: all of an idle machine, but no burden on nodes that run meanwhile.
    # The name lets a build that starts again end the container of one that was killed.
    name = f"{BUILDER}-{key_of([CACHE, script])}"
    flags = ["--rm", "--replace", "--name", name, "--network", "host", "--cpu-shares", "64", *LIMITS, *mounts]
    podman("run", *flags, builder, "bash", "/build.sh", remedy=remedy)
    shutil.rmtree(scratch)


def kubernetes(version: str = VERSION) -> Path:
    """Directory with the programs of Kubernetes.

    VERSION comes from Debian's source package, what is near to it is that under another number, and what Go's module proxy
    has comes from there.
    """
    if _minor(version) >= FIRST_MINOR_IN_MODULES:
        return _from_modules("kubernetes", version, gomodules.build_kubernetes)
    inputs = [version, architecture(), BUILDER_PACKAGES, _text("build-kubernetes.sh")]
    if version == VERSION:
        return product(f"kubernetes-{version}", inputs, lambda out: _in_builder("build-kubernetes.sh", out))

    def build(out: Path) -> None:
        source = out / ".source"
        source.mkdir()
        shutil.copy2(HERE / "build-kubernetes.sh", source)
        (source / "versions").write_text(f"{VERSION} {version}\n")
        _in_builder("restamp-kubernetes.sh", out, source)
        shutil.rmtree(source)

    return product(f"kubernetes-{version}", inputs + _text("restamp-kubernetes.sh"), build)


def _from_modules(name: str, version: str, build: Callable[[str, str, Path], None], *sources: str) -> Path:
    """A product of Go's module proxy, and of files of this directory."""
    given = [version, architecture(), _text("gomodules.py", *sources)]
    return product(f"{name}-{version}", given, lambda out: build(_go(), version, out))


def _minor(version: str) -> int:
    return int(version.split(".")[1])


def _asked_for(built: Path, version: str) -> dict[str, str]:
    """Name of each image -> reference, by kubeadm's own word: etcd -> registry.k8s.io/etcd:3.6.5-0."""
    listed = run([built / "kubeadm", "config", "images", "list", "--kubernetes-version", f"v{version}"]).split()
    return {reference.rpartition(":")[0].rpartition("/")[2]: reference for reference in listed}


def _etcd(version: str, debian: Path) -> dict[str, Path]:
    """etcd's programs: Debian's for 3.4, else those of the release."""
    if version.startswith("3.4."):
        return {f"/usr/bin/{name}": debian / "usr/bin" / name for name in ("etcd", "etcdctl")}
    made = _from_modules("etcd", version, gomodules.build_etcd)
    return {f"/usr/local/bin/{name}": made / name for name in gomodules.ETCD_PROGRAMS}


def _own_crictl(version: str) -> Path:
    if _minor(version) >= FIRST_MINOR_IN_MODULES:
        source = "crictl/main.go"
        return _from_modules("crictl", version, partial(gomodules.build_crictl, HERE / source), source) / "crictl"
    inputs = [architecture(), BUILDER_PACKAGES, _text("build-crictl.sh", "crictl/main.go")]
    return product("crictl", inputs, lambda out: _in_builder("build-crictl.sh", out, HERE / "crictl")) / "crictl"


def _debian_files() -> Path:
    """A root file system whose programs go into images; nothing in it is configured or started."""

    def build(out: Path) -> None:
        mmdebstrap(out / "root", "extract", IMAGE_PACKAGES, *MERGED_USR)

    return product("debian-files", [IMAGE_PACKAGES, SUITE, architecture(), "merged-usr"], build) / "root"


def _go() -> str:
    """A Go that can build modules: this machine's if it is new enough, else the one of Debian's backports, in the cache."""
    found = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin:/usr/lib/go/bin")
    version = re.search(r"go1\.(\d+)", run([found, "version"])) if found else None
    if found and version and int(version[1]) >= 21:
        return found

    def build(out: Path) -> None:
        packages_in_it = (f"golang-{GO}-go", f"golang-{GO}-src")
        mmdebstrap(out / "root", "extract", packages_in_it, *MERGED_USR, backports=f"golang-{GO}")

    # What it downloads goes when the lab's cache goes.
    os.environ.update(GOPATH=str(CACHE / "go-modules"), GOCACHE=str(CACHE / "go-build"))
    return str(product("go", [GO, SUITE, architecture(), MERGED_USR], build) / f"root/usr/lib/go-{GO}/bin/go")


def _go_environment(out: Path) -> dict[str, str]:
    return {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-trimpath", "GOTOOLCHAIN": "auto", "GOBIN": str(out / "bin")}


def _go_install(package: str, version: str, out: Path) -> subprocess.CompletedProcess[str]:
    """The program of a package into out/bin."""
    argv = [_go(), "install", "-ldflags=-s -w", f"{package}@{version}"]
    return subprocess.run(argv, capture_output=True, text=True, env=_go_environment(out), check=False, cwd=out)


def _coredns(version: str) -> Path:
    """CoreDNS. No cluster of the lab is made without it, so that a refusal is an error."""

    def build(out: Path) -> None:
        result = _go_install(COREDNS, version, out)
        if result.returncode != 0:
            raise LabError(f"CoreDNS {version} can't be built: {gomodules.reason(result.stderr) or 'go install gave no reason'}")
        (out / "bin" / "coredns").rename(out / "coredns")

    return product("coredns", [version, architecture()], build) / "coredns"


def _go_program(name: str, package: str, version: str) -> tuple[Path | None, str]:
    """The program, or why the lab has to do without it. A refusal is kept as products are: `purge` makes the lab ask again."""

    def build(out: Path) -> None:
        install = _build_flanneld if name == "flanneld" else _go_install
        result = install(package, version, out)
        built = [path for path in out.glob("bin/*") if path.is_file()]
        if result.returncode == 0 and built:
            built[0].rename(out / name)
        else:
            (out / "refused").write_text(gomodules.reason(result.stderr) or "go install gave no reason")

    left_out = FLANNEL_LEFT_OUT if name == "flanneld" else ()
    folder = product(f"go-{name}", [package, version, architecture(), *left_out], build)
    refused = folder / "refused"
    return (None, refused.read_text()) if refused.exists() else (folder / name, "")


def _build_flanneld(package: str, version: str, out: Path) -> subprocess.CompletedProcess[str]:
    """flanneld into out/bin, and beside it install-conf, the program of its image that writes the CNI configuration."""
    go, environment = _go(), _go_environment(out)
    argv = [go, "mod", "download", "-json", f"{package}@{version}"]
    download = subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)
    if download.returncode != 0:
        return download
    source = out / ".source"
    shutil.copytree(json.loads(download.stdout)["Dir"], source)
    for folder in (source, *(path for path in source.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    main = source / "main.go"
    main.chmod(0o644)
    left_out = re.compile(r"\n\t_ \"\S+/backend/(%s)\"" % "|".join(FLANNEL_LEFT_OUT))
    main.write_text(left_out.sub("", main.read_text()))
    (source / "go.mod").chmod(0o644)
    (source / "go.sum").chmod(0o644)
    result = download
    for part, program in (("./cmd/install_conf", out / "install-conf"), (".", out / "bin" / "flanneld")):
        argv = [go, "build", "-mod=mod", "-ldflags=-s -w", "-o", str(program), part]
        result = subprocess.run(argv, capture_output=True, text=True, env=environment, check=False, cwd=source)
        if result.returncode != 0:
            break
    shutil.rmtree(source)
    return result


def s3_server() -> Path:
    """The program of a server of S3's protocol, which keeps buckets in a directory."""
    return _tool("versitygw")


def helm(major: int) -> Path:
    """The program of that major version of Helm."""
    return _tool(f"helm{major}")


def _tool(name: str) -> Path:
    path, reason = _go_program(name, *GO_TOOLS[name])
    if path is None:
        raise LabError(f"no {name} for the tests: {reason}")
    return path


def bundle(version: str = VERSION) -> Path:
    """The directory that nodes install from (mounted at /opt/kubernetes-bundle); its bundle.json lists all with checksums."""
    # The big compilation is first in line; the small ones run beside it.
    with ThreadPoolExecutor(3) as pool:
        building = pool.submit(kubernetes, version)
        debian = pool.submit(_debian_files)
        programs = {name: _go_program(name, *source) for name, source in GO_PROGRAMS.items()}
        built, files = building.result(), debian.result()
    asked = _asked_for(built, version)
    coredns = _coredns("v" + _tag(asked["coredns"]).lstrip("v"))
    etcd = _etcd(_tag(asked["etcd"]).partition("-")[0], files)
    # Pauses alike under any number
    pause = kubernetes() / "pause"
    containerd = None
    if _minor(version) >= FIRST_MINOR_IN_MODULES:
        containerd = _from_modules("containerd", CONTAINERD_VERSION, gomodules.build_containerd)
    crictl = programs["crictl"][0] or _own_crictl(version)
    missing = {" ".join(GO_PROGRAMS[name]): reason for name, (path, reason) in programs.items() if path is None}
    inputs = [
        *(str(path) for path in (built, files, crictl, pause, containerd, coredns, *etcd.values())),
        {name: str(path) for name, (path, _reason) in programs.items()},
        _text("products.py", "archives.py", "packages.py", "files/kubelet.service", "files/10-kubeadm.conf"),
    ]
    paths = {name: path for name, (path, _reason) in programs.items() if path}

    def build(out: Path) -> None:
        for folder in ("bin", "cni", "images"):
            (out / folder).mkdir()
        for name in ("kubeadm", "kubelet", "kubectl"):
            shutil.copy2(built / name, out / "bin" / name)
        shutil.copy2(crictl, out / "bin" / "crictl")
        for plugin in (files / "usr/lib/cni").iterdir():
            shutil.copy2(plugin, out / "cni" / plugin.name)
        if "flannel" in paths:
            shutil.copy2(paths["flannel"], out / "cni" / "flannel")
        images = _images(out, asked, built, files, {**paths, "pause": pause, "coredns": coredns}, etcd)
        if containerd:
            _write_releases(out / "releases", containerd, files)
        packages.write_repository(out, version, architecture())
        content = {
            "kubernetes_version": version,
            "binaries": {path.name: _sha256(path) for path in sorted((out / "bin").iterdir())},
            "cni": {path.name: _sha256(path) for path in sorted((out / "cni").iterdir())},
            "images": images,
            "not_in_the_lab": missing,
        }
        (out / "bundle.json").write_text(json.dumps(content, indent=2) + "\n")

    return product("bundle" if version == VERSION else f"bundle-{version}", inputs, build)


def _write_releases(folder: Path, containerd: Path, debian: Path) -> None:
    """Archives of containerd and runc as their release pages have them, and the list of their checksums."""
    folder.mkdir()
    archive = folder / f"containerd-{CONTAINERD_VERSION}-linux-{architecture()}.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for program in sorted(containerd.iterdir()):
            tar.add(program, f"bin/{program.name}")
    # Debian's, since runc's own is no module that builds without a C compiler.
    runc = Path(shutil.copy2(debian / "usr/sbin/runc", folder / f"runc.{architecture()}"))
    (folder / "SHA256SUMS").write_text("".join(f"{_sha256(path)}  {path.name}\n" for path in (archive, runc)))


def _tag(reference: str) -> str:
    return reference.rpartition(":")[2]


def _images(
    out: Path, asked: dict[str, str], built: Path, files: Path, programs: dict[str, Path], etcd_programs: dict[str, Path]
) -> list[dict[str, object]]:
    """Writes images/node.tar and images/control-plane.tar; returns their entries of bundle.json."""
    layers = out / ".layers"
    layers.mkdir()

    def layer(name: str, content: archives.Files) -> Path:
        return archives.write_layer(layers / name, content)

    def kube(name: str) -> Path:
        return layer(name, {f"/usr/local/bin/{name}": built / name})

    xtables = "usr/sbin/xtables-nft-multi"
    iptables: archives.Files = {
        f"/usr/sbin/{name}": f"-> {Path(xtables).name}"
        for family in ("iptables", "ip6tables")
        for name in (family, f"{family}-save", f"{family}-restore")
    }
    extensions = [f"/{path.relative_to(files)}" for path in files.glob("usr/lib/*/xtables/*.so")]
    shell: archives.Files = {
        **archives.MERGED_USR,
        **archives.with_libraries(files, ("/usr/bin/busybox",)),
        **{f"/usr/bin/{name}": "-> busybox" for name in run(["chroot", files, "/usr/bin/busybox", "--list"]).split()},
    }
    base = layer("base", shell)
    network = layer(
        "network",
        archives.with_libraries(files, (f"/{xtables}", "/usr/sbin/conntrack", "/usr/bin/kmod", *extensions))
        | iptables
        | {"/usr/sbin/modprobe": "-> /usr/bin/kmod"},
    )
    dynamic = [name for name, path in etcd_programs.items() if path.is_relative_to(files)]
    etcd = layer("etcd", archives.with_libraries(files, tuple(dynamic)) if dynamic else {**etcd_programs})
    node = [
        archives.Image(asked["pause"], (layer("pause", {"/pause": programs["pause"]}),), ("/pause",)),
        archives.Image(asked["kube-proxy"], (base, network, kube("kube-proxy"))),
        archives.Image(asked["coredns"], (layer("coredns", {"/coredns": programs["coredns"]}),), ("/coredns",)),
        archives.Image(f"docker.io/library/busybox:{BUSYBOX_TAG}", (base,)),
    ]
    if "flanneld" in programs and "flannel" in programs:
        both = {f"/opt/bin/{one}": programs["flanneld"].parent / one for one in ("flanneld", "install-conf")}
        flanneld = layer("flanneld", both)
        plugin = layer("flannel", {"/flannel": programs["flannel"]})
        released = {name: GO_PROGRAMS[name][1] for name in ("flanneld", "flannel")}
        name = "ghcr.io/flannel-io/flannel"
        node.append(archives.Image(f"{name}:{released['flanneld']}", (base, network, flanneld), ("/opt/bin/flanneld",)))
        node.append(archives.Image(f"{name}-cni-plugin:{released['flannel']}", (base, plugin)))
    components = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    control_plane = [archives.Image(asked[name], (kube(name),)) for name in components]
    control_plane.append(archives.Image(asked["etcd"], (base, etcd)))
    entries: list[dict[str, object]] = []
    parts = (("node", node, ["control_plane", "worker"]), ("control-plane", control_plane, ["control_plane"]))
    for name, images, roles in parts:
        archive = out / "images" / f"{name}.tar"
        archives.write_archive(archive, images, architecture())
        references = [image.reference for image in images]
        entry: dict[str, object] = {"archive": f"images/{archive.name}", "sha256": _sha256(archive), "roles": roles}
        entries.append({**entry, "references": references})
    shutil.rmtree(layers)
    return entries


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


# --- all of it ---


def build(version: str = VERSION) -> tuple[Path, str]:
    """The bundle and the reference of the node image; says what had to stay away and why."""
    say(f"cache {CACHE}, Debian mirror {debian_mirror()}")
    with ThreadPoolExecutor(1) as pool:
        image = pool.submit(node_image, ssh_keys())
        made = bundle(version)
        reference = image.result()
    for source, reason in json.loads((made / "bundle.json").read_text())["not_in_the_lab"].items():
        instead = "; the lab's own small CRI client stands in" if "/crictl " in source else ""
        say(f"not in the lab: {source}{instead}. Reason: {reason}")
    return made, reference


def current() -> list[Path]:
    """The products that can have older versions beside them."""
    return [kubernetes(), _debian_files().parent, bundle()]


def purge() -> None:
    """Removes the cache, the images, and builders that a killed run left."""
    builders = podman("ps", "--all", "--quiet", "--filter", f"name=^{BUILDER}-").split()
    if builders:
        podman("rm", "--force", "--time", "0", *builders)
    references = podman("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={IMAGES}/*").split()
    if references:
        podman("rmi", "--force", *references)
    if CACHE.name != "baremetal-kubernetes-lab":
        raise LabError(f"{CACHE} does not look like the lab's cache: remove it by hand.")
    shutil.rmtree(CACHE, ignore_errors=True)
