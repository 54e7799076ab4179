# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks: what smartctl says is read whatever its exit code, and only what a disk says of itself makes it a failing one."""

from __future__ import annotations

import json
import pathlib
from typing import Any, Dict, List, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.findings import DISK, FAILING, TEMPERATURE, WARNING
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.smart import (
    LOOK,
    SCAN,
    Device,
    Disk,
    Seen,
    judge,
    parse_disk,
    read,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.thresholds import DEFAULTS, Threshold, merged
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, TIMED_OUT, HostRunner, Result
from fakes import FakeRunner
from hypothesis import given
from hypothesis import strategies as st

FIXTURES = pathlib.Path(__file__).resolve().parents[4] / "fixtures" / "smartctl"
#: By tests/vm/zfs, beside what ZFS' programs printed there.
CAPTURED = FIXTURES.parent / "zfs" / "captured"


def text(name: str) -> str:
    return (FIXTURES / (name + ".json")).read_text()


def disk(name: str) -> Disk:
    data = json.loads(text(name))
    return parse_disk(Device(data["device"]["name"]), data)


def found(name: str, accepted: Any = None, thresholds: Any = None) -> List[Tuple[str, str, str]]:
    made = judge(disk(name), merged(thresholds or {}), accepted or {})
    return [(one.kind, one.severity, one.text.split(": ", 1)[1]) for one in made]


def host(answers: Dict[str, Result], devices: Any = None, **more: Any) -> Seen:
    """smartctl with these answers by device, of which the scan tells."""
    listed = devices if devices is not None else [{"name": name, "type": "scsi"} for name in answers]
    scan = json.dumps({"smartctl": {"exit_status": 0}, "devices": listed})
    commands: Dict[Tuple[str, ...], Any] = {SCAN: scan}
    commands.update({(*LOOK, *name.split()): answer for name, answer in answers.items()})
    return read(FakeRunner(commands=commands), **more)


def test_healthy_disks_have_no_finding() -> None:
    for name in ("nvme_healthy", "sata_healthy", "usb_attribute_check"):
        assert found(name) == [], name
    seen = disk("nvme_healthy")
    assert (seen.passed, seen.temperature, seen.wear_percent, seen.spare_percent) == (True, 38, 4, 100)
    assert (seen.model, seen.serial, seen.key) == ("SAMSUNG MZVL2512HCJQ-00B00", "S675NE0T100001", "S675NE0T100001")
    assert seen.counts == {"media_errors": 0} and seen.power_on_hours == 11873
    assert disk("sata_healthy").counts == {"reallocated_sectors": 0, "pending_sectors": 0, "uncorrectable_sectors": 0}


def test_an_nvme_disk_that_fails_says_everything_that_is_wrong_with_it() -> None:
    assert found("nvme_failing") == [
        (DISK, FAILING, "its spare blocks are nearly used up"),
        (DISK, FAILING, "it says that its reliability is degraded"),
        (DISK, FAILING, "412 errors of its media that it could not correct"),
        (DISK, WARNING, "107 % of the writes that it is made for are used up"),
        (DISK, WARNING, "only 3 % of its spare blocks are left"),
        (DISK, WARNING, "its last self-test failed"),
    ]
    assert found("nvme_read_only_7_3") == [(DISK, FAILING, "it has gone read-only")]


@pytest.mark.parametrize("scan", sorted(CAPTURED.glob("*/smartctl_scan.json")), ids=lambda path: path.parent.name)
def test_what_was_captured_of_nvme_disks_is_read(scan: pathlib.Path) -> None:
    """From qemu's disks, the second time after one was told to say that its reliability is degraded."""
    well, failing = ((scan.parent / name).read_text() for name in ("smartctl_nvme.json", "smartctl_nvme_failing.json"))
    for text, findings in ((well, []), (failing, ["it says that its reliability is degraded"])):
        names = [one["name"] for one in json.loads(scan.read_text())["devices"]]
        answers: Dict[Tuple[str, ...], Any] = {(*LOOK, name): text for name in names}
        seen = read(FakeRunner(commands={SCAN: scan.read_text(), **answers}))
        assert [disk.device.name for disk in seen.disks] == names and seen.unread == []
        assert {(disk.model, disk.serial) for disk in seen.disks} == {("QEMU NVMe Ctrl", "LABA")}
        made = judge(seen.disks[0], DEFAULTS, {})
        assert [one.text.split(": ", 1)[1] for one in made if one.severity == FAILING] == findings


def test_a_hot_disk_is_hot_and_not_broken_though_smart_says_not_passed() -> None:
    assert disk("nvme_hot").passed is False
    assert {(kind, severity) for kind, severity, _text in found("nvme_hot")} == {(TEMPERATURE, WARNING)}
    hotter = disk("nvme_hot")._replace(temperature=86)
    assert (TEMPERATURE, FAILING) in {(one.kind, one.severity) for one in judge(hotter, DEFAULTS, {})}


def test_a_sata_disk_that_fails_says_everything_that_is_wrong_with_it() -> None:
    assert found("sata_failing") == [
        (DISK, FAILING, "it foretells its own failure (SMART status: failed)"),
        (DISK, FAILING, "attribute Reallocated_Sector_Ct is below its threshold"),
        (DISK, FAILING, "312 sectors can't be read and wait to be written again"),
        (DISK, FAILING, "65528 sectors were bad and are replaced by spare ones"),
        (DISK, WARNING, "44 sectors could not be corrected"),
        (DISK, WARNING, "its last self-test failed"),
    ]


def test_what_a_person_accepted_is_silent_until_it_grows() -> None:
    words = "2 sectors were bad and are replaced by spare ones"
    past = (DISK, WARNING, "attribute Airflow_Temperature_Cel was below its threshold")
    assert found("sata_worn_a_little") == [past, (DISK, WARNING, words)]
    assert found("sata_worn_a_little", {"reallocated_sectors": 2}) == [past]
    assert found("sata_worn_a_little", {"reallocated_sectors": 1}) == [past, (DISK, WARNING, words)]
    # A disk that was replaced under the same name of a RAID controller counts from the beginning.
    assert found("sata_worn_a_little", {"reallocated_sectors": 9}) == [past, (DISK, WARNING, words)]


def test_sas_disks_count_defects_and_uncorrected_errors() -> None:
    seen = disk("sas_grown_defects")
    assert seen.counts == {"reallocated_sectors": 7, "media_errors": 2} and seen.passed is True
    assert [severity for _kind, severity, _text in found("sas_grown_defects")] == [WARNING, WARNING]


@pytest.mark.parametrize("name", ["sata_standby", "sata_standby_7_5"])
def test_a_disk_that_sleeps_is_left_asleep_and_is_neither_good_nor_bad(name: str) -> None:
    seen = host({"/dev/sda": Result(2, text(name), "")})
    assert seen.asleep == [Device("/dev/sda")] and seen.disks == [] and seen.unread == []
    assert "--nocheck=standby" in LOOK


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Result(2, text("no_device"), ""), "Smartctl open device: /dev/sdz failed: No such device"),
        (Result(1, text("no_type"), ""), "/dev/nonexist: Unable to detect device type"),
        (Result(2, text("permission_denied"), ""), "Smartctl open device: /dev/sda [SAT] failed: Permission denied"),
        (
            Result(2, text("not_nvme"), ""),
            "Read NVMe Identify Controller failed: NVME_IOCTL_ADMIN_CMD: Inappropriate ioctl for device",
        ),
        (Result(1, text("usb_unknown_bridge"), ""), "/dev/sdc: Unknown USB bridge [0x1234:0x5678 (0x100)]"),
        (Result(TIMED_OUT, "", "did not end"), "it did not answer within 60 s"),
        (Result(1, "=======> UNRECOGNIZED OPTION: json=c\n", ""), "smartctl is older than 7.0 and has no JSON"),
        (Result(-11, "", ""), "smartctl printed no JSON"),
        (Result(0, '{"smartctl": {"exit_status": 0}}', ""), "it does not tell its health"),
        (Result(0, "[]", ""), "smartctl printed no JSON"),
    ],
)
def test_what_could_not_be_read_is_no_finding(answer: Result, why: str) -> None:
    seen = host({"/dev/sda": answer})
    assert [(one.kind, one.subject, one.why) for one in seen.unread] == [(DISK, "/dev/sda", why)]
    assert seen.disks == [] and seen.listed


def test_a_stick_without_health_is_no_disk_that_hides_it() -> None:
    stick = json.loads(text("sas_grown_defects"))
    for name in ("smart_status", "scsi_grown_defect_list", "scsi_error_counter_log"):
        del stick[name]
    stick["smart_support"] = {"available": False}
    answer = Result(0, json.dumps(stick), "")
    assert host({"/dev/sda": Result(0, text("sata_healthy"), ""), "/dev/sdb": answer}).unread == []
    assert [one.subject for one in host({"/dev/sdb": answer}).unread] == ["smartctl"]


def test_without_smartctl_nothing_is_known_not_even_which_disks_there_are() -> None:
    seen = read(FakeRunner())
    assert [one.why for one in seen.unread] == ["smartctl is not installed"] and not seen.listed
    seen = read(FakeRunner(commands={SCAN: Result(0, text("scan_nothing"), "")}))
    assert "no disk here that tells its health" in seen.unread[0].why


def test_a_failing_disk_is_read_whatever_smartctls_exit_code_says() -> None:
    for code in (0, 8, 24, 152, 255):
        seen = host({"/dev/sda": Result(code, text("sata_failing"), "")})
        assert [one.passed for one in seen.disks] == [False]


def test_raid_disks_have_their_type_and_sata_disks_are_found_out_by_smartctl() -> None:
    devices = json.loads(text("scan"))["devices"]
    healthy = Result(0, text("sata_healthy"), "")
    answers = {"/dev/sda": healthy, "--device=megaraid,4 /dev/bus/0": healthy, "/dev/nvme0": Result(0, text("nvme_healthy"), "")}
    seen = host(answers, devices)
    assert [one.device.text for one in seen.disks] == ["/dev/sda", "/dev/bus/0 (megaraid,4)", "/dev/nvme0"] and not seen.unread
    more = {**answers, "--device=cciss,1 /dev/sg0": healthy}
    seen = host(more, devices, more=[Device("/dev/sg0", "cciss,1")], ignore=["/dev/sda"])
    assert [one.device.text for one in seen.disks] == ["/dev/bus/0 (megaraid,4)", "/dev/nvme0", "/dev/sg0 (cciss,1)"]


def test_thresholds_are_the_users_and_zero_is_never() -> None:
    given_ones = {"disk_media_errors": {"warning": 0, "failing": 0}, "disk_wear_percent": {"failing": 100}}
    texts = [(severity, words) for _kind, severity, words in found("nvme_failing", thresholds=given_ones)]
    assert not [words for _severity, words in texts if "media" in words]
    assert (FAILING, "107 % of the writes that it is made for are used up") in texts


@pytest.mark.parametrize(
    ("thresholds", "subject", "words"),
    [
        ({"disk_temprature": {"warning": 1}}, "hardware_watch_thresholds.disk_temprature", "no such figure"),
        ({"disk_temperature": 60}, "hardware_watch_thresholds.disk_temperature", "no limits"),
        ({"disk_temperature": {"warn": 60}}, "hardware_watch_thresholds.disk_temperature", "no limits"),
        ({"disk_temperature": {"warning": -1}}, "hardware_watch_thresholds.disk_temperature", "no number of 0 or more"),
        ({"disk_temperature": {"warning": "hot"}}, "hardware_watch_thresholds.disk_temperature", "no number of 0 or more"),
        ({"disk_temperature": {"warning": 70, "failing": 60}}, "hardware_watch_thresholds.disk_temperature", "no warning"),
        ({"disk_spare_percent": {"warning": 5, "failing": 10}}, "hardware_watch_thresholds.disk_spare_percent", "no warning"),
    ],
)
def test_thresholds_that_make_no_sense_are_refused(thresholds: Any, subject: str, words: str) -> None:
    with pytest.raises(SettingError, match=words) as refused:
        merged(thresholds)
    assert refused.value.subject == subject


@given(st.floats(0, 200), st.floats(1, 100), st.floats(1, 100), st.booleans())
def test_a_figure_that_gets_worse_never_becomes_milder(value: float, one: float, other: float, falling: bool) -> None:
    low, high = sorted((one, other))
    limit = Threshold(high, low, True) if falling else Threshold(low, high)
    rank = {"": 0, WARNING: 1, FAILING: 2}
    worse = value - 1 if falling else value + 1
    assert rank[limit.severity(worse)] >= rank[limit.severity(value)]
    assert limit.severity(None) == ""


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
NAMES = ("smart_status", "nvme_smart_health_information_log", "ata_smart_attributes", "temperature", "smartctl", "device",
         "ata_smart_self_test_log", "nvme_self_test_log", "power_on_time", "scsi_error_counter_log", "model_name")  # fmt: skip


@given(st.dictionaries(st.sampled_from(NAMES), VALUES), st.sampled_from(["nvme_failing", "sata_failing", "sas_grown_defects"]))
def test_whatever_json_comes_it_is_read_without_an_error(data: Dict[str, Any], name: str) -> None:
    made = {**json.loads(text(name)), **data}
    seen = parse_disk(Device("/dev/sda"), made)
    for one in judge(seen, DEFAULTS, {}):
        assert one.severity in (WARNING, FAILING) and one.text


def test_a_real_smartctl_takes_the_words(tmp_path: pathlib.Path) -> None:
    if not HostRunner().which("smartctl"):
        pytest.skip("no smartctl here")
    answer = HostRunner().run([*LOOK, str(tmp_path / "none")])
    assert answer.rc != NOT_FOUND and "UNRECOGNIZED" not in answer.stdout
    assert json.loads(answer.stdout)["smartctl"]["messages"]
    assert read(HostRunner()).listed
