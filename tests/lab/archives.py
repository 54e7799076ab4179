# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container images from plain files: docker-archive tar files without a container engine, small and reproducible."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

# path in the image -> file on this machine, or "-> target" for a symbolic link
Files = dict[str, "Path | str"]


class Image(NamedTuple):
    """An image: its name, its layers from the lowest, and what it runs."""

    reference: str
    layers: tuple[Path, ...]
    entrypoint: tuple[str, ...] = ()


def write_layer(path: Path, files: Files) -> Path:
    """A layer: all files belong to root, are executable, and have no times, so that equal files make an equal layer."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        folders = sorted({str(parent) for name in files for parent in Path(name).parents} - {".", "/"})
        for folder in folders:
            entry = tarfile.TarInfo(folder.lstrip("/"))
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for name, source in sorted(files.items()):
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.mode = 0o755
            if isinstance(source, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, source.removeprefix("-> ")
                tar.addfile(entry)
            else:
                entry.size = source.stat().st_size
                with source.open("rb") as handle:
                    tar.addfile(entry, handle)
    return path


def write_archive(path: Path, images: Sequence[Image], architecture: str) -> None:
    """A docker-archive with these images; a layer that several share is in it once."""
    manifest = []
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        written = set()

        def add(name: str, content: bytes) -> None:
            if name not in written:
                written.add(name)
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))

        for image in images:
            digests = []
            for layer in image.layers:
                content = layer.read_bytes()
                digests.append(hashlib.sha256(content).hexdigest())
                add(f"{digests[-1]}.tar", content)
            path_variable = "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            configuration = json.dumps(
                {
                    "architecture": architecture,
                    "os": "linux",
                    "config": {"Env": [path_variable], "Entrypoint": list(image.entrypoint)},
                    "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
                },
                sort_keys=True,
            ).encode()
            name = f"{hashlib.sha256(configuration).hexdigest()}.json"
            add(name, configuration)
            layers = [f"{digest}.tar" for digest in digests]
            manifest.append({"Config": name, "RepoTags": [image.reference], "Layers": layers})
        add("manifest.json", json.dumps(manifest).encode())


def with_libraries(root: Path, programs: Sequence[str]) -> Files:
    """The programs of a root file system, what their symbolic links lead to, and the libraries they load."""
    files: Files = {}
    loader = next(f"/{path.relative_to(root)}" for path in root.glob("usr/lib*/ld-linux-*"))
    waiting = list(programs)
    while waiting:
        name = waiting.pop()
        path = root / name.lstrip("/")
        if name in files:
            continue
        if path.is_symlink():
            target = path.readlink()
            files[name] = f"-> {target}"
            waiting.append(str(target if target.is_absolute() else Path(_normal(Path(name).parent / target))))
            continue
        files[name] = path
        result = subprocess.run(["chroot", root, loader, "--list", name], capture_output=True, text=True, check=False)
        waiting += [_merged(library) for library in re.findall(r"(/\S+) \(0x", result.stdout)]
    return files


def _normal(path: Path) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return str(Path(*parts))


def _merged(name: str) -> str:
    """The file's place in a merged /usr, where /lib and /lib64 are symbolic links."""
    return f"/usr{name}" if name.startswith(("/lib", "/bin", "/sbin")) else name


# The links of a merged /usr, for the lowest layer of images that hold Debian's programs.
MERGED_USR: Files = {"/bin": "-> usr/bin", "/sbin": "-> usr/sbin", "/lib": "-> usr/lib", "/lib64": "-> usr/lib64"}
