# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drill's result from the records of the observer and the marks of the playbook. Pure."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.limits import LIMITS, broken, limits_of
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.measure import Sample, counted, outage
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json


class Records(NamedTuple):
    """What is in a drill's directory. ``observed`` is the observer's last word; None where it never came to that."""

    events: Sequence[Mapping[str, Any]]
    probes: Sequence[Mapping[str, Any]]
    writes: Sequence[Mapping[str, Any]]
    observed: Optional[Mapping[str, Any]]


#: A line of the observer's or of the drill's own.
RECORD = {
    "at": float,
    "kind?": str,
    "key?": str,
    "seconds?": float,
    "ok?": bool,
    "error?": str,
    "event?": str,
    "fault?": str,
    "reason?": str,
    "targets?": [{"host?": str}],
    "left_out?": [{"fault?": str, "reason?": str}],
    "limits?": {str: object},
    "probe_interval?": float,
    "write_interval?": float,
}
#: The observer's last word.
OBSERVED = {"lost?": [str], "acknowledged?": int}


def parse_lines(text: str) -> List[Dict[str, Any]]:
    """The objects of a JSON lines file. The last line may be cut off, where its writer was killed."""
    found = []
    for line in text.splitlines():
        try:
            found.append(from_json(line, RECORD))
        except ValueError:
            continue
    return found


def parse_observed(text: str) -> Optional[Mapping[str, Any]]:
    """The observer's last word; None where it never came to that."""
    try:
        found: Mapping[str, Any] = from_json(text, OBSERVED)
    except ValueError:
        return None
    return found


def samples(records: Iterable[Mapping[str, Any]], kind: str) -> List[Sample]:
    """The records of one kind in the order of their sending."""
    return sorted(
        Sample(float(record["at"]), float(record.get("seconds") or 0), record.get("ok") is True, str(record.get("error") or ""))
        for record in records
        if record.get("kind") == kind
    )


def build(records: Records) -> Dict[str, Any]:
    """The whole result, with ``passed`` and, for each fault, ``broken``: the limits that it exceeded, as sentences."""
    start = _last(records.events, "plan")
    limits: Mapping[str, Any] = start.get("limits") or {}
    probe, write = float(start.get("probe_interval") or 0.05), float(start.get("write_interval") or 0.2)
    probes = samples(records.probes, "probe")
    writes = samples(records.writes, "write")
    every = probes + writes
    begin = min((sample.at for sample in every), default=float(start.get("at") or 0))
    end = max((sample.at for sample in every), default=begin)
    lost = None if records.observed is None else [str(name) for name in records.observed.get("lost") or []]
    sent_at = {str(record.get("key")): float(record["at"]) for record in records.writes if record.get("kind") == "write"}
    begins = [event for event in records.events if event.get("event") == "begin"]
    faults = []
    for number, event in enumerate(begins):
        # A fault answers for all that happens until the next one: its end may hurt, too.
        until = float(begins[number + 1]["at"]) if number + 1 < len(begins) else end
        result = _window(probes, writes, lost, sent_at, float(event["at"]), until, probe, write)
        result.update(_fault(event, records.events, until))
        result["broken"] = broken(result, limits_of(str(event.get("fault")), limits))
        faults.append(result)
    first = float(begins[0]["at"]) if begins else end
    stopped = [str(event.get("reason")) for event in records.events if event.get("event") == "stopped"]
    everything = _window(probes, writes, lost, sent_at, begin, end, probe, write)
    before = _window(probes, writes, lost, sent_at, begin, first, probe, write)
    notes = _notes(records.observed, probes, lost) + _noise(before["probes"])
    report = {
        "cluster": start.get("cluster"),
        "endpoint": start.get("endpoint"),
        "path": start.get("path"),
        "probe_interval": probe,
        "probe_timeout": start.get("probe_timeout"),
        "write_interval": write,
        "write_timeout": start.get("write_timeout"),
        "begin": begin,
        "end": end,
        "limits": {name: limits.get(name, limit.default) for name, limit in LIMITS.items()},
        "before": before,
        "faults": faults,
        "left_out": list(start.get("left_out") or []),
        "totals": everything,
        "reads": counted(samples(records.writes, "read"), begin, end),
        "keys": None if records.observed is None else dict(records.observed),
        "stopped": stopped,
        "notes": notes,
    }
    no_keys = (records.observed or {}).get("acknowledged", 0) == 0
    report["passed"] = bool(
        faults and not stopped and not any(fault["broken"] for fault in faults) and lost == [] and not no_keys and probes
    )
    return report


def figures(report: Mapping[str, Any]) -> List[str]:
    """The report as lines for a person."""
    lines = []
    for fault in report["faults"]:
        heal = fault["heal_seconds"]
        lines.append(
            "%s (%s): outage %.2f s (%.2f s in all), %d of %d probes failed, %d of %d writes failed, %s lost, healthy %s%s"
            % (
                fault["fault"],
                ", ".join(fault["hosts"]),
                fault["outage"]["longest"],
                fault["outage"]["total"],
                fault["probes"]["failed"],
                fault["probes"]["sent"],
                fault["writes"]["failed"],
                fault["writes"]["sent"],
                "unknown how many" if fault["lost_writes"] is None else fault["lost_writes"],
                "never" if heal is None else "%.0f s after its end" % heal,
                "".join(". OVER THE LIMIT: " + sentence for sentence in fault["broken"]),
            )
        )
    lines += ["%s: left out, %s" % (entry["fault"], entry["reason"]) for entry in report["left_out"]]
    lines += ["stopped: %s" % reason for reason in report["stopped"]] + ["note: %s" % note for note in report["notes"]]
    return lines


def _window(
    probes: Sequence[Sample],
    writes: Sequence[Sample],
    lost: Optional[Sequence[str]],
    sent_at: Mapping[str, float],
    begin: float,
    end: float,
    probe: float,
    write: float,
) -> Dict[str, Any]:
    return {
        "begin": begin,
        "end": end,
        "outage": outage(probes, begin, end, probe),
        "probes": counted(probes, begin, end),
        "write_outage": outage(writes, begin, end, write),
        "writes": counted(writes, begin, end),
        # A key is lost in the fault in which it was acknowledged or which came next; the former is what is known.
        "lost_writes": None if lost is None else sum(1 for name in lost if begin <= sent_at.get(name, begin) <= end),
    }


def _fault(event: Mapping[str, Any], events: Sequence[Mapping[str, Any]], until: float) -> Dict[str, Any]:
    marks = {
        str(other.get("event")): float(other["at"])
        for other in events
        if other.get("fault") == event.get("fault") and float(other["at"]) >= float(event["at"])
    }
    restoring, healthy = marks.get("restoring"), marks.get("healthy")
    targets = event.get("targets") or []
    return {
        "fault": event.get("fault"),
        "title": event.get("title"),
        "what": event.get("what"),
        "hosts": [str(target.get("host")) for target in targets],
        "injected": marks.get("injected"),
        "restoring": restoring,
        "restored": marks.get("restored"),
        "healthy": healthy,
        "heal_seconds": None if healthy is None or restoring is None else round(healthy - restoring, 2),
        "until": until,
    }


def _last(events: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    found = [event for event in events if event.get("event") == name]
    return found[-1] if found else {}


def _noise(before: Mapping[str, Any]) -> List[str]:
    """A machine that is too busy fails probes without any fault, and then the figures are not the cluster's alone."""
    if not before["failed"]:
        return []
    text = "%d of %d probes failed before the first fault: the figures below contain what is not the faults' doing"
    return [text % (before["failed"], before["sent"])]


def _notes(observed: Optional[Mapping[str, Any]], probes: Sequence[Sample], lost: Optional[Sequence[str]]) -> List[str]:
    notes = []
    if observed is None:
        notes.append("the observer did not come to its end, so nobody read the keys back")
    elif not observed.get("namespace_removed"):
        notes.append("the namespace %s was not gone in time; the next drill removes it" % observed.get("namespace"))
    if not probes:
        notes.append("there is not one probe")
    if lost:
        notes.append("lost keys: %s" % ", ".join(lost[:20]))
    return notes
