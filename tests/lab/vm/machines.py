# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual machines as neighbours of the containers: a tap on the containers' own bridge.

Of two kinds: `user_mode` is a Linux kernel that runs as a program of this machine (User Mode Linux), with loadable modules, and its
programs run at this machine's own speed; `qemu` is a whole computer by software emulation, far slower, for disks and firmware.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from host import CACHE, LabError, run, say

from vm.image import Image

FOLDER = CACHE / "machines"
KINDS = ("user_mode", "qemu")
#: kind -> program -> Debian package that has it
PREREQUISITES = {
    "user_mode": {"mke2fs": "e2fsprogs", "ip": "iproute2"},
    "qemu": {"qemu-system-x86_64": "qemu-system-x86", "qemu-img": "qemu-utils", "mke2fs": "e2fsprogs", "ip": "iproute2"},
}
MEMORY = 512  # MiB: enough for a director or a load balancer
#: Seconds until a machine must answer: 10 or (qemu) 25 where nothing else runs, minutes on a busy machine.
PATIENCE = int(os.environ.get("LAB_VM_PATIENCE", "600"))
#: qemu's. `tcg` needs nothing of the machine; `kvm` is faster where there is one.
ACCELERATION = os.environ.get("LAB_VM_ACCEL", "tcg")
#: Of every kernel in qemu. A machine that is short of time looks to its kernel like one whose timer is broken, and to systemd as if
#: services hung. It measures the clock of its processor (TSC) wrong by a factor of twenty, so that its time would run away.
QEMU_WORDS = (
    *("root=/dev/vda", "console=ttyS0", "quiet", "net.ifnames=0", "mitigations=off"),
    *("no_timer_check", "nowatchdog", "rcupdate.rcu_cpu_stall_suppress=1", "tsc=unstable", "clocksource=hpet"),
    "systemd.default_timeout_start_sec=900",
)


def missing(kind: str) -> list[str]:
    """What virtual machines need and this machine lacks, in words for a person; empty where they can run."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    needed = PREREQUISITES[kind]
    lacks = [f"{program} (Debian package {needed[program]})" for program in needed if not shutil.which(program, path=path)]
    if not Path("/dev/net/tun").exists():
        lacks.append("/dev/net/tun (`modprobe tun`; in a container: pass the device in)")
    if os.uname().machine != "x86_64":
        lacks.append("an x86_64 machine (the image is made for that)")
    if os.geteuid() != 0:
        lacks.append("root (for the network taps)")
    return lacks


def check(kind: str) -> None:
    """LabError with all that is missing."""
    lacks = missing(kind)
    if lacks:
        raise LabError("virtual machines can't run here. Missing: " + "; ".join(lacks))


def machines(lab: str | None = None) -> dict[str, str]:
    """Name and state (running, exited) of the virtual machines of one inventory, or of all."""
    found = {}
    for path in sorted(FOLDER.glob("*/settings.json")) if FOLDER.exists() else []:
        if lab is None or json.loads(path.read_text())["lab"] == lab:
            found[path.parent.name] = "running" if _pid(path.parent) else "exited"
    return found


def up(
    name: str,
    kind: str,
    lab: str,
    node: str,
    address: str,
    subnet: str,
    bridge: str,
    image: Image,
    processors: int = 1,
    memory: int = MEMORY,
    wire: str = "",
    disk: str = "",
) -> None:
    """The machine runs, from a disk of its own over the image; one that runs already is left alone.

    ``wire`` is a bridge for a second card. Of `qemu`'s only: ``disk`` is a file that it has as a second disk, to read.
    """
    folder = FOLDER / name
    if not (folder / "settings.json").exists():
        shutil.rmtree(folder, ignore_errors=True)  # left by a killed run
        folder.mkdir(parents=True)
        if kind == "qemu":
            run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", image.disk, folder / "disk.qcow2"])
        settings = {"kind": kind, "lab": lab, "node": node, "address": address, "subnet": subnet, "bridge": bridge}
        settings |= {"disk": str(image.disk), "kernel": str(image.kernel), "initrd": str(image.initrd)}
        settings |= {"processors": str(processors), "memory": str(memory), "wire": wire, "second_disk": disk}
        (folder / "settings.json").write_text(json.dumps(settings))
    start(name)


def start(name: str) -> None:
    """The machine gets its power back; does not wait."""
    folder = FOLDER / name
    settings = json.loads((folder / "settings.json").read_text())
    tap = _tap(name)
    _attach(tap, settings["bridge"], settings["subnet"])
    if _pid(folder):
        return
    network = ipaddress.ip_network(settings["subnet"])
    gateway = next(iter(network.hosts()))
    digest = hashlib.sha256(name.encode()).hexdigest()
    mac = "52:54:00:" + ":".join(digest[place : place + 2] for place in (0, 2, 4))
    user_mode = settings["kind"] == "user_mode"
    interface = "vec0" if user_mode else "eth0"
    words = [
        *("rw", "systemd.show_status=yes", f"systemd.hostname={settings['node']}"),
        f"ip={settings['address']}::{gateway}:{network.netmask}:{settings['node']}:{interface}:none",
    ]
    if settings["wire"]:
        _attach(_tap(name + "-wire"), settings["wire"])
    (_start_user_mode if user_mode else _start_qemu)(folder, settings, tap, mac, words)


#: Slower than a container: without precedence, busy containers would slow a director's clockwork.
PRECEDENCE = ("nice", "-n", "-8")


def _start_user_mode(folder: Path, settings: dict[str, str], tap: str, mac: str, words: list[str]) -> None:
    wire = _tap(folder.name + "-wire")
    # Its folder of sockets, whose path must be short; a killed machine leaves it.
    identity = folder.name.encode()
    identity_words = f"umid={hashlib.sha256(identity).hexdigest()[:8]}", f"uml_dir={folder}/sockets/"
    shutil.rmtree(folder / "sockets", ignore_errors=True)
    (folder / "sockets").mkdir()
    with (folder / "console.log").open("w") as console:
        process = subprocess.Popen(
            [
                *(*PRECEDENCE, settings["kernel"], f"mem={settings['memory']}M", *identity_words),
                # Written to a file of its own over the image.
                *(f"ubd0={folder}/disk.cow,{settings['disk']}", "root=/dev/ubda"),
                *("con0=null,fd:1", "con=null", *words),
                f"vec0:transport=tap,ifname={tap},depth=128,gro=1,mac={mac}",
                *([f"vec1:transport=tap,ifname={wire},depth=128,gro=1,mac={_mac_of_wire(mac)}"] if settings["wire"] else []),
            ],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            # Each process inside is one here, too: they end together, as a group.
            start_new_session=True,
        )
    (folder / "pid").write_text(f"{process.pid}\n")


def _start_qemu(folder: Path, settings: dict[str, str], tap: str, mac: str, words: list[str]) -> None:
    more: list[str] = []
    if settings["wire"]:
        more += ["-netdev", f"tap,id=wire,ifname={_tap(folder.name + '-wire')},script=no,downscript=no"]
        more += ["-device", f"virtio-net-pci,netdev=wire,mac={_mac_of_wire(mac)}"]
    if settings["second_disk"]:
        more += ["-drive", f"file={settings['second_disk']},if=virtio,format=raw,readonly=on"]
    run(
        [
            *(*PRECEDENCE, "qemu-system-x86_64", "-name", folder.name),
            *("-machine", "q35", "-smp", settings["processors"], "-m", settings["memory"], "-cpu", "max"),
            *("-accel", "tcg,thread=multi,tb-size=128" if ACCELERATION == "tcg" else ACCELERATION),
            *("-kernel", settings["kernel"], "-initrd", settings["initrd"]),
            *("-append", " ".join([*QEMU_WORDS, *words])),
            # The disk may be lost when this machine loses power, not when the virtual one does.
            *("-drive", f"file={folder}/disk.qcow2,if=virtio,cache=unsafe", "-device", "virtio-rng-pci"),
            *("-netdev", f"tap,id=lan,ifname={tap},script=no,downscript=no"),
            *("-device", f"virtio-net-pci,netdev=lan,mac={mac}", "-display", "none", *more),
            *("-serial", f"file:{folder}/console.log", "-daemonize", "-pidfile", folder / "pid"),
        ],
        remedy=f"Is there memory for it ({settings['memory']} MiB)?",
    )


def stop(name: str) -> None:
    """The machine loses its power."""
    folder = FOLDER / name
    pid = _pid(folder)
    if pid is None:
        return
    if json.loads((folder / "settings.json").read_text())["kind"] == "user_mode":
        os.killpg(pid, signal.SIGKILL)
    else:
        os.kill(pid, signal.SIGKILL)
    for _attempt in range(200):
        if _pid(folder) is None:
            (folder / "pid").unlink(missing_ok=True)
            return
        time.sleep(0.02)
    raise LabError(f"the machine {name} (process {pid}) does not end.")


def remove(name: str) -> None:
    """The machine, its disk and its tap are gone."""
    stop(name)
    for tap in (_tap(name), _tap(name + "-wire")):
        subprocess.run(["ip", "link", "delete", tap], capture_output=True, check=False)
    settings = json.loads((FOLDER / name / "settings.json").read_text())
    shutil.rmtree(FOLDER / name)
    for bridge in (settings["bridge"], settings.get("wire")):
        # podman removes a bridge with its last container; one that only taps kept is left to us.
        if bridge and not list(Path("/sys/class/net", bridge, "brif").glob("*")):
            subprocess.run(["ip", "link", "delete", bridge], capture_output=True, check=False)


def wait_for(name: str, started: float) -> None:
    """Returns when systemd has started everything."""
    settings = json.loads((FOLDER / name / "settings.json").read_text())
    state = ""
    while time.monotonic() < started + PATIENCE:
        result = subprocess.run(
            [*ssh(settings["address"]), "systemctl", "is-system-running"], capture_output=True, text=True, check=False
        )
        state = result.stdout.strip() or result.stderr.strip()
        if state in ("running", "degraded"):
            break
        if _pid(FOLDER / name) is None:
            raise LabError(f"the machine {name} ended. Its console: {FOLDER / name / 'console.log'}")
        time.sleep(0.5)
    else:
        raise LabError(f"{name} is not up after {PATIENCE} s ({state}). Its console: {FOLDER / name / 'console.log'}")
    if state == "degraded":
        failed = run([*ssh(settings["address"]), "systemctl", "--failed", "--plain", "--no-legend"])
        say(f"{name} is up, but these units failed: {'; '.join(line.split()[0] for line in failed.splitlines())}")


def ssh(address: str) -> list[str]:
    """The words before a command that is to run on a node."""
    keys = CACHE / "ssh"
    options = ("BatchMode=yes", "ConnectTimeout=3", f"UserKnownHostsFile={keys}/known_hosts", "LogLevel=ERROR")
    return ["ssh", "-i", str(keys / "id_ed25519"), *(word for option in options for word in ("-o", option)), f"root@{address}"]


def _attach(tap: str, bridge: str, subnet: str = "") -> None:
    """The tap is a port of the bridge; both are made where they are missing (podman makes the bridge with its first container)."""
    if not Path("/sys/class/net", bridge).exists():
        run(["ip", "link", "add", bridge, "type", "bridge"])
        if subnet:
            network = ipaddress.ip_network(subnet)
            run(["ip", "address", "add", f"{next(iter(network.hosts()))}/{network.prefixlen}", "dev", bridge])
        run(["ip", "link", "set", bridge, "up"])
    if not Path("/sys/class/net", tap).exists():
        run(["ip", "tuntap", "add", "dev", tap, "mode", "tap"])
    run(["ip", "link", "set", tap, "master", bridge, "up"])


def _mac_of_wire(mac: str) -> str:
    return mac.replace("54", "55", 1)


def _tap(name: str) -> str:
    # An interface's name has room for 15 characters.
    return "bmtap-" + hashlib.sha256(name.encode()).hexdigest()[:8]


def _pid(folder: Path) -> int | None:
    """The process of the machine; None where it does not run, or where its number belongs to another process by now."""
    with contextlib.suppress(OSError, ValueError):
        pid = int((folder / "pid").read_text())
        if f"{folder}/disk.".encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    return None
