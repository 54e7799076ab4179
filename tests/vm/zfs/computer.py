# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole computer in qemu with NVMe disks that can be pulled and plugged while it runs. Needs neither root, taps nor KVM."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "lab"))

import ansible  # noqa: E402
import products  # noqa: E402
from vm import image as vm_image  # noqa: E402
from vm.machines import QEMU_WORDS  # noqa: E402

MEMORY = 1024
DISK_SIZE = 256 << 20
BLOCK = 64 << 10
SLOTS = 8
#: Seconds until it answers: 25 by emulation where nothing else runs, many minutes on a busy machine.
PATIENCE = int(os.environ.get("LAB_VM_PATIENCE", "1800"))
#: Pools are imported after it. By emulation a boot may take longer than its two minutes.
SETTLE = "/etc/systemd/system/systemd-udev-settle.service.d/patient.conf"
PATIENT = "[Service]\\nTimeoutSec=infinity\\nExecStart=\\nExecStart=udevadm settle --timeout=1800\\n"
ACCELERATION = os.environ.get("LAB_VM_ACCEL", "tcg,thread=multi,tb-size=256")


class Disk:
    """A file that one computer after the other has as a disk."""

    def __init__(self, folder: pathlib.Path, serial: str) -> None:
        self.serial, self.path = serial, folder / (serial + ".raw")
        with self.path.open("wb") as stream:
            stream.truncate(DISK_SIZE)

    @property
    def name(self) -> str:
        """As Linux names it."""
        return "/dev/disk/by-id/nvme-QEMU_NVMe_Ctrl_" + self.serial

    def digest(self) -> str:
        """Of all bytes; what is a hole in the file, or nothing but zeros, is not read."""
        found, end = hashlib.sha256(), 0
        with self.path.open("rb") as stream, contextlib.suppress(OSError):  # ENXIO: nothing is behind it
            while True:
                start = os.lseek(stream.fileno(), end, os.SEEK_DATA)
                end = os.lseek(stream.fileno(), start, os.SEEK_HOLE)
                for place in range(start - start % BLOCK, end, BLOCK):
                    block = os.pread(stream.fileno(), BLOCK, place)
                    if block.strip(b"\0"):
                        found.update(b"%d " % place + block)
        return found.hexdigest()


class Computer:
    """Its system disk is its own; the others go from one to the next."""

    def __init__(self, folder: pathlib.Path, name: str, port: int) -> None:
        self.folder, self.name, self.port = folder / name, name, port
        self.folder.mkdir()
        self.image = vm_image.image(products.ssh_keys(), os.environ.get("LAB_ZFS_IMAGE", "zfs"))
        self.keys = products.ssh_keys()
        self.process: subprocess.Popen[bytes] | None = None
        self.server: subprocess.Popen[str] | None = None
        self.slots: dict[str, str] = {}
        system = [
            "qemu-img",
            "create",
            "-q",
            "-f",
            "qcow2",
            "-F",
            "raw",
            "-b",
            str(self.image.disk),
            str(self.folder / "system.qcow2"),
        ]
        subprocess.run(system, check=True)

    def start(self, *disks: Disk) -> None:
        """It gets its power, with these disks in its slots; returns when systemd has started everything."""
        words = [*QEMU_WORDS, "rw", f"systemd.hostname={self.name}", f"ip=10.0.2.15::10.0.2.2:255.255.255.0:{self.name}:eth0:none"]
        argv = ["qemu-system-x86_64", "-name", self.name, "-machine", "q35", "-cpu", "max", "-smp", "1", "-m", str(MEMORY)]
        argv += ["-accel", ACCELERATION, "-display", "none", "-serial", f"file:{self.folder}/console.log"]
        argv += ["-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd), "-append", " ".join(words)]
        argv += ["-drive", f"file={self.folder}/system.qcow2,if=virtio,cache=unsafe", "-device", "virtio-rng-pci"]
        argv += ["-nic", f"user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:{self.port}-:22"]
        argv += ["-qmp", f"unix:{self._socket},server=on,wait=off"]
        for number in range(SLOTS):
            argv += ["-device", f"pcie-root-port,id=slot{number},chassis={number + 1}"]
        self.slots = {}
        for number, disk in enumerate(disks):
            argv += ["-drive", f"file={disk.path},if=none,id=drive-{disk.serial},format=raw,cache=writeback"]
            argv += ["-device", f"nvme,id=nvme-{disk.serial},drive=drive-{disk.serial},serial={disk.serial},bus=slot{number}"]
            self.slots[disk.serial] = f"slot{number}"
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
        self.wait()
        # For the boots to come.
        self.run(f"mkdir -p {os.path.dirname(SETTLE)} && printf '{PATIENT}' > {SETTLE}; sync")

    @property
    def _socket(self) -> str:
        # A path of a socket has room for 108 characters.
        return f"/tmp/bm-zfs-{os.getpid()}-{self.name}.qmp"

    def wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            state = self.run("systemctl is-system-running", check=False)
            if state in ("running", "degraded"):
                return
            assert self.process is not None and self.process.poll() is None, f"{self.name} ended: {self.folder}/console.log"
            time.sleep(2)
        raise AssertionError(f"{self.name} is not up after {PATIENCE} s. Its console: {self.folder}/console.log")

    def ssh(self) -> list[str]:
        options = (
            "BatchMode=yes",
            "ConnectTimeout=30",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
            # One connection for all: to make one takes an emulated processor seconds.
            "ControlMaster=auto",
            "ControlPersist=600",
            f"ControlPath={self._socket}.ssh",
        )
        words = [word for option in options for word in ("-o", option)]
        return ["ssh", "-i", str(self.keys / "id_ed25519"), "-p", str(self.port), *words, "root@127.0.0.1"]

    def module(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """What a module of the collection answers on it, without Ansible's own start."""
        if self.server is None or self.server.poll() is not None:
            self._copy_modules()
            argv = [*self.ssh(), "python3 -u /opt/modules/serve.py"]
            self.server = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.server.stdin is not None and self.server.stdout is not None
        self.server.stdin.write(json.dumps([name, arguments]) + "\n")
        self.server.stdin.flush()
        answer = json.loads(self.server.stdout.readline())
        assert isinstance(answer, dict)
        return answer

    def _copy_modules(self) -> None:
        home = pathlib.Path(ansible.__file__).parent.parent
        trees = ["-C", str(home), "ansible/__init__.py", "ansible/release.py", "ansible/_vendor", "ansible/module_utils"]
        trees += ["-C", str(ROOT / ".build" / "collections"), "ansible_collections/baremetal/kubernetes/plugins"]
        trees += ["-C", str(pathlib.Path(__file__).parent), "serve.py"]
        sent = subprocess.Popen(["tar", "-ch", "--exclude=__pycache__", "--exclude=*.ps*", *trees], stdout=subprocess.PIPE)
        subprocess.run([*self.ssh(), "mkdir -p /opt/modules; tar -xC /opt/modules"], stdin=sent.stdout, check=True)
        assert sent.wait() == 0

    def run(self, command: str, check: bool = True) -> str:
        """What a command prints on it."""
        done = subprocess.run([*self.ssh(), command], capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.rstrip()

    def playbook(self, name: str, *arguments: str, check: bool = True, **settings: Any) -> str:
        """A playbook's run with this computer as the only host, a control plane, and its output."""
        host = {"ansible_host": "127.0.0.1", "ansible_user": "root", "ansible_python_interpreter": "/usr/bin/python3"}
        host |= {
            "ansible_port": self.port,
            "ansible_ssh_private_key_file": str(self.keys / "id_ed25519"),
            "ansible_ssh_common_args": " ".join(self.ssh()[3:-1]),
        }
        inventory = self.folder / "inventory.json"
        inventory.write_text(json.dumps({"control_plane": {"hosts": {self.name: host}, "vars": settings}}))
        paths = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_COLLECTIONS_PATH": f"{ROOT}/.build/collections"}
        argv = ["ansible-playbook", "--inventory", str(inventory), name, *arguments]
        done = subprocess.run(argv, env={**os.environ, **paths}, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def until(self, command: str, wanted: str) -> str:
        """Waits until a command prints what is wanted."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            said = self.run(command, check=False)
            if wanted in said:
                return said
            time.sleep(2)
        raise AssertionError(f"{command} does not say {wanted!r}: {said}")

    def qmp(self, command: str, **arguments: Any) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._socket)
            stream = connection.makefile("rw")
            stream.readline()
            for request in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                stream.write(json.dumps(request) + "\n")
                stream.flush()
                while True:
                    answer = json.loads(stream.readline())
                    if "event" not in answer:
                        break
                assert "error" not in answer, answer

    def pull(self, disk: Disk) -> None:
        """The disk is taken out of its slot while the computer runs."""
        self.qmp("device_del", id=f"nvme-{disk.serial}")
        self.until(f"test -e {disk.name} && echo there || echo gone", "gone")

    def plug(self, disk: Disk) -> None:
        """The disk is put back into its slot, or into a free one."""
        slot = self.slots.setdefault(disk.serial, f"slot{len(self.slots)}")
        # qemu lets go of the drive with the device that was pulled.
        self.qmp(
            "blockdev-add",
            driver="raw",
            **{"node-name": f"again-{disk.serial}"},
            file={"driver": "file", "filename": str(disk.path)},
        )
        self.qmp("device_add", driver="nvme", id=f"nvme-{disk.serial}", drive=f"again-{disk.serial}", serial=disk.serial, bus=slot)
        self.until(f"test -e {disk.name} && echo there || echo gone", "there")

    def reboot(self) -> None:
        """It is started anew, as an administrator does it."""
        before = self.run("cat /proc/sys/kernel/random/boot_id")
        self.run("systemctl reboot", check=False)
        self._hang_up()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.run("cat /proc/sys/kernel/random/boot_id", check=False) in ("", before):
            time.sleep(2)
        self.wait()

    def _hang_up(self) -> None:
        """The kept connection ends, on which others would wait until it is found dead."""
        subprocess.run([*self.ssh()[:-1], "-O", "exit", "root@127.0.0.1"], capture_output=True, check=False)
        if self.server is not None:
            self.server.kill()
            self.server.wait()
            self.server = None

    def flush(self) -> None:
        """All that was written is in the files of its disks."""
        self.run("sync; for disk in /dev/nvme?n1; do blockdev --flushbufs $disk; done")

    def stop(self) -> None:
        """It loses its power."""
        self._hang_up()
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None
        with contextlib.suppress(FileNotFoundError):
            pathlib.Path(self._socket).unlink()
