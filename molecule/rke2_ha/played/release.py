#!/usr/bin/env python3
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes files that lie as those of a release of RKE2 do, around a program that plays it.

Usage: release.py FOLDER VERSION, such as v1.36.3+rke2r1.
"""

from __future__ import annotations

import hashlib
import io
import os
import pathlib
import sys
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
KEYS = HERE.parents[2] / "tests" / "fixtures" / "rke2" / "keys.json"
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
UNIT = """\
[Unit]
Description=Plays RKE2 ({role})
Wants=network-online.target
After=network-online.target

[Install]
WantedBy=multi-user.target

[Service]
Type=notify
KillMode=process
TimeoutStartSec=0
Restart=always
RestartSec=5s
ExecStart=/usr/local/bin/rke2 {role}
"""

UNINSTALL = b"""\
#!/bin/sh
systemctl disable --now rke2-server.service rke2-agent.service
rm -rf /etc/rancher /var/lib/rancher /usr/local/bin/rke2* /usr/local/lib/systemd/system/rke2-* /usr/local/share/rke2
systemctl daemon-reload
"""


def add(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    archive.addfile(member, io.BytesIO(content))


def make(folder: pathlib.Path, version: str) -> None:
    """The tarball, an archive of images that nobody reads, and the checksums of both."""
    machine = MACHINES[os.uname().machine]
    folder.mkdir(parents=True, exist_ok=True)
    tarball = folder / ("rke2.linux-%s.tar.gz" % machine)
    images = folder / ("rke2-images.linux-%s.tar.zst" % machine)
    with tarfile.open(tarball, "w:gz") as archive:
        program = (HERE / "rke2.py").read_text().replace("@VERSION@", version)
        add(archive, "bin/rke2", program.encode(), 0o755)
        add(archive, "bin/rke2-killall.sh", b"#!/bin/sh\nsystemctl stop rke2-server.service rke2-agent.service\n", 0o755)
        add(archive, "bin/rke2-uninstall.sh", UNINSTALL, 0o755)
        for role in ("server", "agent"):
            add(archive, "lib/systemd/system/rke2-%s.service" % role, UNIT.format(role=role).encode())
        add(archive, "share/rke2/keys.json", KEYS.read_bytes())
    images.write_bytes(("images of " + version).encode())
    lines = ["%s  %s\n" % (hashlib.sha256(path.read_bytes()).hexdigest(), path.name) for path in (images, tarball)]
    (folder / ("sha256sum-%s.txt" % machine)).write_text("".join(lines))


if __name__ == "__main__":
    make(pathlib.Path(sys.argv[1]), sys.argv[2])
