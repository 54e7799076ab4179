"""Programs that `make lab-build` put into the lab's cache; tests/run builds it before the unit tests."""

from __future__ import annotations

import os
import pathlib

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "baremetal-kubernetes-lab"


def kubernetes(program: str) -> pathlib.Path:
    """A program of the lab's Kubernetes 1.20.2; a path where nothing is when it has not been built."""
    return _newest("kubernetes-1.20.2") / program


def current_kubernetes(program: str) -> pathlib.Path:
    """A program of the newest Kubernetes that the lab built from Go's modules; a path where nothing is when there is none."""
    return _newest("kubernetes-1.[3-9][0-9].*") / program


def _newest(name: str) -> pathlib.Path:
    # Products stand in folders that end in a hash of what they were made from.
    built = sorted(CACHE.glob(name + "-*"), key=lambda folder: folder.stat().st_mtime)
    return built[-1] if built else CACHE / name
