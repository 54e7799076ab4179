"""Puts the working tree on the path under the name that Galaxy gives it."""

from __future__ import annotations

import pathlib
import sys
from typing import List

import pytest
from hypothesis import HealthCheck, settings

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / ".build" / "collections"
LINK = COLLECTIONS / "ansible_collections" / "baremetal" / "kubernetes"

if not LINK.exists():
    LINK.parent.mkdir(parents=True, exist_ok=True)
    LINK.symlink_to(ROOT)
sys.path[:0] = [str(COLLECTIONS), str(pathlib.Path(__file__).parent)]

#: The files that take longest begin: one that begins last on one of several processors is waited for alone.
LONGEST = (
    "roles/test_upgrade.py",
    "real/test_etcd_members.py",
    "zfs/test_never_loses.py",
    "roles/test_drill.py",
    "real/test_hardware_failover.py",
    "failover/test_agent.py",
    "real/test_interconnect.py",
    "backup/test_take_and_restore.py",
    "backup/test_take_with_storage.py",
)

# A loaded machine makes examples slow, which says nothing about them.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# `make fuzz`, or --hypothesis-profile=thorough.
settings.register_profile("thorough", settings.get_profile("unhurried"), max_examples=10_000)
settings.load_profile("unhurried")


def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        path = item.path.as_posix()
        return next((number for number, end in enumerate(LONGEST) if path.endswith("/" + end)), len(LONGEST))

    items.sort(key=place)
