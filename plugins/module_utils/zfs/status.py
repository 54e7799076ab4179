# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `zpool status` says, as text (every OpenZFS) and as JSON (2.3 and newer), as one tree of vdevs. Pure."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json

#: A heading of `zpool status` -> purpose
HEADINGS = {"logs": "log", "log": "log", "cache": "cache", "spares": "spare", "special": "special", "dedup": "dedup"}
#: Since when `zpool status --json` is there (commit 959e963c81).
JSON_SINCE = (2, 3)
FIELD = re.compile(r"^ *(pool|id|state|status|action|see|scan|remove|checkpoint|expand|config|errors|comment): ?(.*)$")
INNER = re.compile(r"^(root|mirror|raidz[1-3]?|draid[0-9]?|spare|replacing|indirect|missing|hole)(:[0-9a-z:]*)?(-[0-9]+)?$")
STANDS_IN = re.compile(r"^(spare|replacing)-[0-9]+$")
DIGITS = re.compile(r"^[0-9]{6,20}$")
#: The states of vdevs; what else stands behind a name is no row of a vdev.
STATES = ("ONLINE", "DEGRADED", "FAULTED", "OFFLINE", "REMOVED", "UNAVAIL", "SPLIT", "AVAIL", "INUSE", "UNKNOWN")
#: JSON says CANT_OPEN, HEALTHY and CLOSED by their names in the source.
JSON_STATES = {"HEALTHY": "ONLINE", "CANT_OPEN": "UNAVAIL", "CLOSED": "OFFLINE"}


class StatusError(ValueError):
    """The text is none that zpool prints."""


class Member(NamedTuple):
    """A disk of a pool."""

    path: str
    guid: str
    state: str
    note: str = ""
    resilvering: bool = False
    #: In the place of another one, or with another one in its place: `replacing-1`, `spare-0`; else empty.
    within: str = ""

    @property
    def whole(self) -> bool:
        """Whether it holds all that it should."""
        return self.state == "ONLINE" and not self.resilvering

    @property
    def gone(self) -> bool:
        return self.state in ("UNAVAIL", "REMOVED", "FAULTED", "SPLIT", "UNKNOWN")


class Group(NamedTuple):
    """A vdev at the top of a pool."""

    name: str
    type: str
    purpose: str
    state: str
    members: Tuple[Member, ...]

    @property
    def places(self) -> List[List[Member]]:
        """Members by the place that they hold: where one stands in for another, both hold one."""
        found: Dict[str, List[Member]] = {}
        for number, member in enumerate(self.members):
            found.setdefault(member.within or str(number), []).append(member)
        return list(found.values())


class Pool(NamedTuple):
    """A pool that is imported, or (imports.py) could be."""

    name: str
    guid: str
    state: str
    groups: Tuple[Group, ...]
    scan: str = ""
    errors: str = ""
    status: str = ""

    @property
    def members(self) -> List[Member]:
        return [member for group in self.groups for member in group.members]

    def of(self, *purposes: str) -> List[Group]:
        return [group for group in self.groups if group.purpose in purposes]

    @property
    def scanning(self) -> str:
        """``resilver`` or ``scrub`` while one runs."""
        match = re.match(r"(resilver|scrub)\b.* in progress", self.scan)
        return match.group(1) if match else ""


class Row(NamedTuple):
    """A line of the table: how deep it stands, and what it says."""

    depth: int
    name: str
    state: str
    note: str


def parse_status(text: str, guids: str = "") -> List[Pool]:
    """The pools of ``zpool status -P``; ``guids`` is the same with ``-g``, which names each vdev by its GUID."""
    others = {name: rows for name, _fields, rows in _sections(guids)}
    pools = []
    for name, fields, rows in _sections(text):
        numbers = [row.name for row in others.get(name, [])]
        if numbers and len(numbers) != len(rows):
            raise StatusError("pool %s changed while it was read" % name)
        pools.append(_pool(name, fields, rows, numbers))
    return pools


def _sections(text: str) -> Iterator[Tuple[str, Dict[str, str], List[Row]]]:
    """Name, fields and table of each pool."""
    current: Optional[Tuple[str, Dict[str, str], List[Row]]] = None
    field = ""
    for line in text.splitlines():
        match = FIELD.match(line)
        if match and match.group(1) == "pool":
            if current:
                yield current
            current, field = (match.group(2).strip(), {}, []), "pool"
        elif current is None:
            continue
        elif match and not line.startswith("\t"):
            field = match.group(1)
            current[1][field] = match.group(2).strip()
        elif field == "config" and line.startswith("\t"):
            row = _row(line[1:])
            if row is not None:
                current[2].append(row)
        elif line.startswith("\t") and field:
            current[1][field] = (current[1].get(field, "") + " " + line.strip()).strip()
    if current:
        yield current


def _row(line: str) -> Optional[Row]:
    words = line.split()
    if not words or words[:2] == ["NAME", "STATE"]:
        return None
    depth = len(line) - len(line.lstrip(" "))
    if len(words) == 1:
        # A heading, or (`zpool import`) a cache or spare disk without a state.
        return Row(depth, words[0], "", "")
    rest = words[2:]
    numbers = 0
    while numbers < min(3, len(rest)) and re.match(r"^[0-9.]+[KMGTPE]?$", rest[numbers]):
        numbers += 1
    return Row(depth, words[0], words[1], " ".join(rest[numbers:]))


def _pool(name: str, fields: Mapping[str, str], rows: Sequence[Row], numbers: Sequence[str]) -> Pool:
    if not rows:
        return Pool(name, fields.get("id", ""), fields.get("state", "UNKNOWN"), (), status=fields.get("status", ""))
    groups: List[Group] = []
    purpose, top, inner = "data", None, ""  # type: str, Optional[List[Any]], str
    for place, row in enumerate(rows):
        number = numbers[place] if numbers else ""
        if place == 0:
            continue  # the pool itself
        if row.depth == 0 and not row.state:
            purpose = HEADINGS.get(row.name, row.name)
            continue
        if row.depth <= 2:
            inner = ""
            top = None
            if STANDS_IN.match(row.name):
                # A disk alone that is being replaced has its successor beside it.
                inner, top = row.name, [row.name]
                groups.append(Group(row.name, "single", purpose, row.state, ()))
            elif INNER.match(row.name):
                top = [row.name, _type(row.name), purpose, row.state, []]
                groups.append(Group(row.name, _type(row.name), purpose, row.state, ()))
            else:
                member = _member(row, number, "")
                groups.append(Group(row.name, "single", purpose, member.state, (member,)))
            continue
        if INNER.match(row.name):
            inner = row.name
            continue
        if row.depth <= 4 and groups and groups[-1].name != inner:
            inner = ""
        if top is None or not groups:
            raise StatusError("pool %s: %s stands below no vdev" % (name, row.name))
        group = groups[-1]
        groups[-1] = group._replace(members=group.members + (_member(row, number, inner),))
    guid = numbers[0] if numbers and DIGITS.match(numbers[0]) else fields.get("id", "")
    state = fields.get("state", "UNKNOWN")
    return Pool(name, guid, state, tuple(groups), fields.get("scan", ""), fields.get("errors", ""), fields.get("status", ""))


def _type(name: str) -> str:
    """mirror-0 -> mirror, raidz2-1 -> raidz2, draid2:4d:11c:1s-0 -> draid2"""
    return re.sub(r"(:.*)?(-[0-9]+)?$", "", name)


def _member(row: Row, number: str, within: str) -> Member:
    # A disk that can't be found is named by its GUID, and the note says where it was.
    was = re.search(r"\bwas (/\S+)", row.note)
    path = was.group(1) if was else row.name
    guid = number or (row.name if DIGITS.match(row.name) else "")
    resilvering = "(resilvering)" in row.note or "(awaiting resilver)" in row.note
    return Member(path, guid, row.state or "UNKNOWN", row.note, resilvering, within)


def parse_json(text: str) -> List[Pool]:
    """The pools of ``zpool status --json --json-int -P``."""
    try:
        pools = from_json(text)["pools"]
        return [_json_pool(entry) for entry in pools.values()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StatusError("zpool status --json printed what it does not document: %r" % (error,))


def _json_pool(entry: Mapping[str, Any]) -> Pool:
    scan = entry.get("scan_stats") or {}
    function, state = str(scan.get("function", "")), str(scan.get("state", ""))
    rebuilding = any(str(one.get("state")) == "ACTIVE" for one in (entry.get("rebuild_stats") or {}).values())
    text = ""
    if function in ("SCRUB", "RESILVER"):
        text = function.lower() + (" in progress" if state == "SCANNING" else " " + state.lower())
    if rebuilding:
        text = "resilver in progress"
    groups: List[Group] = []
    for root in (entry.get("vdevs") or {}).values():
        _json_groups(root.get("vdevs") or {}, "data", text, groups)
    for key, purpose in (("dedup", "dedup"), ("special", "special"), ("logs", "log"), ("log", "log")):
        _json_groups(entry.get(key) or {}, purpose, text, groups)
    for key, purpose in (("l2cache", "cache"), ("cache", "cache"), ("spares", "spare")):
        _json_groups(entry.get(key) or {}, purpose, text, groups)
    errors = entry.get("error_count", "0")
    return Pool(
        str(entry["name"]),
        str(entry.get("pool_guid", "")),
        str(entry["state"]),
        tuple(groups),
        text,
        "No known data errors" if str(errors) in ("0", "") else "%s data errors" % errors,
        str(entry.get("status", "")),
    )


def _json_groups(vdevs: Mapping[str, Any], purpose: str, scan: str, groups: List[Group]) -> None:
    for key, vdev in vdevs.items():
        name = str(vdev.get("name", key))
        children = vdev.get("vdevs")
        if children is None and not INNER.match(name):
            groups.append(Group(name, "single", purpose, _json_state(vdev), (_json_member(name, vdev, scan, ""),)))
            continue
        alone = bool(STANDS_IN.match(name))
        members = tuple(_json_members(children or {}, scan, name if alone else ""))
        groups.append(Group(name, "single" if alone else _type(name), purpose, _json_state(vdev), members))


def _json_members(vdevs: Mapping[str, Any], scan: str, within: str) -> Iterator[Member]:
    for key, vdev in vdevs.items():
        name = str(vdev.get("name", key))
        if vdev.get("vdevs") is not None:
            yield from _json_members(vdev["vdevs"], scan, name)
        else:
            yield _json_member(name, vdev, scan, within)


def _json_state(vdev: Mapping[str, Any]) -> str:
    state = str(vdev.get("state", "UNKNOWN"))
    return JSON_STATES.get(state, state)


def _json_member(name: str, vdev: Mapping[str, Any], scan: str, within: str) -> Member:
    guid = str(vdev.get("guid") or (name if DIGITS.match(name) else ""))
    path = str(vdev.get("was") or vdev.get("path") or name)
    state = _json_state(vdev)
    busy = _truthy(vdev.get("scan_processed")) or _truthy(vdev.get("resilver_deferred")) or _truthy(vdev.get("rebuild_processed"))
    note = "was %s" % vdev["was"] if vdev.get("was") else str(vdev.get("aux", "")).lower().replace("_", " ")
    return Member(path, guid, state, note, state == "ONLINE" and busy and scan.startswith("resilver in progress"), within)


def _truthy(value: Any) -> bool:
    return str(value if value is not None else "0") not in ("0", "", "0B")
