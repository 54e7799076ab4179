# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs zfs, sanoid, mount and umount for hosts without ZFS, as far as role zfs_backup asks them.

They keep datasets as folders of files. A stream carries what differs from its base, the GUIDs of both and a checksum at its end,
and is refused by receive where zfs refuses it: cut, changed, upon another snapshot than the newest. What a snapshot held stays
known after it is destroyed, as birth times of blocks do, so that an increment can begin from its bookmark. ``clock`` is the time.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import pathlib
import shutil
import stat
import struct
import sys
import urllib.parse
from typing import Any, Dict, Iterator, List, Sequence, Tuple

PROGRAMS = ("zfs", "sanoid", "mount", "umount")
PERIOD = 3600


class Refused(Exception):
    """What the program says, with exit code 1."""


class Pool:
    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        try:
            self.data: Dict[str, Any] = json.loads((root / "state.json").read_text())
        except FileNotFoundError:
            self.data = {"txg": 1, "datasets": {}}

    @property
    def now(self) -> int:
        return int((self.root / "clock").read_text())

    def save(self) -> None:
        (self.root / ".new").write_text(json.dumps(self.data))
        (self.root / ".new").rename(self.root / "state.json")

    def live(self, name: str) -> pathlib.Path:
        return self.root / "live" / urllib.parse.quote(name, safe="")

    def content(self, mark: Dict[str, Any]) -> pathlib.Path:
        """Of a snapshot, or of what a bookmark's snapshot was."""
        return self.root / "content" / str(mark["content"])

    def txg(self) -> int:
        self.data["txg"] += 1
        return int(self.data["txg"])

    def dataset(self, name: str) -> Dict[str, Any]:
        if name not in self.data["datasets"]:
            raise Refused("cannot open '%s': dataset does not exist" % name)
        found = self.data["datasets"][name]
        assert isinstance(found, dict)
        return found

    def mark(self, ref: str) -> Dict[str, Any]:
        kind = "bookmarks" if "#" in ref else "snapshots"
        dataset, _at, name = ref.replace("#", "@").partition("@")
        for one in self.dataset(dataset)[kind]:
            if one["name"] == name:
                assert isinstance(one, dict)
                return one
        raise Refused("cannot open '%s': dataset does not exist" % ref)

    def create(self, name: str, properties: Dict[str, str]) -> None:
        if name in self.data["datasets"]:
            raise Refused("cannot create '%s': dataset already exists" % name)
        if "/" in name:
            self.dataset(name.rpartition("/")[0])
        entry = {"created": self.now, "txg": self.txg(), "properties": properties, "snapshots": [], "bookmarks": []}
        self.data["datasets"][name] = entry
        self.live(name).mkdir(parents=True)

    def snapshot(self, ref: str) -> None:
        name, _at, label = ref.partition("@")
        txg = self.txg()
        guid = str(10**15 + int(hashlib.sha256(("%s %d" % (ref, txg)).encode()).hexdigest()[:12], 16))
        entry = {"name": label, "guid": guid, "txg": txg, "created": self.now, "holds": [], "content": txg}
        shutil.copytree(self.live(name), self.content(entry), symlinks=True)
        self.dataset(name)["snapshots"].append(entry)


# --- streams ---


def files(folder: pathlib.Path) -> Dict[str, pathlib.Path]:
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}


def stream(pool: Pool, snapshot: Dict[str, Any], base: Any) -> Iterator[bytes]:
    """A record is its length, a name and content; the last one the checksum of all."""
    digest = hashlib.sha256()

    def record(about: Dict[str, Any], content: bytes) -> bytes:
        head = json.dumps(about).encode()
        made = struct.pack(">IQ", len(head), len(content)) + head + content
        digest.update(made)
        return made

    yield record(
        {"guid": snapshot["guid"], "name": snapshot["name"], "created": snapshot["created"], "base": base and base["guid"]}, b""
    )
    now = files(pool.content(snapshot))
    before = files(pool.content(base)) if base else {}
    for name in sorted(set(before) - set(now)):
        yield record({"gone": name}, b"")
    for name, path in now.items():
        if name not in before or before[name].read_bytes() != path.read_bytes():
            about = path.stat()
            yield record({"file": name, "mode": about.st_mode, "time": about.st_mtime_ns}, path.read_bytes())
    yield record({"end": digest.hexdigest()}, b"")


def read_exactly(source: Any, size: int) -> bytes:
    got = source.read(size)
    if len(got) != size:
        raise Refused("cannot receive: incomplete stream")
    return bytes(got)


def records(source: Any) -> Iterator[Tuple[Dict[str, Any], bytes]]:
    digest = hashlib.sha256()
    while True:
        lengths = read_exactly(source, 12)
        head, size = struct.unpack(">IQ", lengths)
        if head > 1 << 20:
            raise Refused("cannot receive: invalid stream (bad magic number)")
        text = read_exactly(source, head)
        about, content = json.loads(text), read_exactly(source, size)
        if "end" in about:
            if about["end"] != digest.hexdigest():
                raise Refused("cannot receive: invalid stream (checksum mismatch)")
            return
        digest.update(lengths + text + content)
        yield about, content


def receive(pool: Pool, target: str, properties: Dict[str, str]) -> None:
    source = sys.stdin.buffer
    parts = records(source)
    begin, _none = next(parts)
    folder = pool.root / ("receiving-%d" % os.getpid())
    shutil.rmtree(folder, ignore_errors=True)
    there = pool.data["datasets"].get(target)
    if begin["base"]:
        newest = there["snapshots"][-1] if there and there["snapshots"] else None
        if newest is None or newest["guid"] != begin["base"]:
            raise Refused(
                "cannot receive incremental stream: most recent snapshot of %s does not match incremental source" % target
            )
        shutil.copytree(pool.content(newest), folder)
    elif there is not None:
        raise Refused("cannot receive new filesystem stream: destination '%s' exists" % target)
    else:
        folder.mkdir(parents=True)
    try:
        for about, content in parts:
            if "gone" in about:
                (folder / about["gone"]).unlink()
                continue
            path = folder / about["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(stat.S_IMODE(about["mode"]))
            os.utime(path, ns=(about["time"], about["time"]))
        if there is None:
            pool.create(target, properties)
        shutil.rmtree(pool.live(target), ignore_errors=True)
        shutil.copytree(folder, pool.live(target))
        entry = {key: begin[key] for key in ("name", "guid", "created")}
        entry.update(txg=pool.txg(), holds=[])
        entry["content"] = entry["txg"]
        folder.rename(pool.content(entry))
        pool.dataset(target)["snapshots"].append(entry)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# --- zfs ---


def options(words: List[str], with_value: str) -> Tuple[Dict[str, List[str]], List[str]]:
    """Options (each a list of its values) and the rest."""
    found: Dict[str, List[str]] = {}
    rest: List[str] = []
    words = list(words)
    while words:
        word = words.pop(0)
        if word.startswith("-") and len(word) > 1:
            for number, letter in enumerate(word[1:]):
                if letter in with_value:
                    found.setdefault(letter, []).append(word[number + 2 :] or words.pop(0))
                    break
                found.setdefault(letter, []).append("")
        else:
            rest.append(word)
    return found, rest


def properties_of(given: Dict[str, List[str]]) -> Dict[str, str]:
    return dict(word.split("=", 1) for word in given.get("o", []))


def rows(pool: Pool, name: str, given: Dict[str, List[str]]) -> Iterator[Dict[str, str]]:
    kinds = given.get("t", ["filesystem,volume"])[0].split(",")
    deep = int(given["d"][0]) if "d" in given else 1000 if "r" in given else 0
    for dataset in sorted(pool.data["datasets"]):
        if dataset != name and not dataset.startswith(name + "/"):
            continue
        depth = dataset.count("/") - name.count("/")
        entry = pool.data["datasets"][dataset]
        if depth <= deep and "filesystem" in kinds:
            yield {
                "name": dataset,
                "type": "filesystem",
                "guid": "7",
                "createtxg": str(entry["txg"]),
                "creation": str(entry["created"]),
                "encryption": "off",
                "userrefs": "-",
            }
        for kind, sign in (("snapshot", "@"), ("bookmark", "#")):
            for one in entry[kind + "s"] if depth < deep and kind in kinds else ():
                yield {
                    "name": dataset + sign + one["name"],
                    "type": kind,
                    "guid": one["guid"],
                    "createtxg": str(one["txg"]),
                    "creation": str(one["created"]),
                    "encryption": "-",
                    "userrefs": str(len(one["holds"])) if kind == "snapshot" else "-",
                }


def zfs(pool: Pool, words: List[str]) -> bool:
    """Whether the pool has to be saved."""
    verb, words = words[0], words[1:]
    given, rest = options(words, "otdsi")
    name = rest[-1] if rest else ""
    if verb == "list":
        pool.dataset(name)
        columns = given["o"][0].split(",")
        for row in rows(pool, name, given):
            sys.stdout.write("\t".join(row[column] for column in columns) + "\n")
        return False
    if verb == "get":
        wanted, name = rest
        value = "1000000000" if wanted == "available" else pool.dataset(name)["properties"].get(wanted, "-")
        sys.stdout.write(value + "\n")
        return False
    if verb == "create":
        pool.create(name, properties_of(given))
    elif verb == "snapshot":
        pool.snapshot(name)
    elif verb == "hold":
        pool.mark(name)["holds"].append(rest[0])
    elif verb == "release":
        pool.mark(name)["holds"].remove(rest[0])
    elif verb == "holds":
        for tag in pool.mark(name)["holds"]:
            sys.stdout.write("%s\t%s\tSun Nov 22  5:00 2026\n" % (name, tag))
        return False
    elif verb == "bookmark":
        snapshot = pool.mark(rest[0])
        dataset, _sign, label = rest[1].partition("#")
        pool.dataset(dataset)["bookmarks"].append({**snapshot, "name": label})
    elif verb == "destroy":
        destroy(pool, name, "r" in given)
    elif verb == "rename":
        pool.data["datasets"][rest[1]] = pool.data["datasets"].pop(rest[0])
        pool.live(rest[0]).rename(pool.live(rest[1]))
    elif verb == "send":
        base = pool.mark(given["i"][0]) if "i" in given else None
        for made in stream(pool, pool.mark(name), base):
            sys.stdout.buffer.write(made)
        sys.stdout.buffer.flush()
        return False
    elif verb == "receive":
        receive(pool, name, properties_of(given))
    else:
        raise Refused("unrecognized command '%s'" % verb)
    return True


def destroy(pool: Pool, name: str, recursive: bool) -> None:
    if "@" in name or "#" in name:
        one = pool.mark(name)
        if one.get("holds") and "@" in name:
            raise Refused("cannot destroy snapshot %s: dataset is busy" % name)
        kind = "bookmarks" if "#" in name else "snapshots"
        pool.dataset(name.replace("#", "@").partition("@")[0])[kind].remove(one)
        return
    inside = [one for one in pool.data["datasets"] if one == name or one.startswith(name + "/")]
    if len(inside) > 1 and not recursive:
        raise Refused("cannot destroy '%s': filesystem has children" % name)
    for one in inside:
        del pool.data["datasets"][one]
        shutil.rmtree(pool.live(one), ignore_errors=True)


# --- the others ---


def sanoid(pool: Pool) -> bool:
    """Hourly: one of each dataset whose newest is older."""
    for name in sorted(pool.data["datasets"]):
        snapshots = pool.dataset(name)["snapshots"]
        if "/" in name and "trial" not in name and (not snapshots or pool.now - snapshots[-1]["created"] >= PERIOD):
            pool.snapshot("%s@autosnap_%d_hourly" % (name, pool.now))
    return True


def mount(pool: Pool, words: List[str]) -> bool:
    ref, place = words[-2:]
    shutil.copytree(pool.content(pool.mark(ref)), place, dirs_exist_ok=True)
    return False


def main(program: str, words: List[str], root: str) -> int:
    pool = Pool(pathlib.Path(root))
    try:
        if program == "umount":
            shutil.rmtree(words[0])
        elif {"zfs": lambda: zfs(pool, words), "sanoid": lambda: sanoid(pool), "mount": lambda: mount(pool, words)}[program]():
            pool.save()
    except Refused as error:
        sys.stderr.write("%s\n" % error)
        return 1
    return 0


def call(argv: Sequence[str], root: pathlib.Path) -> Tuple[int, str, str]:
    """As a program, without the time that one takes to start: exit code, and what it says."""
    said, wrong = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(wrong):
        code = main(argv[0], list(argv[1:]), str(root))
    return code, said.getvalue(), wrong.getvalue()


def install(folder: pathlib.Path, root: pathlib.Path) -> None:
    """The programs, which know where their pool is."""
    folder.mkdir()
    for name in PROGRAMS:
        text = "#!%s -SE\nimport sys\nsys.path.insert(0, %r)\nimport zfs_programs\n" % (
            sys.executable,
            str(pathlib.Path(__file__).parent),
        )
        text += "sys.exit(zfs_programs.main(%r, sys.argv[1:], %r))\n" % (name, str(root))
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
