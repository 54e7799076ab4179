# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes, one for each host of a lab inventory, at the address that the inventory gives it: systemd machines in podman, or, where
a host says `lab_virtual_machine: user_mode` (or `qemu`), virtual machines."""

from __future__ import annotations

import ipaddress
import json
import platform
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from cache import drop_superseded, locked
from host import CACHE, LabError, in_parallel, podman, run, say
from products import LABEL, LIMITS, VERSION, ssh_keys
from products import bundle as further_bundle
from vm import image as vm_image
from vm import machines

PATIENCE = 90  # seconds until a node must have come up
BUNDLE = "/opt/kubernetes-bundle"


class Lab(NamedTuple):
    """What an inventory describes: a network and the addresses of its nodes."""

    name: str
    subnet: str
    nodes: dict[str, str]
    #: Those of the nodes that are virtual machines, and of which kind.
    virtual: Mapping[str, str] = MappingProxyType({})
    #: The version whose bundle they are built from.
    kubernetes: str = VERSION
    #: Further versions of Kubernetes whose bundles the nodes have beside the one that they are built from.
    versions: tuple[str, ...] = ()

    @property
    def network(self) -> str:
        """Name of the podman network."""
        return f"bm-{self.name}"

    def container(self, node: str) -> str:
        """Name of a node's container or virtual machine."""
        return f"bm-{self.name}-{node}"


def read(inventory: Path) -> Lab:
    """The lab of an inventory directory, from its hosts.yml: hosts with ansible_host, and lab_subnet."""
    import yaml  # here, so that `down --all` and `purge` need no more than Python

    path = inventory / "hosts.yml"
    try:
        groups = yaml.safe_load(path.read_text())
    except FileNotFoundError as error:
        raise LabError(f"{path} does not exist: name a directory like inventories/lab/single.") from error
    except yaml.YAMLError as error:
        raise LabError(f"{path} is not valid YAML: {error}") from error
    general = groups.get("all", {}).get("vars", {})
    subnet = str(general.get("lab_subnet", ""))
    nodes: dict[str, str] = {}
    virtual: dict[str, str] = {}
    for host, variables in _hosts(groups):
        if "ansible_host" in variables:
            nodes[host] = str(variables["ansible_host"])
        if variables.get("lab_virtual_machine"):
            # Without a word about the kind, all that a computer has.
            kind = variables["lab_virtual_machine"]
            virtual[host] = "qemu" if kind is True else str(kind)
    if not subnet or not nodes:
        raise LabError(f"{path}: write all.vars.lab_subnet (such as 10.89.79.0/24) and each host's ansible_host in it.")
    network = ipaddress.ip_network(subnet)
    outside = [host for host, address in nodes.items() if ipaddress.ip_address(address) not in network]
    if outside:
        raise LabError(f"{path}: ansible_host of {', '.join(outside)} is not in lab_subnet {subnet}: choose an address of it.")
    unknown = sorted(set(virtual.values()) - set(machines.KINDS))
    if unknown:
        raise LabError(f"{path}: lab_virtual_machine: {unknown[0]} is no kind of machine: write {' or '.join(machines.KINDS)}.")
    settings = inventory / "group_vars" / "all.yml"
    given = yaml.safe_load(settings.read_text()) if settings.exists() else {}
    # RKE2 brings its own, and the lab has none of its releases.
    own = given.get("cluster_distribution") == "rke2"
    kubernetes = VERSION if own else str(given.get("cluster_kubernetes_version") or VERSION)
    versions = tuple(str(version) for version in general.get("lab_bundle_versions", []))
    return Lab(inventory.resolve().name, subnet, nodes, virtual, kubernetes, versions)


def _hosts(groups: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for group in groups.values():
        for host, variables in ((group or {}).get("hosts") or {}).items():
            yield host, variables or {}
        yield from _hosts((group or {}).get("children") or {})


def up(lab: Lab, image: str, bundle: Path) -> None:
    """Network and nodes as the inventory has them; what runs already is left alone."""
    bundles = {BUNDLE: bundle, **{f"{BUNDLE}-{version}": further_bundle(version) for version in lab.versions}}
    start = time.monotonic()
    for kind in set(lab.virtual.values()):
        machines.check(kind)
    with locked(f"lab-{lab.name}"):
        _network_up(lab)
        states = containers(lab.name)
        modules = _modules()
        plain = [node for node in lab.nodes if node not in lab.virtual]
        in_parallel(lambda node: _start(lab, node, image, bundles, modules, states.get(lab.container(node), "")), plain)
        # After the containers: podman makes the bridge.
        booted = time.monotonic()
        _machines_up(lab)
        in_parallel(lambda node: wait_for(lab, node), plain)
        in_parallel(lambda node: machines.wait_for(lab.container(node), booted), lab.virtual)
    say(f"{len(lab.nodes)} nodes of {lab.name} answer on SSH after {time.monotonic() - start:.1f} s: {', '.join(lab.nodes)}")


def _machines_up(lab: Lab) -> None:
    if not lab.virtual:
        return
    made = {kind: vm_image.image(ssh_keys(), kind) for kind in set(lab.virtual.values())}
    if not machines.machines():  # machines may stand on an older image
        drop_superseded([one.disk.parent for one in made.values()])
    bridge = json.loads(podman("network", "inspect", lab.network))[0]["network_interface"]
    for node, kind in lab.virtual.items():
        machines.up(lab.container(node), kind, lab.name, node, lab.nodes[node], lab.subnet, bridge, made[kind])


def _network_up(lab: Lab) -> None:
    known = json.loads(podman("network", "ls", "--format", "json", "--filter", f"name=^{lab.network}$") or "[]")
    if known:
        if known[0]["subnets"][0]["subnet"] != lab.subnet:
            raise LabError(f"network {lab.network} has another subnet than lab_subnet {lab.subnet}: `lab.py down` it first.")
        return
    remedy = f"Does another network of this machine use {lab.subnet}? See `podman network ls`, `ip route`; change lab_subnet."
    label = f"{LABEL}={lab.name}"
    podman("network", "create", "--subnet", lab.subnet, "--disable-dns", "--label", label, lab.network, remedy=remedy)


def _start(lab: Lab, node: str, image: str, bundles: dict[str, Path], modules: str, state: str) -> None:
    name = lab.container(node)
    if state == "running":
        return
    if state in ("exited", "stopped"):
        podman("start", name)
        return
    if state:  # created, configured, dead: left by a killed run
        _discard(name)
    podman(
        *("run", "--detach", "--name", name, "--hostname", node, "--label", f"{LABEL}={lab.name}"),
        # A cgroup namespace of its own: without it the kubelet finds no [kubepods].
        *("--privileged", "--cgroupns=private", "--systemd=always", *LIMITS, "--tmpfs", "/run", "--tmpfs", "/tmp"),
        # An anonymous volume takes containerd and etcd off overlayfs.
        *("-v", "/var", "-v", f"{modules}:/lib/modules:ro"),
        *(part for place, bundle in bundles.items() for part in ("-v", f"{bundle}:{place}:ro")),
        # /etc/hosts is the node's own file, as on a server, not podman's mount.
        *("--no-hosts", "--network", lab.network, "--ip", lab.nodes[node], image),
        remedy=f"If {lab.nodes[node]} is in use: `podman ps -a`, then `lab.py down` the inventory that has it.",
    )


def _modules() -> str:
    """Directory for /lib/modules: the machine's own, or, where its kernel has everything built in, one that says so."""
    release = platform.release()
    if Path("/lib/modules", release).exists():
        return "/lib/modules"
    signs = {
        "overlay": "/sys/module/overlay",
        "br_netfilter": "/proc/sys/net/bridge/bridge-nf-call-iptables",
        "nf_conntrack": "/proc/sys/net/netfilter/nf_conntrack_max",
        "vxlan": "/sys/module/vxlan",
        "bridge": "/sys/module/bridge",
        "ip_tables": "/proc/net/ip_tables_names",
        "ip_vs": "/proc/net/ip_vs",
        "wireguard": "/sys/module/wireguard",
    }
    root = CACHE / "modules"
    folder = root / "lib" / "modules" / release
    if not (folder / "modules.dep.bin").exists():
        folder.mkdir(parents=True, exist_ok=True)
        built_in = [f"kernel/built-in/{name}.ko" for name, sign in signs.items() if Path(sign).exists()]
        (folder / "modules.builtin").write_text("".join(f"{line}\n" for line in built_in))
        (folder / "modules.order").write_text("")
        run(["depmod", "--basedir", root, release])
    return str(folder.parent)


def wait_for(lab: Lab, node: str) -> None:
    """Returns when systemd has started everything and SSH answers."""
    name = lab.container(node)
    deadline = time.monotonic() + PATIENCE
    state = ""
    while time.monotonic() < deadline:
        argv = ["podman", "exec", name, "systemctl", "is-system-running"]
        result = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, check=False)
        state = result.stdout.strip() or result.stderr.strip()
        if state in ("running", "degraded") and _greets(lab.nodes[node]):
            break
        time.sleep(0.2)
    else:
        look = f"podman logs {name}; podman exec {name} systemctl list-jobs"
        raise LabError(f"{node} is not up after {PATIENCE} s ({state}). Look: {look}")
    if state == "degraded":
        failed = podman("exec", name, "systemctl", "--failed", "--plain", "--no-legend").strip()
        say(f"{node} is up, but these units failed: {'; '.join(line.split()[0] for line in failed.splitlines())}")


def _greets(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def nodes(lab: str | None = None) -> dict[str, str]:
    """Name and state of all nodes, containers and virtual machines, of one inventory or all."""
    return {**containers(lab), **machines.machines(lab)}


def containers(lab: str | None = None) -> dict[str, str]:
    """Name and state of the lab's containers, of one inventory or all."""
    wanted = f"label={LABEL}" if lab is None else f"label={LABEL}={lab}"
    found = json.loads(podman("ps", "--all", "--format", "json", "--filter", wanted) or "[]")
    return {entry["Names"][0]: entry["State"] for entry in found}


def down(lab: str | None) -> None:
    """Removes the containers with their volumes, and the network, of one inventory or of all."""
    _remove(lab)
    wanted = f"label={LABEL}" if lab is None else f"label={LABEL}={lab}"
    for network in podman("network", "ls", "--quiet", "--filter", wanted).split():
        podman("network", "rm", "--force", "--time", "0", network)


def _remove(lab: str | None) -> None:
    in_parallel(_discard, containers(lab))
    for name in machines.machines(lab):
        machines.remove(name)


def _discard(name: str) -> None:
    """Removes a container with its volumes; a full machine may take longer to end its processes than podman waits for them."""
    for last in (False, False, True):
        try:
            podman("rm", "--force", "--volumes", "--time", "0", name)
            return
        except LabError:
            if last:
                raise
            time.sleep(5)


def blank(lab: Lab, start: Callable[[], None]) -> None:
    """Fresh nodes in the place of those that there are; the network stays."""
    _remove(lab.name)
    start()


def find(name: str) -> str:
    """Container or machine of a node that is named in full (stacked_ha-cp1) or by its host name alone where only one lab has it."""
    known = list(nodes())
    matching = [container for container in known if container in (name, f"bm-{name}") or container.endswith(f"-{name}")]
    if len(matching) != 1:
        count = "several nodes are" if matching else "no node is"
        raise LabError(f"node {name!r}: {count} named so. There are: {', '.join(known) or 'none'}")
    return matching[0]


def stop(name: str) -> None:
    """The node loses its power."""
    found = find(name)
    if found in machines.machines():
        machines.stop(found)
    else:
        podman("stop", "--time", "0", found)


def lose(name: str) -> None:
    """The node loses its power and its disk; `up` puts a blank one with the same name and address in its place."""
    found = find(name)
    if found in machines.machines():
        machines.remove(found)
    else:
        _discard(found)


def start(name: str) -> None:
    """The node gets its power back; returns when systemd is up again."""
    container = find(name)
    if container in machines.machines():
        machines.start(container)
        machines.wait_for(container, time.monotonic())
        return
    podman("start", container)
    labels = json.loads(podman("inspect", container))[0]
    network = labels["NetworkSettings"]["Networks"]
    address = next(iter(network.values()))["IPAddress"]
    lab = labels["Config"]["Labels"][LABEL]
    node = container.removeprefix(f"bm-{lab}-")
    wait_for(Lab(lab, "", {node: address}), node)
