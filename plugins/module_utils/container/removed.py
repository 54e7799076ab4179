# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user's own lines for containerd or CRI-O may no longer say. Docker's keys stand in docker.py, beside ours."""

from __future__ import annotations

import re
from typing import Iterator, NamedTuple, Tuple

Numbers = Tuple[int, ...]


class Removed(NamedTuple):
    """A pattern in the text, the release that took it away (empty where no release goes together with us), and what to write."""

    pattern: str
    what: str
    since: Numbers
    remedy: str


_RUNC_V2 = 'write runtime_type = "io.containerd.runc.v2"'
_REGISTRIES = "write container_runtime_registries (config_path), with which it can't stand together"
#: containerd RELEASES.md of 2.3.7, and docs/cri/registry.md.
CONTAINERD = (
    Removed(
        r'disabled_plugins\s*=\s*\[[^\]]*["\'](io\.containerd\.grpc\.v1\.)?cri["\']',
        'disabled_plugins = ["cri"]',
        (),
        "remove it: the kubelet speaks CRI",
    ),
    Removed(r"\bregistry[\"']?\.(mirrors|configs|auths)\b", "registry.mirrors, configs and auths", (), _REGISTRIES),
    Removed(r"^[ \t]*systemd_cgroup\s*=", "systemd_cgroup", (2, 0), "write SystemdCgroup in the options of a runtime"),
    Removed(r"io\.containerd\.runtime\.v1\.linux", "io.containerd.runtime.v1.linux", (2, 0), _RUNC_V2),
    Removed(r"io\.containerd\.runc\.v1\b", "io.containerd.runc.v1", (2, 0), _RUNC_V2),
    Removed(r"untrusted_workload_runtime", "untrusted_workload_runtime", (2, 0), "make a runtime called untrusted"),
    Removed(r"containerd\.default_runtime\]|^[ \t]*default_runtime\s*=", "default_runtime", (2, 0), "write default_runtime_name"),
    Removed(r"^[ \t]*runtime_engine\s*=", "runtime_engine", (2, 0), _RUNC_V2),
    Removed(r"^[ \t]*runtime_root\s*=", "runtime_root", (2, 0), "write Root in the options of the runtime"),
    Removed(r"^[ \t]*disable_cgroup\s*=", "disable_cgroup", (2, 0), "take cgroup v2 with delegation"),
    Removed(r"^[ \t]*CriuPath\s*=", "CriuPath", (2, 0), "put criu on the PATH of containerd's service"),
    Removed(r"^[ \t]*snapshotter\s*=\s*[\"']aufs", "the snapshotter aufs", (2, 0), "set container_runtime_snapshotter: overlayfs"),
    Removed(r"^[ \t]*(enable_cdi|enable_experimental_restore_via_create)\s*=", "enable_cdi", (2, 4), "remove it: CDI is always on"),
)
#: Keys that pkg/config of CRI-O 1.34 and 1.36 has no more, which it passes over without a word.
CRIO = (
    Removed(
        r"^[ \t]*registries\s*=", "registries", (1, 34), "write container_runtime_registries, or /etc/containers/registries.conf.d"
    ),
    Removed(r"^[ \t]*manage_(network_)?ns_lifecycle\s*=", "manage_ns_lifecycle", (1, 34), "remove it: CRI-O always does"),
    Removed(r"^[ \t]*file_locking(_path)?\s*=", "file_locking", (1, 34), "remove it"),
    Removed(r"^[ \t]*default_mounts\s*=", "default_mounts", (1, 36), "write default_mounts_file"),
    Removed(
        r"^[ \t]*cgroup_manager\s*=\s*[\"']cgroupfs",
        "cgroup_manager = cgroupfs",
        (),
        "remove it: kubelet and CRI-O both get systemd",
    ),
)
TABLES = {"containerd": ("containerd", CONTAINERD), "crio": ("CRI-O", CRIO)}


def refusals(runtime: str, text: str, version: Numbers = ()) -> Iterator[Tuple[str, str]]:
    """(what is wrong, what to write) for each line of a user's own that the runtime no longer takes.

    :param version: of the runtime; empty where it is not known yet, and then the newest counts.
    """
    name, table = TABLES.get(runtime, ("", ()))
    for row in table:
        if re.search(row.pattern, text, re.MULTILINE) and (not version or not row.since or version >= row.since):
            gone = (
                "%s %s has no %s any more" % (name, ".".join(map(str, row.since)), row.what)
                if row.since
                else "%s can't be here" % row.what
            )
            yield gone, row.remedy
