# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server in qemu on bridges of this suite's own, and playbooks for it."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import time
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
# Behind tests/unit is stand_ins.py.
sys.path[:0] = [str(ROOT / "tests" / "lab"), str(ROOT / "tests" / "unit")]

import host  # noqa: E402
import products  # noqa: E402
from cache import product  # noqa: E402
from vm import image, machines  # noqa: E402

LAB, SUBNET, BRIDGE, WIRE = "boot", "10.89.94.0/24", "bmboot-lan", "bmboot-wire"

#: The distribution's repository: one package, of which a newer version wants a reboot as a kernel does.
REPOSITORY = (ROOT / "tests" / "lab" / "files" / "os-updates.sh").read_text()


def bundle_disk() -> pathlib.Path:
    """The bundle as a disk, since a machine can mount no folder of this one."""
    bundle = products.bundle()

    def build(out: pathlib.Path) -> None:
        host.run(["mke2fs", "-q", "-t", "ext4", "-d", bundle, "-F", out / "disk.raw", "1G"])

    return product("bundle-disk", [str(bundle)], build) / "disk.raw"


class Server:
    """Its second card hangs on a switch that all servers have."""

    def __init__(self, name: str, address: str) -> None:
        machines.check("qemu")
        self.name, self.address, self.machine = name, address, f"bm-{LAB}-{name}"

    def start(self, processors: int, memory: int, disk: str = "") -> None:
        """It gets its power; does not wait. ``disk`` is a file that it has as a second disk, to read."""
        base = image.image(products.ssh_keys(), "qemu")
        machines.up(self.machine, "qemu", LAB, self.name, self.address, SUBNET, BRIDGE, base, processors, memory, WIRE, disk)

    def wait(self) -> None:
        machines.wait_for(self.machine, time.monotonic())

    def mount_bundle(self) -> None:
        """Its second disk, in this boot and in those to come."""
        self.run("mkdir -p /opt/kubernetes-bundle && mount -o ro /dev/vdb /opt/kubernetes-bundle")
        self.run("echo '/dev/vdb /opt/kubernetes-bundle ext4 ro,nofail 0 0' >> /etc/fstab")

    def remove(self) -> None:
        machines.remove(self.machine)

    def run(self, command: str, check: bool = True) -> str:
        """What a command prints on it."""
        # A busy machine greets late; the first of two options counts.
        argv = ["ssh", "-o", "ConnectTimeout=60", *machines.ssh(self.address)[1:], command]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    @property
    def boot(self) -> str:
        """Another one after each boot; empty while it does not answer."""
        return self.run("cat /proc/sys/kernel/random/boot_id", check=False)

    def reboot(self) -> None:
        before = self.boot
        self.run("systemctl reboot", check=False)
        deadline = time.monotonic() + machines.PATIENCE
        while time.monotonic() < deadline and self.boot in ("", before):
            time.sleep(2)
        self.wait()


def reboot(servers: list[Server]) -> None:
    """All at once."""
    host.in_parallel(Server.reboot, servers)


def play(inventory: str, playbook: str, collections: pathlib.Path | None = None, **variables: Any) -> str:
    """What ansible-playbook prints. ``collections`` is a folder with a copy of the collection that has stand-ins."""
    argv = ["ansible-playbook", "--inventory", str(HERE / inventory), playbook, "--extra-vars", json.dumps(variables)]
    environment = dict(os.environ, ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_TIMEOUT="120", ANSIBLE_NOCOLOR="1")
    environment |= {"ANSIBLE_COLLECTIONS_PATH": str(collections), "STAND_IN_FOLDER": str(collections)} if collections else {}
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    return done.stdout


def changes(output: str) -> int:
    """How many tasks changed something."""
    return sum(int(number) for number in re.findall(r"\bchanged=(\d+)", output))
