# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk and kernel that every virtual machine of the lab starts from, for each kind of machine; built once and kept."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from cache import product
from host import SUITE, mmdebstrap, run

HERE = Path(__file__).parent
#: What is in the image of either kind. The roles find their programs there, since nodes of the lab reach no package mirror.
PACKAGES = (
    *("systemd", "systemd-sysv", "udev", "dbus", "kmod", "procps", "iproute2", "iputils-ping", "netcat-openbsd", "nftables"),
    *("ca-certificates", "openssh-server", "sudo", "python3", "python3-apt", "curl", "openssl", "tcpdump"),
    *("ipvsadm", "keepalived", "haproxy", "nginx-light", "libnginx-mod-stream"),
)
ZFS = (
    *("linux-image-cloud-amd64", "linux-headers-cloud-amd64", "initramfs-tools", "zfs-dkms", "zfsutils-linux", "zfs-zed"),
    *("containerd", "gdisk", "fdisk", "e2fsprogs", "mdadm", "lvm2", "smartmontools"),
)
#: What each kind of machine (vm.machines) has its kernel from.
KERNELS = {
    # Nodes of a cluster, too, which install nothing more (tests/vm/boot): role host's, interconnect's and longhorn's packages.
    "qemu": (
        *("linux-image-cloud-amd64", "initramfs-tools", "chrony", "wireguard-tools", "open-iscsi", "nfs-common", "cryptsetup"),
        *("containerd", "runc", "etcd-client", "conntrack", "ebtables", "ethtool", "ipset", "iptables", "socat", "gpgv"),
    ),
    "user_mode": ("user-mode-linux",),
    # tests/vm/zfs starts these: DKMS builds the module while the image is made. OpenZFS of the suite, and of its backports.
    "zfs": ZFS,
    "zfs_backports": ZFS,
}
#: The roles start these. As in prepare.sh, for packages that only these machines have.
DISABLED = {"qemu": ("chrony", "containerd", "iscsid", "open-iscsi")}
#: Debian has ZFS in contrib, since its licence forbids to ship it built.
COMPONENTS = {"zfs": "main contrib", "zfs_backports": "main contrib"}
#: The source package that comes from the suite's backports.
BACKPORTS = {"zfs_backports": "zfs-linux"}
#: A look at all devices, most of them consoles, would take half of such a machine's boot.
FEW_DEVICES = "[Service]\nExecStart=\nExecStart=-udevadm trigger --type=devices --subsystem-match=net --subsystem-match=block\n"
#: Sparse: only what is written takes room.
DISK = "4G"


class Image(NamedTuple):
    """Files of the image: a raw disk that nobody writes to, the kernel, and an initial RAM disk where the kernel needs one."""

    disk: Path
    kernel: Path
    initrd: Path


def image(keys: Path, kind: str) -> Image:
    """The image, built first when there is none of these packages and keys. ``keys`` are the lab's (products.ssh_keys)."""
    public = [(keys / name).read_text() for name in ("id_ed25519.pub", "ssh_host_ed25519_key.pub")]
    packages = (*PACKAGES, *KERNELS[kind])
    components, backports, disabled = COMPONENTS.get(kind, "main"), BACKPORTS.get(kind, ""), DISABLED.get(kind, ())
    inputs = [packages, SUITE, DISK, public, (HERE / "prepare.sh").read_text(), FEW_DEVICES, *disabled]
    inputs += [backports] if backports else []

    def build(out: Path) -> None:
        root = out / "root"
        mmdebstrap(root, "minbase", packages, components=components, backports=backports)
        for source, target in (
            (keys / "id_ed25519.pub", "root/.ssh/authorized_keys"),
            (keys / "ssh_host_ed25519_key", "etc/ssh/ssh_host_ed25519_key"),
            (keys / "ssh_host_ed25519_key.pub", "etc/ssh/ssh_host_ed25519_key.pub"),
            (HERE / "prepare.sh", "prepare.sh"),
        ):
            (root / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, root / target)
        run(["chroot", root, "sh", "/prepare.sh"])
        (root / "prepare.sh").unlink()
        if disabled:
            run(["systemctl", f"--root={root}", "--quiet", "disable", *disabled])
        if kind == "user_mode":
            shutil.copy2(root / "usr/bin/linux.uml", out / "kernel")
            # Where modprobe looks for them inside of the machine.
            (root / "usr/lib/modules").mkdir(exist_ok=True)
            for modules in (root / "usr/lib/uml/modules").iterdir():
                modules.rename(root / "usr/lib/modules" / modules.name)
            trigger = root / "etc/systemd/system/systemd-udev-trigger.service.d/few.conf"
            trigger.parent.mkdir(parents=True, exist_ok=True)
            trigger.write_text(FEW_DEVICES)
        else:
            shutil.copy2(next(iter(root.glob("boot/vmlinuz-*"))), out / "kernel")
            shutil.copy2(next(iter(root.glob("boot/initrd.img-*"))), out / "initrd")
        run(["mke2fs", "-q", "-t", "ext4", "-d", root, "-F", out / "disk.raw", DISK])
        shutil.rmtree(root)

    folder = product(f"vm-{kind}", inputs, build)
    return Image(folder / "disk.raw", folder / "kernel", folder / "initrd")
