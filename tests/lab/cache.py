# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is built once and kept: each product stands in a directory that is named after its inputs."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from host import CACHE, say


def key_of(inputs: Any) -> str:
    """Twelve hexadecimal digits that change with any input."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()[:12]


@contextmanager
def locked(name: str) -> Iterator[None]:
    """One process at a time; the kernel lets go of the lock when the process dies."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f".{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def product(name: str, inputs: Any, build: Callable[[Path], None]) -> Path:
    """Directory of the product, built first when these inputs have not been built yet.

    It is built under another name and renamed at its end: a killed build leaves nothing that looks finished.
    """
    final = CACHE / f"{name}-{key_of(inputs)}"
    if final.exists():
        return final
    with locked(name):
        if final.exists():
            return final
        for left in CACHE.glob(f".{final.name}.unfinished-*"):
            shutil.rmtree(left, ignore_errors=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{final.name}.unfinished-", dir=CACHE))
        unfinished.chmod(0o755)
        say(f"building {name} …")
        start = time.monotonic()
        build(unfinished)
        unfinished.rename(final)
        say(f"built {name} in {time.monotonic() - start:.0f} s")
    return final


def drop_superseded(current: list[Path]) -> None:
    """Removes products of the same names as the current ones, built from older inputs or never finished."""
    for kept in current:
        name = kept.name.rpartition("-")[0]
        with locked(name):
            for path in CACHE.glob(f"*{name}-*"):
                if re.fullmatch(rf"\.?{re.escape(name)}-[0-9a-f]{{12}}(\.unfinished-.*)?", path.name) and path != kept:
                    say(f"removing {path.name}: superseded")
                    shutil.rmtree(path, ignore_errors=True)


def size_of(path: Path) -> int:
    """Bytes below a directory, without what another process builds there meanwhile."""
    total = 0
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if ".unfinished-" not in name]
        total += sum(os.lstat(os.path.join(folder, name)).st_size for name in names)
    return total
