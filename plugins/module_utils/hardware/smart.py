# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks by smartctl's JSON (smartmontools 7.0 and newer): read, and judged by what the disk says of itself and by counts.

smartctl's exit code is a set of bits of which most are findings and not failures (smartctl(8), EXIT STATUS). So what counts is
what the JSON says, and a disk whose health is not in it is unread, whatever the code.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.findings import (
    DISK,
    FAILING,
    TEMPERATURE,
    WARNING,
    Finding,
    Unread,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.thresholds import Threshold
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import object_or_empty
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, TIMED_OUT, Result, Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

#: Health, identity, attributes and self-tests, and nothing that wakes a disk which sleeps.
LOOK = ("smartctl", "--json=c", "--info", "--health", "--attributes", "--log=selftest", "--nocheck=standby")
SCAN = ("smartctl", "--json=c", "--scan")
SECONDS = 60.0
#: Types of --scan that are found anew when a device is opened; to name "scsi" would hide that a SATA disk is behind it.
DETECTED = ("", "auto", "ata", "scsi", "nvme")
#: Bits of NVMe's critical warning (NVM Express base specification, SMART log page) with kind, severity and words.
SPARE_BIT, HEAT_BIT = 0x01, 0x02
NVME_WARNINGS = (
    (SPARE_BIT, DISK, FAILING, "its spare blocks are nearly used up"),
    (HEAT_BIT, TEMPERATURE, WARNING, "its temperature is beyond its limits"),
    (0x04, DISK, FAILING, "it says that its reliability is degraded"),
    (0x08, DISK, FAILING, "it has gone read-only"),
    (0x10, DISK, WARNING, "the backup of its volatile memory has failed"),
    (0x20, DISK, WARNING, "its persistent memory region is unreliable"),
    (0xC0, DISK, WARNING, "it warns of something that this program does not know"),
)
#: ATA attribute -> count and words. Others mean different things from vendor to vendor.
ATA_COUNTS = {
    5: "reallocated_sectors",
    187: "media_errors",
    197: "pending_sectors",
    198: "uncorrectable_sectors",
}
COUNT_WORDS = {
    "media_errors": "%d errors of its media that it could not correct",
    "reallocated_sectors": "%d sectors were bad and are replaced by spare ones",
    "pending_sectors": "%d sectors can't be read and wait to be written again",
    "uncorrectable_sectors": "%d sectors could not be corrected",
}
LEADING = re.compile(r"\s*([0-9]+)")


class Device(NamedTuple):
    """As smartctl takes it; ``type`` is empty where it finds that out by itself."""

    name: str
    type: str = ""

    @property
    def text(self) -> str:
        return "%s (%s)" % (self.name, self.type) if self.type else self.name


class Disk(NamedTuple):
    """What one disk says. ``passed`` is None where it says nothing; ``counts`` only grow."""

    device: Device
    model: str = ""
    serial: str = ""
    protocol: str = ""
    passed: Optional[bool] = None
    #: NVMe's critical warning; None for other disks.
    warnings: Optional[int] = None
    #: Attribute -> (whether it foretells a failure, when it failed).
    failed_attributes: Mapping[str, Tuple[bool, str]] = {}
    temperature: Optional[float] = None
    temperature_warning: Optional[float] = None
    temperature_critical: Optional[float] = None
    wear_percent: Optional[float] = None
    spare_percent: Optional[float] = None
    counts: Mapping[str, int] = {}
    self_test_failed: bool = False
    power_on_hours: Optional[int] = None

    @property
    def key(self) -> str:
        """By which it is known again, wherever it is plugged in."""
        return self.serial or self.device.text

    @property
    def title(self) -> str:
        return " ".join(part for part in (self.device.text, self.model, self.serial) if part)


class Seen(NamedTuple):
    """All disks of a host; ``asleep`` were not woken."""

    disks: List[Disk]
    asleep: List[Device]
    unread: List[Unread]
    #: Whether the list itself is whole, so that a disk which is not in it is gone.
    listed: bool


# --- read ----------------------------------------------------------------------------------------------------------------------


def read(runner: Runner, more: Sequence[Device] = (), ignore: Sequence[str] = ()) -> Seen:
    """Every disk that smartctl finds, and those that it can't find by itself (behind RAID controllers)."""
    scan = runner.run(SCAN, timeout=SECONDS)
    data = _parse(scan.stdout)
    if data is None:
        return Seen([], [], [Unread(DISK, "smartctl", _why_no_json(scan))], False)
    found = [device for device in _devices(data) if device.name not in ignore]
    found += [device for device in more if device not in found]
    disks: List[Disk] = []
    asleep: List[Device] = []
    unread: List[Unread] = []
    for device in found:
        typed = ["--device=" + device.type] if device.type else []
        result = runner.run(list(LOOK) + typed + [device.name], timeout=SECONDS)
        data = _parse(result.stdout)
        if data is None:
            unread.append(Unread(DISK, device.text, _why_no_json(result)))
        elif sleeps(data):
            asleep.append(device)
        elif _map(data.get("smart_support")).get("available") is False:
            # A stick, or the empty drive that a server's management plays: it has no health to tell.
            continue
        else:
            disk = parse_disk(device, data)
            if disk.passed is None and not disk.counts and not disk.failed_attributes:
                unread.append(Unread(DISK, device.text, _messages(data) or "it does not tell its health"))
            else:
                disks.append(disk)
    if not disks and not asleep and not unread:
        unread.append(Unread(DISK, "smartctl", "it finds no disk here that tells its health (a virtual machine has none)"))
    return Seen(disks, asleep, unread, True)


def sleeps(data: Mapping[str, Any]) -> bool:
    """Whether smartctl left the disk asleep: it says so, and then nothing of its health."""
    # Newer ones have power_mode as well, which also stands beside the health of a disk that is awake.
    messages = _list(_map(data.get("smartctl")).get("messages"))
    return any(_text(entry.get("string")).startswith("Device is in ") for entry in messages)


def parse_disk(device: Device, data: Mapping[str, Any]) -> Disk:
    """What the JSON of one disk says."""
    status, log = _map(data.get("smart_status")), _map(data.get("nvme_smart_health_information_log"))
    heat = _map(data.get("temperature"))
    spare, threshold = _number(log.get("available_spare")), _number(log.get("available_spare_threshold"))
    wear = log.get("percentage_used", _map(data.get("endurance_used")).get("current_percent"))
    warnings = _whole(_map(status.get("nvme")).get("value", log.get("critical_warning")))
    if warnings is not None and spare is not None and threshold and spare < threshold:
        warnings |= SPARE_BIT
    return Disk(
        device=device,
        model=_text(data.get("model_name") or data.get("scsi_model_name") or data.get("scsi_product")),
        serial=_text(data.get("serial_number")),
        protocol=_text(_map(data.get("device")).get("protocol")),
        passed=status["passed"] if isinstance(status.get("passed"), bool) else None,
        warnings=warnings,
        failed_attributes=_failed_attributes(data),
        temperature=_number(heat.get("current")),
        temperature_warning=_number(heat.get("op_limit_max")),
        temperature_critical=_number(heat.get("critical_limit_max")),
        wear_percent=_number(wear),
        spare_percent=spare,
        counts=_counts(data, log),
        self_test_failed=_self_test_failed(data),
        power_on_hours=_whole(_map(data.get("power_on_time")).get("hours")),
    )


def _failed_attributes(data: Mapping[str, Any]) -> Dict[str, Tuple[bool, str]]:
    found = {}
    for entry in _list(_map(data.get("ata_smart_attributes")).get("table")):
        when = _text(entry.get("when_failed"))
        if when in ("now", "past"):
            found[_text(entry.get("name"))] = (_map(entry.get("flags")).get("prefailure") is True, when)
    return found


def _counts(data: Mapping[str, Any], log: Mapping[str, Any]) -> Dict[str, int]:
    found: Dict[str, int] = {}
    errors = _whole(log.get("media_errors"))
    if errors is not None:
        found["media_errors"] = errors
    for entry in _list(_map(data.get("ata_smart_attributes")).get("table")):
        name = ATA_COUNTS.get(_whole(entry.get("id")) or 0)
        # The text, where smartctl's database knows how the vendor packs the number; the value is all of its 48 bits.
        leading = LEADING.match(_text(_map(entry.get("raw")).get("string")))
        if name and leading:
            found[name] = int(leading.group(1))
    grown = _whole(data.get("scsi_grown_defect_list"))
    if grown is not None:
        found["reallocated_sectors"] = grown
    log_of = _map(data.get("scsi_error_counter_log"))
    if log_of:
        found["media_errors"] = sum(_whole(_map(log_of.get(way)).get("total_uncorrected_errors")) or 0 for way in ("read", "write"))
    return found


def _self_test_failed(data: Mapping[str, Any]) -> bool:
    """Whether the last self-test that came to an end found something."""
    ata = _map(_map(data.get("ata_smart_self_test_log")).get("standard"))
    for entry in _list(ata.get("table")):
        passed = _map(entry.get("status")).get("passed")
        if isinstance(passed, bool):
            return not passed
    for entry in _list(_map(data.get("nvme_self_test_log")).get("table")):
        # NVMe base specification, self-test result: 0 good, 5 to 7 failed, else broken off.
        value = _whole(_map(entry.get("self_test_result")).get("value"))
        if value in (0, 5, 6, 7):
            return value != 0
    return False


def _devices(data: Mapping[str, Any]) -> List[Device]:
    found = []
    for entry in _list(data.get("devices")):
        name, kind = _text(entry.get("name")), _text(entry.get("type"))
        if name:
            found.append(Device(name, "" if kind in DETECTED else kind))
    return found


def _parse(text: str) -> Optional[Mapping[str, Any]]:
    data = object_or_empty(text)
    return data if "smartctl" in data else None


def _why_no_json(result: Result) -> str:
    if result.rc == NOT_FOUND:
        return "smartctl is not installed"
    if result.rc == TIMED_OUT:
        return "it did not answer within %d s" % SECONDS
    if "UNRECOGNIZED OPTION" in result.stdout:
        return "smartctl is older than 7.0 and has no JSON"
    return "smartctl printed no JSON"


def _messages(data: Mapping[str, Any]) -> str:
    return "; ".join(_text(entry.get("string")) for entry in _list(_map(data.get("smartctl")).get("messages")))


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> List[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _number(value: Any) -> Optional[float]:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _whole(value: Any) -> Optional[int]:
    """Numbers that JSON can't hold smartctl writes as text, too."""
    if isinstance(value, str) and is_digits(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# --- judge ---------------------------------------------------------------------------------------------------------------------


def judge(disk: Disk, thresholds: Mapping[str, Threshold], accepted: Mapping[str, int]) -> Iterator[Finding]:
    """What is wrong with a disk. ``accepted`` are counts that a person has seen and lives with: only what is above them counts."""
    for bits, kind, severity, words in NVME_WARNINGS:
        if (disk.warnings or 0) & bits:
            yield Finding(kind, disk.key, severity, "%s: %s" % (disk.title, words))
    # On NVMe "not passed" is any warning at all, the temperature's too: each has its own severity above.
    if disk.passed is False and disk.warnings is None:
        yield Finding(DISK, disk.key, FAILING, "%s: it foretells its own failure (SMART status: failed)" % disk.title)
    for name, (foretells, when) in sorted(disk.failed_attributes.items()):
        severity = FAILING if foretells and when == "now" else WARNING
        words = "is below its threshold" if when == "now" else "was below its threshold"
        yield Finding(DISK, disk.key, severity, "%s: attribute %s %s" % (disk.title, name, words))
    for name, count in sorted(disk.counts.items()):
        over = count - accepted.get(name, 0) if count >= accepted.get(name, 0) else count
        severity = thresholds["disk_" + name].severity(over)
        if severity:
            yield Finding(DISK, disk.key, severity, "%s: %s" % (disk.title, COUNT_WORDS[name] % count))
    for threshold, value, words in (
        ("disk_wear_percent", disk.wear_percent, "%g %% of the writes that it is made for are used up"),
        ("disk_spare_percent", disk.spare_percent, "only %g %% of its spare blocks are left"),
    ):
        severity = thresholds[threshold].severity(value)
        if severity:
            yield Finding(DISK, disk.key, severity, "%s: %s" % (disk.title, words % (value or 0)))
    if disk.self_test_failed:
        yield Finding(DISK, disk.key, WARNING, "%s: its last self-test failed" % disk.title)
    yield from _heat(disk, thresholds["disk_temperature"])


def _heat(disk: Disk, threshold: Threshold) -> Iterator[Finding]:
    if disk.temperature is None:
        return
    severity = threshold.severity(disk.temperature)
    if disk.temperature_critical and disk.temperature >= disk.temperature_critical:
        severity = FAILING
    elif disk.temperature_warning and disk.temperature >= disk.temperature_warning:
        severity = severity or WARNING
    if severity:
        yield Finding(TEMPERATURE, disk.key, severity, "%s: %g degrees Celsius" % (disk.title, disk.temperature))
