"""Programs that `make lab-build` put into the lab's cache; tests/run builds it before the unit tests."""

from __future__ import annotations

import os
import pathlib

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "baremetal-kubernetes-lab"


def kubernetes(program: str) -> pathlib.Path:
    """A program of the lab's Kubernetes 1.20.2; a path where nothing is when it has not been built."""
    # Products stand in folders that end in a hash of what they were made from.
    built = sorted(CACHE.glob("kubernetes-1.20.2-*"), key=lambda folder: folder.stat().st_mtime)
    return (built[-1] if built else CACHE / "kubernetes-1.20.2") / program
