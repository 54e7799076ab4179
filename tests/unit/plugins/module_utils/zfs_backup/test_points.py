# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains in a bucket: names, what can be restored, and that no pruning ever takes what a kept point is built upon."""

from __future__ import annotations

import random
from typing import Dict, List, Set

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.retention import Keep, sort_out
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.points import (
    Point,
    at,
    chains,
    parse,
    stored,
    to_prune,
)
from hypothesis import given, settings
from hypothesis import strategies as st

START = 1_790_000_000
HOUR = 3600


def test_a_points_path_says_all_of_it_and_comes_back() -> None:
    for point in (Point("tank/volumes/pvc-1", START, "123", ""), Point("tank/a b", START, "18446744073709551615", "7")):
        assert parse(point.path) == (point,)
    assert Point("tank/a", START, "12", "7").path == "tank/a/@20260921T141320Z-12-7"


@pytest.mark.parametrize("path", ["tank/a", "tank/a/@x", "@20260921T141320Z-12-full", "tank/a/@20260921T141320Z-12-half"])
def test_other_names_are_no_points(path: str) -> None:
    assert parse(path) == ()


def test_only_what_has_its_manifest_is_whole_and_other_keys_count_for_nothing() -> None:
    whole, half = Point("tank/a", START, "1"), Point("tank/a", START + 1, "2", "1")
    keys = [("p/zfs/lab/w1/%s/%s" % (point.path, name), 5) for point, name in ((whole, "000001.zst.aes"), (half, "000001.zst.aes"))]
    keys += [("p/zfs/lab/w1/%s/manifest.json" % whole.path, 9), ("p/zfs/lab/w1/check", 3)]
    found = stored("p/zfs/lab/w1", keys)
    assert found.points == {"tank/a": [whole]} and set(found.objects) == {whole.path, half.path}


def test_a_moment_finds_the_newest_point_that_is_not_after_it() -> None:
    row = [Point("d", START, "1"), Point("d", START + HOUR, "2", "1"), Point("d", START + 2 * HOUR, "3", "2")]
    assert at(row, START + HOUR + 5) == row[:2] and at(row, START - 1) == [] and at(row, 1e12) == row
    assert at([row[0], row[2]], 1e12) == [row[0]], "a point whose base is missing is passed over"


class World:
    """Sends of one dataset as they may come, and runs that are killed while they prune."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.points: List[Point] = []
        self.now = START
        self.guid = 0

    def send(self) -> None:
        self.now += self.random.choice((0, 600, HOUR, HOUR, 24 * HOUR, 9 * 24 * HOUR))
        self.guid += 1
        ways = sorted(chains(self.points), key=lambda point: point.taken)
        # Mostly upon the newest; upon an older one after a rollback; all of it now and then, also of a snapshot that is there.
        base = ways[-1].guid if ways else ""
        if ways and self.random.random() < 0.1:
            base = self.random.choice(ways).guid
        if self.random.random() < 0.15:
            base = ""
        guid = str(self.guid)
        if ways and self.random.random() < 0.05:
            guid, base = ways[-1].guid, ""
        point = Point("d", float(self.now), guid, base)
        if point.guid != point.base and point not in self.points:
            self.points.append(point)

    def keep(self) -> Keep:
        counts = [self.random.choice((0, 0, 1, 2, 5)) for _field in Keep._fields]
        return Keep(*counts) if any(counts) else Keep(last=1)

    def prune(self, keep: Keep) -> None:
        """Removes one after the other, and may be killed between two."""
        gone = to_prune(self.points, keep)
        stop = self.random.randrange(len(gone) + 1) if self.random.random() < 0.3 else len(gone)
        for point in gone[:stop]:
            before = set(chains(self.points))
            self.points.remove(point)
            assert before - set(chains(self.points)) <= {point}, "something was built upon it"


def kept(points: List[Point], keep: Keep) -> Set[Point]:
    """What retention alone would keep of what can be restored."""
    return set(sort_out(list(chains(points)), keep)[0]) if chains(points) else set()


@given(st.integers(min_value=0, max_value=2**32))
@settings(max_examples=150)
def test_whatever_is_sent_and_pruned_every_kept_point_can_be_restored(seed: int) -> None:
    world = World(seed)
    for _round in range(world.random.randrange(5, 40)):
        world.send()
        wanted = world.keep()
        stays = kept(world.points, wanted)
        newest = max(chains(world.points), key=lambda point: (point.taken, point.name))
        world.prune(wanted)
        ways = chains(world.points)
        assert stays <= set(ways), "a kept point can't be restored any more"
        assert newest in ways, "the newest is gone"
        assert set(ways) == set(world.points), "what can't be restored was left, or made"
        for way in ways.values():
            assert not way[0].base and all(upper.base == lower.guid for lower, upper in zip(way, way[1:]))


@given(st.integers(min_value=0, max_value=2**32))
@settings(max_examples=50)
def test_a_bucket_that_has_lost_objects_loses_no_more_by_pruning(seed: int) -> None:
    world = World(seed)
    for _round in range(20):
        world.send()
    world.points = [point for point in world.points if world.random.random() < 0.8]
    can: Dict[Point, List[Point]] = chains(world.points)
    gone = to_prune(world.points, Keep(last=1000))
    assert not set(gone) & set(can), "all were to be kept"
    newest = max((point.taken for point in can), default=0)
    assert all(point.taken < newest for point in gone), "a broken one is all that there is of its time"
