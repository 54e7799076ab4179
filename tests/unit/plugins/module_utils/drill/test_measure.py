"""Outages from probes: what counts, how long it was, and what must hold for every set of probes."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.measure import Sample, counted, gaps, outage
from hypothesis import given, settings
from hypothesis import strategies as st

INTERVAL = 0.05


def series(count: int, failed: range = range(0), begin: float = 100.0) -> "list[Sample]":
    return [
        Sample(begin + number * INTERVAL, 0.01, number not in failed, "" if number not in failed else "refused")
        for number in range(count)
    ]


def test_good_probes_alone_are_no_outage() -> None:
    assert outage(series(200), 100.0, 109.95, INTERVAL) == {"longest": 0.0, "total": 0.0, "gaps": []}


def test_an_outage_lasts_from_the_last_good_answer_to_the_next_good_one() -> None:
    (gap,) = gaps(series(200, range(40, 80)), 100.0, 109.95, INTERVAL)
    assert gap.begin == pytest.approx(101.96) and gap.end == pytest.approx(104.01)
    assert gap.failed == 40 and gap.seconds == pytest.approx(2.05)


def test_two_outages_are_told_apart_and_summed() -> None:
    probes = series(50, range(10, 20)) + series(50, range(10), begin=102.5)
    result = outage(probes, 100.0, 104.95, INTERVAL)
    assert [gap["failed"] for gap in result["gaps"]] == [10, 10]
    assert result["longest"] == pytest.approx(0.55) and result["total"] == pytest.approx(1.10)


def test_an_outage_that_does_not_end_lasts_to_the_end_of_the_window() -> None:
    (gap,) = gaps(series(100, range(60, 100)), 100.0, 110.0, INTERVAL)
    assert gap.end == 110.0 and gap.begin == pytest.approx(102.96)


def test_an_answer_counts_when_it_comes_so_that_a_request_which_waited_hides_no_outage() -> None:
    waited = [Sample(102.0 + number * INTERVAL, 2.0 - number * INTERVAL, True) for number in range(39)]
    (gap,) = gaps(series(40) + waited + series(40, begin=104.0), 100.0, 105.95, INTERVAL)
    assert gap.seconds == pytest.approx(2.04) and gap.failed == 0


def test_single_failures_between_good_answers_do_not_add_up_to_one_long_outage() -> None:
    probes = [Sample(100 + number * INTERVAL, 0.01, number % 2 == 0) for number in range(200)]
    assert outage(probes, 100.0, 109.95, INTERVAL)["longest"] == pytest.approx(0.1)


def test_a_prober_that_stood_still_counts_as_outage_since_nobody_knows() -> None:
    probes = series(20) + series(20, begin=103.0)
    (gap,) = gaps(probes, 100.0, 103.95, INTERVAL)
    assert gap.failed == 0 and gap.seconds == pytest.approx(2.05)


def test_no_probe_at_all_is_an_outage_of_the_whole_window() -> None:
    assert outage([], 5.0, 8.0, INTERVAL)["total"] == 3.0


def test_probes_outside_the_window_do_not_count() -> None:
    assert outage(series(200, range(40)), 103.0, 109.95, INTERVAL)["total"] == 0.0


def test_counting_tells_latencies_of_good_probes_and_the_commonest_error_first() -> None:
    probes = [
        Sample(1.0, 0.01, True),
        Sample(2.0, 0.03, True),
        Sample(3.0, 1.0, False, "refused"),
        Sample(4.0, 1.0, False, "no answer"),
    ]
    result = counted(probes + [Sample(5.0, 1.0, False, "no answer")], 0, 10)
    assert (result["sent"], result["failed"]) == (5, 3)
    assert result["latency"]["most"] == 0.03 and list(result["errors"]) == ["no answer", "refused"]


samples = st.lists(
    st.builds(Sample, st.floats(0, 60, allow_nan=False), st.floats(0.001, 2), st.booleans(), st.just("")), max_size=60
)


@settings(deadline=None)
@given(samples)
def test_no_outage_is_longer_than_all_of_them_nor_all_of_them_than_the_window(probes: "list[Sample]") -> None:
    result = outage(probes, 0.0, 60.0, INTERVAL)
    assert 0 <= result["longest"] <= result["total"] + 0.001
    assert result["total"] <= 60.0 + 0.001 * (len(result["gaps"]) + 1)


@settings(deadline=None)
@given(samples, st.randoms())
def test_the_order_of_the_records_does_not_matter(probes: "list[Sample]", random: object) -> None:
    shuffled = list(probes)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert gaps(shuffled, 0.0, 60.0, INTERVAL) == gaps(probes, 0.0, 60.0, INTERVAL)


@settings(deadline=None)
@given(samples, st.floats(0, 60, allow_nan=False))
def test_one_more_failure_never_makes_the_outage_shorter(probes: "list[Sample]", at: float) -> None:
    before = sum(gap.seconds for gap in gaps(probes, 0.0, 60.0, INTERVAL))
    after = sum(gap.seconds for gap in gaps(probes + [Sample(at, 1.0, False, "refused")], 0.0, 60.0, INTERVAL))
    assert after >= before - 1e-9


@settings(deadline=None)
@given(samples)
def test_every_failure_lies_within_a_gap(probes: "list[Sample]") -> None:
    found = gaps(probes, 0.0, 60.0, INTERVAL)
    for probe in probes:
        assert probe.ok or any(gap.begin <= probe.at <= gap.end for gap in found)


@settings(deadline=None)
@given(st.integers(1, 150), st.integers(2, 60))
def test_an_outage_is_measured_to_within_two_intervals(first: int, length: int) -> None:
    probes = series(300, range(first, first + length))
    real = length * INTERVAL
    assert real - 1e-6 <= outage(probes, 100.0, 114.95, INTERVAL)["longest"] <= real + 2 * INTERVAL
