"""A drill's result from its records: figures for each fault, the limits, and the page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import Any, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.limits import broken, check_limits, limits_of
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.page import page
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.report import Records, build, figures, parse_lines, samples

OBSERVED = {"acknowledged": 500, "lost": [], "late": 1, "namespace_removed": True, "namespace": "drill-1"}


def events(**limits: Any) -> List[Dict[str, Any]]:
    marks: List[Dict[str, Any]] = [
        {
            "at": 99.0,
            "event": "plan",
            "cluster": "c<1>",
            "endpoint": "192.0.2.100:8443",
            "path": "/readyz",
            "probe_interval": 0.05,
            "probe_timeout": 1,
            "write_interval": 0.2,
            "write_timeout": 2,
            "limits": limits,
            "left_out": [{"fault": "director", "reason": "no host is in group directors"}],
        }
    ]
    for begin, fault, host in ((110.0, "vip_holder", "cp1"), (150.0, "apiserver", "cp2")):
        marks.append(
            {"at": begin, "event": "begin", "fault": fault, "title": fault, "what": "SIGKILL", "targets": [{"host": host}]}
        )
        for after, event in ((1.0, "injected"), (21.0, "restoring"), (22.0, "restored"), (30.0, "healthy")):
            marks.append({"at": begin + after, "event": event, "fault": fault})
    return marks + [{"at": 190.0, "event": "end"}]


def requests(kind: str, interval: float, dead: "tuple[float, float]") -> List[Dict[str, Any]]:
    found = []
    for number in range(int(90 / interval)):
        at = 100.0 + number * interval
        ok = not dead[0] <= at < dead[1]
        record: Dict[str, Any] = {"kind": kind, "at": at, "seconds": 0.01 if ok else 1.0, "ok": ok, "key": "key-%06d" % number}
        found.append(record if ok else dict(record, error="no answer within 1 s"))
    return found


def records(dead: "tuple[float, float]" = (111.0, 113.0), observed: Any = OBSERVED, **limits: Any) -> Records:
    return Records(events(**limits), requests("probe", 0.05, dead), requests("write", 0.2, dead), observed)


def test_each_fault_has_its_own_figures() -> None:
    report = build(records())
    first, second = report["faults"]
    assert (first["fault"], first["hosts"]) == ("vip_holder", ["cp1"])
    assert first["outage"]["longest"] == pytest.approx(2.05) and first["probes"]["failed"] == 40
    assert first["writes"]["failed"] == 10 and first["write_outage"]["longest"] == pytest.approx(2.2, abs=0.01)
    assert first["heal_seconds"] == 9.0 and first["lost_writes"] == 0
    assert second["outage"]["total"] == 0 and second["probes"]["failed"] == 0
    assert report["before"]["outage"]["total"] == 0 and report["passed"]


def test_an_outage_over_the_limit_fails_and_says_by_how_much() -> None:
    report = build(records((111.0, 115.0)))
    assert not report["passed"]
    assert report["faults"][0]["broken"] == ["longest outage of the endpoint: 4.05 s (limit 3 s)"]
    assert any("OVER THE LIMIT" in line for line in figures(report))
    assert build(records((111.0, 115.0), vip_holder={"outage_seconds": 5}))["passed"]


def test_a_lost_write_fails_and_is_told_where_it_was_written() -> None:
    report = build(records(observed=dict(OBSERVED, lost=["key-000300"])))
    assert [fault["lost_writes"] for fault in report["faults"]] == [0, 1] and not report["passed"]
    assert "lost keys: key-000300" in report["notes"]


@pytest.mark.parametrize("observed", [None, dict(OBSERVED, acknowledged=0)])
def test_a_drill_that_proved_nothing_about_its_writes_has_not_passed(observed: Any) -> None:
    assert not build(records(observed=observed))["passed"]


def test_a_fault_that_did_not_heal_breaks_its_limit() -> None:
    marks = [event for event in events() if not (event["event"] == "healthy" and event["fault"] == "apiserver")]
    report = build(records()._replace(events=marks + [{"at": 185.0, "event": "stopped", "reason": "cp2: not Ready"}]))
    assert report["faults"][1]["heal_seconds"] is None and not report["passed"]
    assert "not known" in report["faults"][1]["broken"][0] and "stopped: cp2: not Ready" in figures(report)


def test_a_drill_without_one_fault_or_one_probe_has_not_passed() -> None:
    assert not build(records()._replace(events=events()[:1]))["passed"]
    assert not build(records()._replace(probes=[]))["passed"]
    assert not build(Records([], [], [], None))["passed"]


def test_a_line_that_was_cut_off_by_a_kill_is_passed_over() -> None:
    assert parse_lines('{"at": 1}\n{"at": 2}\n{"at": ') == [{"at": 1}, {"at": 2}]


def test_the_page_is_whole_and_its_timeline_shows_each_probe_and_fault() -> None:
    known = records()
    report = build(known)
    text = page(report, samples(known.probes, "probe"), samples(known.writes, "write"))
    assert "c&lt;1&gt;" in text and "<script" not in text and "http" not in text.replace("http://www.w3.org", "")
    svg = ElementTree.fromstring(re.search(r"<svg.*?</svg>", text, re.DOTALL).group(0))  # type: ignore[union-attr]
    paths = {path.get("class"): (path.get("d") or "").count("M") for path in svg.findall("path")}
    assert paths == {"good": 1760, "bad": 40, "written": 440, "unwritten": 10}
    assert [band.find("title").text for band in svg.findall("rect")][::2] == ["SIGKILL", "SIGKILL"]  # type: ignore[union-attr]
    assert {"vip_holder", "apiserver"} <= {label.text for label in svg.findall("text")}
    assert "director: no host is in group directors" in text and "Passed" in text


def test_a_page_is_made_of_whatever_little_there_is() -> None:
    assert "Failed" in page(build(Records([], [], [], None)), [], [])


def test_a_faults_own_limit_comes_before_that_for_all_and_null_lifts_it() -> None:
    limits = {"outage_seconds": 4, "apiserver": {"outage_seconds": None}}
    assert limits_of("vip_holder", limits)["outage_seconds"] == 4
    assert limits_of("apiserver", limits)["outage_seconds"] is None
    assert limits_of("apiserver", limits)["lost_writes"] == 0
    assert not check_limits(limits)


def test_a_figure_at_its_limit_keeps_it() -> None:
    assert broken({"outage": {"longest": 3.0}}, {"outage_seconds": 3}) == []
    assert broken({"outage": {"longest": 3.001}}, {"outage_seconds": 3})
