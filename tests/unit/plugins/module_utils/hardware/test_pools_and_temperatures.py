# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storage pools by zpool's text, and temperatures by hwmon's files."""

from __future__ import annotations

import pathlib
from typing import Any, Dict, List, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware import pools, temperatures
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.findings import FAILING, POOL, WARNING
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.pools import LIST, STATUS, Pool
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.temperatures import Sensor
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.thresholds import DEFAULTS, merged
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import TIMED_OUT, Result
from fakes import FakeRunner
from rooted import RootedRunner

WELL = "all pools are healthy\n"
DEGRADED = """  pool: tank
 state: DEGRADED
status: One or more devices could not be used because the label is missing or
\tinvalid.  Sufficient replicas exist for the pool to continue
\tfunctioning in a degraded state.
action: Replace the device using 'zpool replace'.
   see: https://openzfs.github.io/openzfs-docs/msg/ZFS-8000-4J
  scan: resilvered 1.19G in 00:00:05 with 0 errors on Sat Nov 21 10:11:12 2026
config:

\tNAME                                          STATE     READ WRITE CKSUM
\ttank                                          DEGRADED     0     0     0
\t  mirror-0                                    DEGRADED     0     0     0
\t    nvme-SAMSUNG_MZVL2512HCJQ_S675NE0T100001  ONLINE       0     0     0
\t    9283471029384710293                       UNAVAIL      0     0     0  was /dev/disk/by-id/nvme-X-part1

errors: No known data errors
"""
LOST = """  pool: tank
 state: ONLINE
status: One or more devices has experienced an error resulting in data
\tcorruption.  Applications may be affected.
config:

\tNAME        STATE     READ WRITE CKSUM
\ttank        ONLINE       0     0     0
\t  sdb       ONLINE       0     0     4

errors: 2 data errors, use '-v' for a list

  pool: other
 state: SUSPENDED
errors: List of errors unavailable: pool I/O is currently suspended
"""


def seen(listed: Any, status: Any = WELL) -> pools.Pools:
    return pools.read(FakeRunner(commands={LIST: listed, STATUS: status}))


def judged(found: pools.Pools) -> List[Tuple[str, str]]:
    return [(one.severity, one.text) for one in pools.judge(found, DEFAULTS)]


def test_healthy_pools_have_no_finding() -> None:
    found = seen("rpool\tONLINE\t12\ntank\tONLINE\t84\n")
    assert found.pools == [Pool("rpool", "ONLINE", 12), Pool("tank", "ONLINE", 84)] and judged(found) == [] and found.unread == []


def test_a_degraded_pool_is_a_warning_and_one_that_is_gone_fails() -> None:
    ((severity, text),) = judged(seen("tank\tDEGRADED\t30\n", DEGRADED))
    assert severity == WARNING and "the next disk that fails may take its data" in text
    for health in ("FAULTED", "UNAVAIL", "SUSPENDED", "OFFLINE", "REMOVED"):
        assert judged(seen("tank\t%s\t-\n" % health)) == [(FAILING, "pool tank: it is %s (zpool status tank)" % health)]


def test_lost_data_are_a_failure_of_the_pool_that_lost_them_alone() -> None:
    found = seen("tank\tONLINE\t30\nother\tONLINE\t30\nthird\tONLINE\t1\n", LOST)
    assert judged(found) == [
        (FAILING, "pool tank: data are lost: 2 data errors, use '-v' for a list"),
    ]


def test_a_full_pool_is_a_warning() -> None:
    assert judged(seen("tank\tONLINE\t85%\n")) == [(WARNING, "pool tank: 85 % of it are full")]
    (one,) = pools.judge(seen("tank\tONLINE\t97\n"), merged({"pool_capacity_percent": {"failing": 95}}))
    assert (one.kind, one.subject, one.severity) == (POOL, "tank", FAILING)


NO_MODULE = "The ZFS modules cannot be auto-loaded.\nTry running 'modprobe zfs' as root to manually load them.\n"


@pytest.mark.parametrize("answer", [Result(127, "", "not found"), Result(1, "", NO_MODULE), "", "no pools available\n"])
def test_where_there_is_no_pool_nothing_is_missing(answer: Any) -> None:
    assert seen(answer) == pools.Pools([], [])


def test_a_zpool_that_hangs_or_fails_is_no_finding() -> None:
    for answer, why in (
        (Result(TIMED_OUT, "", "x"), "zpool did not answer within 60 s"),
        (Result(1, "", "internal error\n"), "internal error"),
    ):
        found = seen(answer)
        assert [(one.kind, one.why) for one in found.unread] == [(POOL, why)] and judged(found) == []
    found = seen("tank\tFAULTED\t-\n", Result(TIMED_OUT, "", ""))
    assert len(judged(found)) == 1 and len(found.unread) == 1


H = "/sys/class/hwmon/hwmon"


def sensors(tmp_path: pathlib.Path, files: Dict[str, str]) -> List[Sensor]:
    return temperatures.read(RootedRunner(tmp_path).tree(files))


def test_sensors_have_the_hardwares_own_limits(tmp_path: pathlib.Path) -> None:
    found = sensors(
        tmp_path,
        {
            H + "0/name": "coretemp",
            H + "0/temp1_label": "Package id 0",
            H + "0/temp1_input": "84000",
            H + "0/temp1_max": "84000",
            H + "0/temp1_crit": "100000",
            H + "0/temp2_input": "42000",
            H + "0/in0_input": "12000",
            H + "1/name": "nvme",
            H + "1/temp1_input": "95000",
            H + "2/name": "acpitz",
            H + "2/temp1_input": "-274000",
            H + "2/temp2_input": "27800",
            H + "2/temp2_crit": "0",
            H + "3/temp1_input": "99000",
        },
    )
    assert found == [
        Sensor("hwmon0 coretemp", "Package id 0", 84, 84, 100),
        Sensor("hwmon0 coretemp", "temp2", 42),
        Sensor("hwmon2 acpitz", "temp2", 27.8),
    ]
    (one,) = temperatures.judge(found, DEFAULTS)
    assert (one.severity, one.text) == (WARNING, "hwmon0 coretemp Package id 0: 84 degrees Celsius (its limit: 100)")


def test_two_sensors_of_one_name_stay_two(tmp_path: pathlib.Path) -> None:
    files = {H + "0/name": "k10temp"}
    for number in (1, 2):
        files.update({H + "0/temp%d_label" % number: "Tctl", H + "0/temp%d_input" % number: "50000"})
    assert [one.label for one in sensors(tmp_path, files)] == ["Tctl", "Tctl temp2"]


@pytest.mark.parametrize(("degrees", "wanted"), [(89, []), (90, [WARNING]), (99, [WARNING]), (100, [FAILING])])
def test_a_sensor_fails_at_its_critical_limit_only(degrees: float, wanted: List[str]) -> None:
    assert [one.severity for one in temperatures.judge([Sensor("c", "t", degrees, None, 100)], DEFAULTS)] == wanted
