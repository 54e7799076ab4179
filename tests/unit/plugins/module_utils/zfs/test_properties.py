# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values are the same where they mean the same, however YAML, a person or ZFS spells them."""

from __future__ import annotations

from typing import Any, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.properties import (
    canonical,
    check_names,
    differing,
    parse_get,
    written,
)


@pytest.mark.parametrize(
    ("name", "wanted", "printed", "version"),
    [
        ("autotrim", True, "on", (2, 1)),
        ("atime", False, "off", (2, 1)),
        ("ashift", 12, "12", (2, 1)),
        ("ashift", "12", "12", (2, 1)),
        ("recordsize", "128K", "131072", (2, 1)),
        ("recordsize", "1M", "1048576", (2, 1)),
        ("recordsize", "16k", "16384", (2, 1)),
        ("quota", "1.5G", "1610612736", (2, 1)),
        ("quota", "none", "0", (2, 1)),
        ("reservation", "12345678T", str(12345678 << 40), (2, 1)),
        ("filesystem_limit", "none", str(2**64 - 1), (2, 1)),
        ("acltype", "posixacl", "posix", (2, 1)),
        ("acltype", "off", "off", (2, 1)),
        ("acltype", False, "off", (2, 1)),
        ("compression", True, "on", (2, 1)),
        ("compression", "gzip-6", "gzip", (2, 1)),
        ("compression", "zstd-fast-1", "zstd-fast", (2, 1)),
        ("xattr", "on", "on", (2, 1)),
        ("xattr", "dir", "on", (2, 1)),
        ("xattr", "on", "sa", (2, 3)),
        ("xattr", "dir", "dir", (2, 3)),
        ("mountpoint", "/tank/", "/tank", (2, 1)),
        ("mountpoint", "/", "/", (2, 1)),
        ("mountpoint", "none", "none", (2, 1)),
        ("cachefile", "", "-", (2, 1)),
        ("cachefile", "/etc/zfs/zpool.cache", "-", (2, 1)),
        ("cachefile", "none", "none", (2, 1)),
        ("comment", "", "-", (2, 1)),
        ("feature@lz4_compress", "enabled", "active", (2, 1)),
        ("dnodesize", "4K", "4k", (2, 1)),
        ("encryption", True, "aes-256-gcm", (2, 1)),
        ("org.debian:periodic-scrub", "disable", "disable", (2, 1)),
    ],
)
def test_the_same_value_is_no_change(name: str, wanted: Any, printed: str, version: Tuple[int, ...]) -> None:
    assert differing({name: wanted}, {name: printed}, version) == {}


@pytest.mark.parametrize(
    ("name", "wanted", "printed", "version"),
    [
        ("recordsize", "128K", "1048576", (2, 1)),
        ("compression", "zstd-3", "zstd", (2, 1)),
        ("compression", "lz4", "on", (2, 1)),
        ("xattr", "sa", "on", (2, 1)),
        ("xattr", "dir", "sa", (2, 3)),
        ("autotrim", True, "off", (2, 1)),
        ("cachefile", "none", "-", (2, 1)),
        ("feature@x", "enabled", "disabled", (2, 1)),
        ("quota", "1G", "0", (2, 1)),
        ("org.debian:periodic-scrub", "disable", "", (2, 1)),
    ],
)
def test_another_value_is_a_change(name: str, wanted: Any, printed: str, version: Tuple[int, ...]) -> None:
    assert differing({name: wanted}, {name: printed} if printed else {}, version) == {name: (printed, written(name, wanted))}


def test_sizes_are_exact_however_large() -> None:
    assert canonical("volsize", "16E") == str(16 << 60)
    assert canonical("quota", "0.5K") == "512"


def test_what_zpool_get_prints_is_read_by_its_tabs() -> None:
    assert parse_get("size\t1019215872\ncomment\ta b\tc\nnothing\n") == {"size": "1019215872", "comment": "a b\tc"}


def test_what_nobody_can_set_is_said() -> None:
    found = check_names(
        "properties", {"size": 1, "No such": "x", "comment": ["a"], "autotrim": True, "a:b": "x\ny", "cachefile": None}
    )
    assert [error.setting for error in found] == [
        "properties.size",
        "properties.No such",
        "properties.comment",
        "properties.a:b",
        "properties.cachefile",
    ]
