# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at everything, what is kept of it until the next, and what it says to people, Prometheus and the node's conditions."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any, Dict, List, Optional

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware import metrics, program, verdicts
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.history import DAY, History
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.pools import LIST, STATUS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.settings import Settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.smart import LOOK, SCAN
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.verdicts import BAD, GOOD, UNKNOWN, Verdict
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.watch import Look, look
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from hypothesis import given
from hypothesis import strategies as st
from rooted import RootedRunner

FIXTURES = pathlib.Path(__file__).resolve().parents[4] / "fixtures" / "smartctl"
MC = "/sys/devices/system/edac/mc/mc0"
BOOT = "/proc/sys/kernel/random/boot_id"
SETTINGS = Settings("worker1")


def fixture(name: str, code: int = 0) -> Result:
    return Result(code, (FIXTURES / (name + ".json")).read_text(), "")


def machine(
    root: pathlib.Path, nvme: str = "nvme_healthy", sata: Optional[str] = "sata_healthy", corrected: int = 0
) -> RootedRunner:
    devices = [{"name": "/dev/nvme0", "type": "nvme"}] + ([{"name": "/dev/sda", "type": "scsi"}] if sata else [])
    commands: Dict[Any, Any] = {
        SCAN: json.dumps({"smartctl": {}, "devices": devices}),
        (*LOOK, "/dev/nvme0"): fixture(nvme),
        LIST: "tank\tONLINE\t12\n",
        STATUS: "all pools are healthy\n",
    }
    if sata:
        commands[(*LOOK, "/dev/sda")] = fixture(sata)
    files = {
        BOOT: "b1",
        "/proc/uptime": "3600.25 7000.00",
        MC + "/ce_count": str(corrected),
        MC + "/ue_count": "0",
        "/sys/class/hwmon/hwmon0/name": "coretemp",
        "/sys/class/hwmon/hwmon0/temp1_input": "45000",
    }
    return RootedRunner(root, commands).tree(files)


def said(seen: Look) -> List[str]:
    return ["%s: %s" % (one.severity, one.text) for one in seen.findings]


def test_a_healthy_machine_is_good_in_every_condition(tmp_path: pathlib.Path) -> None:
    seen = look(machine(tmp_path), SETTINGS, History())
    assert seen.findings == [] and seen.unread == []
    assert {verdict.code for verdict in verdicts.verdicts(seen).values()} == {GOOD} and len(verdicts.verdicts(seen)) == 5


def test_what_fails_comes_first_and_turns_its_own_condition_alone(tmp_path: pathlib.Path) -> None:
    seen = look(machine(tmp_path, sata="sata_failing", corrected=20), SETTINGS, History())
    assert (
        said(seen)[0].startswith("failing: /dev/sda TOSHIBA")
        and said(seen)[-1] == "warning: memory mc0: 20 corrected errors within a day"
    )
    found = verdicts.verdicts(seen)
    codes = {name: verdict.code for name, verdict in found.items()}
    assert codes == {
        "DiskFailing": BAD,
        "MemoryFailing": GOOD,
        "StoragePoolFailing": GOOD,
        "TemperatureCritical": GOOD,
        "HardwareDegraded": BAD,
    }
    assert found["DiskFailing"].text.endswith("(and 3 more)") and found["HardwareDegraded"].text.endswith("(and 6 more)")


def test_a_machine_that_tells_nothing_is_unknown_and_never_bad(tmp_path: pathlib.Path) -> None:
    seen = look(RootedRunner(tmp_path), SETTINGS, History())
    codes = {name: verdict.code for name, verdict in verdicts.verdicts(seen).items()}
    assert seen.findings == [] and codes["DiskFailing"] == codes["MemoryFailing"] == UNKNOWN and BAD not in codes.values()


def test_a_failing_disk_that_can_not_be_read_any_more_is_unknown(tmp_path: pathlib.Path) -> None:
    history = History()
    assert verdicts.verdicts(look(machine(tmp_path, sata="sata_failing"), SETTINGS, history))["DiskFailing"].code == BAD
    seen = look(machine(tmp_path, sata="no_device"), SETTINGS, history)
    assert seen.findings == [] and verdicts.verdicts(seen)["DiskFailing"].code == UNKNOWN


def test_a_failing_disk_that_falls_asleep_is_still_failing(tmp_path: pathlib.Path) -> None:
    history = History()
    before = said(look(machine(tmp_path, sata="sata_failing"), SETTINGS, history))
    history = History(history.text())
    assert said(look(machine(tmp_path, sata="sata_standby"), SETTINGS, history)) == before
    assert said(look(machine(tmp_path, sata="sata_healthy"), SETTINGS, history)) == []
    assert said(look(machine(tmp_path, sata="sata_standby"), SETTINGS, history)) == []


def test_a_disk_that_is_gone_is_a_warning_until_a_person_accepts_it(tmp_path: pathlib.Path) -> None:
    history = History()
    look(machine(tmp_path), SETTINGS, history)
    seen = look(machine(tmp_path, sata=None), SETTINGS, History(history.text()))
    assert said(seen) == [
        "warning: /dev/sda TOSHIBA MG08ACA16TE 71K0A0AAAAAA: it was here before and is gone "
        "(after a replacement: hardware-watch.pyz accept)"
    ]
    assert verdicts.verdicts(seen)["DiskFailing"].code == GOOD
    assert said(look(machine(tmp_path, sata=None), SETTINGS._replace(ignore_missing_disks=True), History(history.text()))) == []
    # smartctl that was taken off the host proves nothing about disks.
    assert said(look(RootedRunner(tmp_path).tree({}), SETTINGS, History(history.text()))) == []
    # Nor does a disk that could not be read, which may be the same one.
    assert said(look(machine(tmp_path, sata="permission_denied"), SETTINGS, History(history.text()))) == []


def test_counters_are_compared_within_a_day_and_begin_anew_at_a_boot() -> None:
    history = History()
    assert history.per_day("b1", 60, {"mc0": 5}, 0) == {"mc0": 5}
    for hour in range(1, 24):
        assert history.per_day("b1", 3600.0 * hour, {"mc0": 5 + hour}, hour * 3600.0) == {"mc0": 5 + hour}
    assert history.per_day("b1", 9e9, {"mc0": 29}, DAY + 3600) == {"mc0": 23}
    assert history.per_day("b1", 9e9, {"mc0": 29}, 2 * DAY) == {"mc0": 1}
    assert history.per_day("b1", 9e9, {"mc0": 4}, 2 * DAY + 60) == {"mc0": 4}, "a driver that was loaded anew"
    assert history.per_day("b2", 30, {"mc0": 3}, 3 * DAY) == {"mc0": 3}
    assert history.per_day("b2", 90, {}, 3 * DAY + 60) == {}


@pytest.mark.parametrize("uptime", [DAY + 1, 400 * DAY, None])
def test_errors_that_may_be_old_are_not_todays(uptime: Optional[float]) -> None:
    history = History()
    assert history.per_day("b1", uptime, {"mc0": 50_000}, 0) == {"mc0": 0}
    assert history.per_day("b1", uptime, {"mc0": 50_012}, 3600) == {"mc0": 12}
    # Nobody looked for a week.
    assert history.per_day("b1", uptime, {"mc0": 70_000}, 8 * DAY) == {"mc0": 0}


@given(st.lists(st.tuples(st.integers(1, 40_000), st.integers(0, 50)), max_size=60))
def test_what_has_grown_within_a_day_is_never_too_little_nor_more_than_all(steps: List[Any]) -> None:
    history, now, value = History(), 0.0, 0
    seen: List[Any] = []
    for seconds, more in steps:
        now, value = now + seconds, value + more
        history = History(history.text())
        grown = history.per_day("b", now, {"mc": value}, now)["mc"]
        seen.append((now, value))
        lately = [was for at, was in seen if at >= now - DAY]
        assert value - lately[0] <= grown <= value
    assert len(history.samples.get("mc", [])) < 110


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"samples": 5, "disks": [], "accepted": 3, "found": {"x": 1}}', '{"samples": {"a": [1]}}']
)
def test_a_damaged_memory_is_begun_anew(text: str) -> None:
    assert History(text).per_day("b", 60, {"mc": 2}, 10) == {"mc": 2}


def test_a_verdict_is_believed_for_a_while_only() -> None:
    text = verdicts.file_text(Verdict(BAD, "disk  is failing"), 1000.5, 300)
    assert text == "1 1000 1020 disk  is failing\n"
    assert verdicts.read_file(text, 2020) == Verdict(BAD, "disk  is failing")
    assert verdicts.read_file(text, 2021).code == UNKNOWN
    for broken in ("", "1\n", "x 1 2 y", "7 1000 900 z", "-1 1000 900 z"):
        assert verdicts.read_file(broken, 1000).code == UNKNOWN


@given(st.text(max_size=400))
def test_a_verdicts_text_is_one_short_line_of_ascii(text: str) -> None:
    line = verdicts._plain(text)
    assert len(line) <= verdicts.LONGEST and line.isascii() and "\n" not in line


LINE = re.compile(r'^([a-z_]+)(\{([a-z_]+="(?:[^"\\]|\\.)*",?)+\})? -?[0-9.e+]+$')


def test_the_metrics_are_such_as_prometheus_takes(tmp_path: pathlib.Path) -> None:
    text = metrics.text(look(machine(tmp_path, nvme="nvme_failing", sata="sata_failing", corrected=3), SETTINGS, History()))
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(LINE.match(line) for line in lines), [line for line in lines if not LINE.match(line)]
    assert len({line.rsplit(" ", 1)[0] for line in lines}) == len(lines), "a series twice"
    for line in (
        'kubernetes_hardware_condition{condition="DiskFailing"} 1',
        'kubernetes_hardware_finding{kind="disk",subject="71K0A0AAAAAA",severity="failing"} 1',
        'kubernetes_hardware_disk_passed{device="/dev/sda",model="TOSHIBA MG08ACA16TE",serial="71K0A0AAAAAA"} 0',
        'kubernetes_hardware_memory_corrected_errors_total{counter="mc0",label=""} 3',
        'kubernetes_hardware_pool_healthy{pool="tank"} 1',
        "kubernetes_hardware_look_timestamp_seconds 1790000000.000",
    ):
        assert line in lines


@pytest.fixture(name="places")
def _places(tmp_path: pathlib.Path) -> program.Places:
    (tmp_path / "metrics").mkdir()
    settings = {"node_name": "worker1", "metrics_directory": str(tmp_path / "metrics"), "interval": 60}
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    return program.Places(str(tmp_path / "settings.json"), str(tmp_path / "state"), str(tmp_path / "run" / "conditions"))


class Mixed(RootedRunner):
    """sysfs from the test's tree, and the program's own files where they are."""

    def read_bytes(self, path: str) -> Optional[bytes]:
        if path.startswith(str(self.root.parent)):
            with open(path, "rb") if pathlib.Path(path).exists() else open("/dev/null", "rb") as stream:
                return stream.read()
        return super().read_bytes(path)


def mixed(tmp_path: pathlib.Path, **more: Any) -> Mixed:
    made = machine(tmp_path / "root", **more)
    return Mixed(made.root, made.commands)


def test_the_program_leaves_state_conditions_and_metrics(
    tmp_path: pathlib.Path, places: program.Places, capsys: pytest.CaptureFixture[str]
) -> None:
    host = mixed(tmp_path, sata="sata_failing")
    assert program.main(["run"], places, host) == 0
    first = capsys.readouterr().out
    assert first.startswith("seen: 2 disks, 1 counters of memory, 1 storage pools, 1 temperatures; 6 findings\nfailing: /dev/sda")
    assert program.main(["show"], places, host) == 0 and capsys.readouterr().out == first
    assert program.main(["condition", "DiskFailing"], places, host) == BAD
    assert capsys.readouterr().out.startswith("/dev/sda TOSHIBA")
    assert program.main(["condition", "MemoryFailing"], places, host) == GOOD
    assert program.main(["condition", "../../etc/passwd"], places, host) == UNKNOWN
    assert sorted(path.name for path in (tmp_path / "run" / "conditions").iterdir()) == sorted(
        verdicts.verdicts(look(host, SETTINGS, History()))
    )
    assert (tmp_path / "metrics" / "kubernetes_hardware.prom").stat().st_mode & 0o777 == 0o644
    host.moment += 301
    assert program.main(["condition", "DiskFailing"], places, host) == UNKNOWN


def test_accept_silences_counts_and_not_what_the_disk_says_of_itself(
    tmp_path: pathlib.Path, places: program.Places, capsys: pytest.CaptureFixture[str]
) -> None:
    host = mixed(tmp_path, sata="sata_failing", corrected=70)
    program.main(["run"], places, host)
    assert "70 corrected errors" in capsys.readouterr().out
    assert program.main(["accept"], places, host) == 0
    said_now = capsys.readouterr().out
    assert "sectors" not in said_now and "corrected errors" not in said_now and "foretells its own failure" in said_now
    host.tree({MC + "/ce_count": "85"})
    program.main(["run"], places, host)
    assert "warning: memory mc0: 15 corrected errors within a day" in capsys.readouterr().out


def test_a_metrics_directory_that_is_not_there_stops_nothing(
    tmp_path: pathlib.Path, places: program.Places, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "metrics").rmdir()
    assert program.main(["run"], places, mixed(tmp_path)) == 0
    assert "kubernetes_hardware.prom can't be written" in capsys.readouterr().err and (tmp_path / "run" / "conditions").is_dir()


def test_calls_and_settings_that_make_no_sense_are_said(
    tmp_path: pathlib.Path, places: program.Places, capsys: pytest.CaptureFixture[str]
) -> None:
    host = mixed(tmp_path)
    for words in ([], ["watch"], ["run", "now"], ["condition"]):
        assert program.main(words, places, host) == 2
    assert program.main(["show"], places, host) == 1
    for text in ("{", '{"node_nam": "x"}', '{"node_name": "x", "thresholds": {"y": 1}}', "[]"):
        (tmp_path / "settings.json").write_text(text)
        assert program.main(["run"], places, host) == 1
        assert "run the playbook that writes it" in capsys.readouterr().err
