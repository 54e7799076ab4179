# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of the packages and programs that the roles care for, whether a package manager brought them or a bundle did."""

from __future__ import annotations

import json
import os
import re
from concurrent.futures import Executor
from typing import Any, Dict, Iterable, List, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.problems import Problems
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

#: Packages of either family that a role installs or a check asks about.
WATCHED = (
    "age", "apparmor", "ca-certificates", "chrony", "cifs-utils", "conntrack", "conntrack-tools", "containerd",
    "cryptsetup", "device-mapper-multipath", "iscsi-initiator-utils", "multipath-tools", "nfs-utils", "rasdaemon", "smartmontools",
    "sanoid", "zstd",
    "containerd.io", "container-selinux", "cri-o", "cri-dockerd", "cri-tools", "curl", "docker-ce", "docker.io", "ebtables",
    "etcd-client", "etcd-server", "ethtool", "firewalld", "haproxy", "ipset", "iproute", "iproute-tc",
    "iproute2", "iptables", "iptables-nft", "ipvsadm", "keepalived", "kmod", "kubeadm", "kubectl", "kubelet", "libnginx-mod-stream",
    "kubernetes-cni", "moby-engine", "nfs-common", "nftables", "nginx", "nginx-mod-stream", "open-iscsi", "runc", "skopeo", "socat",
    "systemd-timesyncd", "systemd-zram-service", "ufw", "wireguard-tools", "zfs", "zfs-dkms", "zfs-zed", "zfsutils-linux",
    "zram-tools",
)
#: A program -> the packages that bring it, and the words that make it say its version. It is asked only where no package says it.
PROGRAMS = {
    "kubeadm": (("kubeadm",), ["version", "-o", "short"]),
    "kubelet": (("kubelet",), ["--version"]),
    "kubectl": (("kubectl",), ["version", "--client", "-o", "json"]),
    "crictl": (("cri-tools",), ["--version"]),
    "containerd": (("containerd", "containerd.io"), ["--version"]),
    "runc": (("runc", "containerd.io"), ["--version"]),
    "crio": (("cri-o",), ["--version"]),
    "dockerd": (("docker-ce", "docker.io", "moby-engine"), ["--version"]),
    "cri-dockerd": (("cri-dockerd",), ["--version"]),
    "etcd": (("etcd-server",), ["--version"]),
    "etcdctl": (("etcd-client",), ["version"]),
    "etcdutl": ((), ["version"]),
    "keepalived": (("keepalived",), ["--version"]),
    "haproxy": (("haproxy",), ["-v"]),
    "nginx": (("nginx",), ["-v"]),
}
#: What programs said of their versions, until the next boot: to ask Kubernetes' own takes longer than all other facts of a host.
NOTES = "/run/baremetal-kubernetes/versions.json"
DPKG_STATUS = "/var/lib/dpkg/status"
#: Where packages put programs. What is found elsewhere was put there by hand or by a bundle, and is what runs.
PACKAGED = ("/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/")
VERSION = re.compile(r"(?<![0-9.])v?([0-9]+(?:\.[0-9]+)+(?:[-~](?:alpha|beta|rc)\.?[0-9]*)?)")


def read(
    runner: Runner, executor: Executor, timeout: float, problems: Problems, notes: str = NOTES
) -> Dict[str, Optional[str]]:
    """Package or program -> its upstream version such as 1.36.3, None where it is missing.

    :param notes: a file that keeps what programs said, by path and identity; asked are those that it does not have.
    """
    packages = _installed(runner, timeout, problems)
    versions: Dict[str, Optional[str]] = {name: packages.get(name) for name in WATCHED}
    noted = _noted(runner.read(notes))
    said: Dict[str, List[str]] = {}
    asked = {}
    for program, (owners, words) in PROGRAMS.items():
        path = runner.which(program)
        owner = next((packages[name] for name in owners if name in packages), None)
        if path is None:
            versions.setdefault(program, None)
        elif owner is not None and path.startswith(PACKAGED) and not (program == "runc" and owner != packages.get("runc")):
            versions[program] = owner
        else:
            identity = runner.identity(path)
            if identity is not None and noted.get(path, [None])[0] == identity:
                versions[program] = noted[path][1]
            else:
                asked[program] = (path, identity, executor.submit(runner.run, [path] + words, timeout))
    for program, (path, identity, future) in asked.items():
        result = future.result()
        version = program_version(result.stdout + "\n" + result.stderr)
        if version is None:
            problems.add("packages", "%s does not say its version: %s" % (program, result.stderr.strip()[:200] or "no output"))
        elif identity is not None:
            said[path] = [identity, version]
        versions[program] = version
    if said:
        _note(notes, dict(noted, **said))
    return versions


def _noted(text: Optional[str]) -> Dict[str, List[Any]]:
    """Path -> identity and version; what is damaged is not there."""
    try:
        entries = from_json(text or "{}").items()
    except (ValueError, AttributeError):
        return {}
    return {path: entry for path, entry in entries if isinstance(entry, list) and len(entry) == 2}


def _note(path: str, entries: Dict[str, List[Any]]) -> None:
    """Keep them for the next call, which can do without."""
    from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file

    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        replace_file(path, json.dumps(entries), 0o644)
    except OSError:
        pass


def _installed(runner: Runner, timeout: float, problems: Problems) -> Dict[str, str]:
    status = runner.read(DPKG_STATUS)
    if status:
        return parse_dpkg_status(status, WATCHED)
    if not runner.which("rpm"):
        return {}
    result = runner.run(["rpm", "-q", "--queryformat", "%{NAME} %{VERSION}\\n"] + list(WATCHED), timeout=timeout)
    # rpm's exit code counts the packages that are not installed.
    if result.rc in (124, 127):
        problems.add("packages", "rpm: %s" % result.stderr.strip())
    return parse_rpm(result.stdout, WATCHED)


def parse_dpkg_status(text: str, names: Iterable[str]) -> Dict[str, str]:
    """name -> upstream version of installed packages, from dpkg's database; it is searched, not parsed, for it may have 4 MB."""
    found = {}
    text = "\n" + text
    for name in names:
        start = text.find("\nPackage: %s\n" % name)
        while start >= 0:
            end = text.find("\n\n", start + 1)
            fields = _fields(text[start : end if end >= 0 else len(text)])
            if fields.get("Status", "").endswith(" installed") and fields.get("Version"):
                found[name] = upstream(fields["Version"])
                break
            start = text.find("\nPackage: %s\n" % name, start + 1)
    return found


def _fields(stanza: str) -> Dict[str, str]:
    pairs: List[List[str]] = [line.split(": ", 1) for line in stanza.splitlines() if line[:1].isalpha()]
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def parse_rpm(text: str, names: Iterable[str]) -> Dict[str, str]:
    """name -> version, from rpm -q; its sentences about packages that are not installed are passed over."""
    wanted = set(names)
    found = {}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == 2 and fields[0] in wanted:
            found[fields[0]] = upstream(fields[1])
    return found


def upstream(version: str) -> str:
    """A package's version without epoch and revision: 1:2.6.12-1+deb12u1 is 2.6.12; where that fits nothing, as it is."""
    plain = version.split(":", 1)[-1]
    match = VERSION.match(plain)
    return match.group(1).replace("~", "-") if match else plain


def program_version(output: str) -> Optional[str]:
    """The first version in what a program prints about itself."""
    match = VERSION.search(output)
    return match.group(1) if match else None
