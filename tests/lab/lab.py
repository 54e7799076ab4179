#!/usr/bin/env python3
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab: real systemd nodes in podman (and virtual machines beside them), from Debian's packages, that Ansible reaches over SSH
as it reaches servers."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import host
import nodes
import products
from cache import drop_superseded, size_of
from vm import image as vm_image
from vm import machines as virtual


def build(_arguments: argparse.Namespace) -> None:
    """Build everything that nodes need, once."""
    bundle, image = products.build()
    if not nodes.containers():  # nodes may have an older bundle mounted
        drop_superseded(products.current())
    host.say(f"bundle {bundle} ({size_of(bundle) / 1e6:.0f} MB), node image {image}")


def machines(arguments: argparse.Namespace) -> None:
    """Build what an inventory's virtual machines (or those of every kind) need, once; says what is missing where they can't run."""
    kinds = nodes.read(arguments.inventory).virtual.values() if arguments.inventory else virtual.KINDS
    for kind in sorted(set(kinds)):
        virtual.check(kind)
        host.say(f"image of virtual machines {vm_image.image(products.ssh_keys(), kind).disk}")


def s3_server(_arguments: argparse.Namespace) -> None:
    """Build the S3 server that tests of backups use, and print its path."""
    print(products.s3_server())


def up(arguments: argparse.Namespace) -> None:
    """Start the nodes of an inventory."""
    lab = nodes.read(arguments.inventory)
    bundle, image = products.build(lab.kubernetes)
    nodes.up(lab, image, bundle)


def reach(arguments: argparse.Namespace) -> None:
    """Print the commands that reach an inventory's nodes and cluster."""
    lab = nodes.read(arguments.inventory)
    keys = products.ssh_keys()
    for node, address in lab.nodes.items():
        print(f"ssh -i {keys}/id_ed25519 -o UserKnownHostsFile={keys}/known_hosts root@{address}   # {node}")
    # The bundle's own: this machine may have none, or one that is years newer than the cluster.
    kubectl = products.bundle(lab.kubernetes) / "bin" / "kubectl"
    for kubeconfig in sorted(arguments.inventory.glob("kubeconfig-*")):
        print(f"{kubectl} --kubeconfig {kubeconfig} get nodes")


def blank(arguments: argparse.Namespace) -> None:
    """Put fresh nodes in the place of an inventory's nodes."""
    lab = nodes.read(arguments.inventory)
    bundle, image = products.build(lab.kubernetes)
    nodes.blank(lab, lambda: nodes.up(lab, image, bundle))
    _remove_generated(arguments.inventory)


def down(arguments: argparse.Namespace) -> None:
    """Remove the nodes and networks of an inventory, or of all."""
    if arguments.all == bool(arguments.inventory):
        raise host.LabError("down: name one inventory directory, or --all.")
    nodes.down(None if arguments.all else nodes.read(arguments.inventory).name)
    labs = Path(__file__).resolve().parents[2] / "inventories" / "lab"
    for inventory in sorted(labs.iterdir()) if arguments.all else [arguments.inventory]:
        _remove_generated(inventory)
    if host.CACHE.exists():
        size = size_of(host.CACHE) / 1e6
        host.say(f"removed. Kept for next time: {host.CACHE} ({size:.0f} MB) and podman's images made from it;")
        host.say(f"`{sys.argv[0]} purge` removes these as well.")


def _remove_generated(inventory: Path) -> None:
    """The kubeconfigs that playbooks wrote: their clusters are gone."""
    for path in inventory.glob("kubeconfig-*"):
        path.unlink()


def purge(_arguments: argparse.Namespace) -> None:
    """Remove nodes, networks, images and the cache."""
    nodes.down(None)
    products.purge()
    host.say("nothing of the lab is left, but for the distribution's packages that it needed.")


def status(_arguments: argparse.Namespace) -> None:
    """Show the nodes that there are."""
    for name, state in sorted(nodes.nodes().items()):
        print(f"{name}\t{state}")


def main() -> int:
    """Exit code of the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for function in (build, machines, s3_server, up, reach, blank, down, purge, status):
        command = commands.add_parser(function.__name__.replace("_", "-"), help=function.__doc__)
        command.set_defaults(run=function)
        if function in (machines, up, reach, blank, down):
            optional = "?" if function in (machines, down) else None
            command.add_argument("inventory", type=Path, nargs=optional, help="such as inventories/lab/single")
        if function is down:
            command.add_argument("--all", action="store_true", help="all inventories")
    for action, text in (
        (nodes.stop, "Take a node's power away."),
        (nodes.start, "Give a node its power back."),
        (nodes.lose, "Take a node's power and its disk away; `up` gives it a blank one."),
    ):
        command = commands.add_parser(action.__name__, help=text)
        command.add_argument("node", help="such as cp1, or stacked_ha-cp1 where several labs have a cp1")
        command.set_defaults(run=lambda arguments, action=action: action(arguments.node))
    arguments = parser.parse_args()
    try:
        host.install_prerequisites()
        host.use_containers_conf()
        arguments.run(arguments)
    except host.LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; start again, nothing half-built is used.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
