# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of pools and datasets compared by what they mean, not by how they are spelled. Pure.

The tables are those of zfs_prop.c and zpool_prop.c: ZFS prints the first of several names of one value.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError

Version = Tuple[int, ...]

#: property -> another name of a value -> the name that ZFS prints
ALIASES: Dict[str, Dict[str, str]] = {
    "acltype": {"disabled": "off", "noacl": "off", "posixacl": "posix"},
    "aclinherit": {"secure": "restricted"},
    "compression": {"gzip-6": "gzip", "zstd-fast-1": "zstd-fast"},
    "checksum": {},
    "dedup": {},
    "volmode": {"geom": "full"},
    # zio_crypt.h: ZIO_CRYPT_ON_VALUE
    "encryption": {"on": "aes-256-gcm"},
    "cachefile": {"/etc/zfs/zpool.cache": "", "-": ""},
    "comment": {"-": ""},
    "altroot": {"-": ""},
    "bootfs": {"-": ""},
}
#: Sizes and counts, which `-p` prints as plain numbers.
NUMBERS = (
    *("quota", "refquota", "reservation", "refreservation", "recordsize", "volsize", "volblocksize", "special_small_blocks"),
    *("filesystem_limit", "snapshot_limit", "ashift", "copies", "pbkdf2iters"),
)
NO_LIMIT = str(2**64 - 1)
UNLIMITED = ("filesystem_limit", "snapshot_limit")
SUFFIXES = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40, "P": 50, "E": 60}
SIZE = re.compile(r"^([0-9]+(?:\.[0-9]+)?)([KMGTPE]?)(?:i?B)?$", re.IGNORECASE)
#: What only `create` can say (PROP_ONETIME).
ONCE = ("casesensitivity", "normalization", "utf8only", "encryption", "keyformat", "volblocksize", "pbkdf2iters")
#: What ZFS computes.
READ_ONLY = (
    *("size", "free", "freeing", "leaked", "allocated", "expandsize", "fragmentation", "capacity", "guid", "load_guid", "health"),
    *("dedupratio", "used", "available", "referenced", "compressratio", "creation", "type", "mounted", "origin", "checkpoint"),
)


def canonical(name: str, value: Any, version: Version = (2, 1)) -> str:
    """One text for each meaning, comparable with the same of what ``zpool get -Hp`` or ``zfs get -Hp`` printed."""
    text = _text(value)
    if name.startswith("feature@"):
        # Enabled turns into active with the first use.
        return "enabled" if text == "active" else text
    if ":" in name:
        return text  # a user's own: ZFS reads nothing into it
    if name in NUMBERS:
        return _number(name, text)
    if name == "mountpoint":
        return text.rstrip("/") or "/"
    if name == "xattr" and text == "on":
        # dir until 2.2, sa since 2.3 (commit e419a63bf4)
        return "sa" if version >= (2, 3) else "dir"
    if name == "dnodesize":
        return text.lower()
    return ALIASES.get(name, {}).get(text, text)


def _text(value: Any) -> str:
    # YAML reads `on` and `off` as booleans.
    if isinstance(value, bool):
        return "on" if value else "off"
    return "" if value is None else str(value).strip()


def _number(name: str, text: str) -> str:
    if text in ("none", "-", ""):
        return NO_LIMIT if name in UNLIMITED else "0"
    match = SIZE.match(text)
    if not match:
        return text
    # Exact: a float has no room for the sizes of pools.
    whole, _dot, part = match.group(1).partition(".")
    shift = SUFFIXES[match.group(2).upper()]
    return str((int(whole) << shift) + (int(part) * (1 << shift) // 10 ** len(part) if part else 0))


def written(name: str, value: Any) -> str:
    """What the command line says for a value."""
    text = _text(value)
    if name == "cachefile" and text == "-":
        return ""
    return text


def differing(wanted: Mapping[str, Any], current: Mapping[str, str], version: Version) -> Dict[str, Tuple[str, str]]:
    """property -> (as it is, as it shall be), of those that mean something else now. What ZFS does not print counts as unset."""
    found: Dict[str, Tuple[str, str]] = {}
    for name, value in wanted.items():
        have = current.get(name, "")
        if canonical(name, value, version) != canonical(name, have, version):
            found[name] = (have, written(name, value))
    return found


def parse_get(text: str) -> Dict[str, str]:
    """``zpool get -Hp -o property,value all POOL``, or the same of zfs."""
    found: Dict[str, str] = {}
    for line in text.splitlines():
        name, tab, value = line.partition("\t")
        if tab:
            found[name] = value
    return found


def check_names(setting: str, wanted: Mapping[str, Any]) -> List[SettingError]:
    """What nobody can set."""
    problems = []
    for name, value in wanted.items():
        if name in READ_ONLY:
            problems.append(SettingError("%s.%s" % (setting, name), "ZFS computes it", "leave it out"))
        elif not re.match(r"^[a-z0-9_.@:-]+$", str(name)):
            problems.append(
                SettingError("%s.%s" % (setting, name), "there can be no such property", "see zfsprops(7) and zpoolprops(7)")
            )
        elif isinstance(value, (dict, list)):
            problems.append(SettingError("%s.%s" % (setting, name), "a property is one value", "write a text or a number"))
        elif value is None:
            problems.append(SettingError("%s.%s" % (setting, name), "it has no value", "write one, or leave the property out"))
        elif "\n" in str(value):
            problems.append(SettingError("%s.%s" % (setting, name), "the value has several lines", "write one line"))
    return problems
