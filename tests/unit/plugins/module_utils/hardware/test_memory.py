# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory: EDAC's counters in a tree as the kernel makes it, and a database as rasdaemon makes it."""

from __future__ import annotations

import pathlib
import sqlite3
import time
from typing import Any, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware import memory
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.findings import FAILING, MEMORY, WARNING
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.memory import Counter, Memory, events, judge, read
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.thresholds import DEFAULTS, merged
from rooted import RootedRunner

MC = "/sys/devices/system/edac/mc"
#: rasdaemon's own order of columns (ras-record.c); it makes the table with this statement.
TABLE = (
    "CREATE TABLE IF NOT EXISTS mc_event (id INTEGER PRIMARY KEY, timestamp TEXT, err_count INTEGER, err_type TEXT, err_msg TEXT, "
    "label TEXT, mc INTEGER, top_layer INTEGER, middle_layer INTEGER, lower_layer INTEGER, address INTEGER, grain INTEGER, "
    "syndrome INTEGER, driver_detail TEXT)"
)
NOW = 1_790_000_000.0


def controller(number: int, ce: Any, ue: Any, modules: Dict[str, Any]) -> Dict[str, str]:
    """Files of ``mcN``: modules are name -> (label, corrected, uncorrected)."""
    folder = "%s/mc%d" % (MC, number)
    files = {
        folder + "/mc_name": "skx_edac",
        folder + "/ce_count": str(ce),
        folder + "/ue_count": str(ue),
        folder + "/ce_noinfo_count": "0",
        folder + "/ue_noinfo_count": "0",
        folder + "/seconds_since_reset": "86213",
        folder + "/power/runtime_status": "unsupported",
    }
    for name, (label, corrected, uncorrected) in modules.items():
        files["%s/%s/dimm_label" % (folder, name)] = label
        files["%s/%s/dimm_ce_count" % (folder, name)] = str(corrected)
        files["%s/%s/dimm_ue_count" % (folder, name)] = str(uncorrected)
        files["%s/%s/size" % (folder, name)] = "32768"
    return files


def severities(found: Memory, per_day: Dict[str, int]) -> List[Any]:
    return [(one.kind, one.subject, one.severity) for one in judge(found, per_day, DEFAULTS)]


def test_each_module_has_its_counters_and_its_label(tmp_path: pathlib.Path) -> None:
    modules = {"dimm0": ("CPU_SrcID#0_MC#0_Chan#0_DIMM#0", 12, 0), "dimm3": ("", 0, 1)}
    host = RootedRunner(tmp_path).tree({**controller(0, 14, 1, modules), **controller(1, 0, 0, {}), MC + "/power/control": "auto"})
    found = read(host, 0)
    assert found.counters == [
        Counter("mc0/dimm0", "CPU_SrcID#0_MC#0_Chan#0_DIMM#0", 12, 0),
        Counter("mc0/dimm3", "", 0, 1),
        # What the controller could put down to no module.
        Counter("mc0", "", 2, 0),
        Counter("mc1", "", 0, 0),
    ]
    assert found.unread == [] and severities(found, {}) == [(MEMORY, "mc0/dimm3", FAILING)]


def test_older_kernels_have_ranks_and_broken_files_count_nothing(tmp_path: pathlib.Path) -> None:
    files = controller(0, "garbage", "", {"rank0": ("mc#0csrow#0channel#0", 3, "-")})
    assert read(RootedRunner(tmp_path).tree(files), 0).counters == [
        Counter("mc0/rank0", "mc#0csrow#0channel#0", 3, 0),
        Counter("mc0", "", 0, 0),
    ]


def test_memory_without_edac_is_not_known_and_never_bad(tmp_path: pathlib.Path) -> None:
    found = read(RootedRunner(tmp_path), 0)
    assert found.counters == [] and [one.subject for one in found.unread] == ["EDAC"] and severities(found, {}) == []


def test_corrected_errors_count_by_the_day() -> None:
    found = Memory([Counter("mc0/dimm0", "A1", 50000, 0)], {}, [])
    for per_day, wanted in ((0, []), (9, []), (10, [WARNING]), (1000, [FAILING])):
        assert [one.severity for one in judge(found, {"mc0/dimm0": per_day}, DEFAULTS)] == wanted
    never = merged({"memory_corrected_per_day": {"warning": 0, "failing": 0}})
    assert list(judge(found, {"mc0/dimm0": 50000}, never)) == []


def database(path: pathlib.Path, rows: List[Any]) -> str:
    connection = sqlite3.connect(str(path))
    connection.execute(TABLE)
    for ago, count, kind, label in rows:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S +0000", time.gmtime(NOW - ago))
        connection.execute(
            "INSERT INTO mc_event (timestamp, err_count, err_type, err_msg, label, mc) VALUES (?, ?, ?, ?, ?, 0)",
            (stamp, count, kind, "memory read error", label),
        )
    connection.commit()
    connection.close()
    return str(path)


def test_what_rasdaemon_kept_outlives_a_reboot_for_as_long_as_it_is_asked_for(tmp_path: pathlib.Path) -> None:
    path = database(
        tmp_path / "ras-mc_event.db",
        [(60, 1, "Uncorrected", "A1"), (90, 2, "Fatal", "A1"), (60, 70, "Corrected", "B1"), (999999, 1, "Uncorrected", "C1")],
    )
    assert events(path, NOW - 86400) == ({"A1": 3}, "")
    assert events(path, NOW) == ({}, "")
    found = Memory([], {"A1": 3}, [])
    assert severities(found, {}) == [(MEMORY, "A1", FAILING)]


def test_the_times_of_other_time_zones_are_understood(tmp_path: pathlib.Path) -> None:
    path = database(tmp_path / "db", [])
    connection = sqlite3.connect(path)
    for stamp in ("2026-09-21 10:13:20 -0400", "2026-09-21 16:13:20 +0200", "2026-09-21 14:13:20", "nonsense"):
        connection.execute("INSERT INTO mc_event (timestamp, err_count, err_type, label) VALUES (?, 1, 'Fatal', ?)", (stamp, stamp))
    connection.commit()
    assert sorted(events(path, NOW - 1)[0]) == ["2026-09-21 10:13:20 -0400", "2026-09-21 14:13:20", "2026-09-21 16:13:20 +0200"]
    assert events(path, NOW)[0] == {}


def test_a_database_that_is_none_is_said_and_left_alone(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "var/lib/rasdaemon/ras-mc_event.db"
    broken.parent.mkdir(parents=True)
    broken.write_text("no database at all, but long enough to be looked at by sqlite as if it were one. " * 20)
    before = broken.read_bytes()
    found, why = events(str(broken), 0)
    assert found == {} and "not a database" in why and broken.read_bytes() == before
    assert "unable to open" in events(str(tmp_path / "missing.db"), 0)[1] and not (tmp_path / "missing.db").exists()
    empty = tmp_path / "empty.db"
    sqlite3.connect(str(empty)).close()
    assert "no such table" in events(str(empty), 0)[1]
    monkeypatch.setattr(memory, "EVENTS", str(broken))
    host = RootedRunner(tmp_path)
    monkeypatch.setattr(host, "exists", lambda path: path == str(broken))
    assert [one.subject for one in read(host, 0).unread] == ["EDAC", "rasdaemon"]
