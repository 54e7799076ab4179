"""Every error that a provider documents for an address becomes one of ours: to be waited for, to log in for, or to correct."""

from __future__ import annotations

from typing import Any, List, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.errors import (
    BusyError,
    CredentialsError,
    ProviderError,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.move import bring
from fake_providers import CASES, Reply, TestClock, begin, hetzner_cloud, hetzner_robot, ovh, scaleway

ERRORS: List[Tuple[str, Reply, Any, str, str]] = [
    # provider, what it says, our class, our subject, a word of the remedy or the problem
    ("ovh", ovh.error(403, "INVALID_KEY", "This application key is invalid"), CredentialsError, "credentials", "application_key"),
    ("ovh", ovh.error(403, "INVALID_CREDENTIAL", "This credential is not valid"), CredentialsError, "credentials", "consumer_key"),
    ("ovh", ovh.error(403, "NOT_CREDENTIAL", "Invalid"), CredentialsError, "credentials", "consumer_key"),
    ("ovh", ovh.error(403, "NOT_GRANTED_CALL", "This call has not been granted"), CredentialsError, "credentials", "POST on /ip"),
    ("ovh", ovh.error(403, "FORBIDDEN", "no"), CredentialsError, "credentials", "account that owns"),
    ("ovh", ovh.error(400, "INVALID_SIGNATURE", "Invalid signature"), CredentialsError, "credentials", "application_secret"),
    ("ovh", ovh.error(400, "INVALID_ARGUMENT", "bad"), ProviderError, "OVH", "INVALID_ARGUMENT"),
    ("ovh", ovh.error(404, "NOT_FOUND", "This service does not exist"), ProviderError, "ip", "Additional IP"),
    ("ovh", ovh.error(409, "CONFLICT", "Action pending for this IP"), BusyError, "ip", "locked"),
    ("ovh", ovh.error(429, "TOO_MANY_REQUESTS", "slow down"), BusyError, "OVH", "too many requests"),
    ("ovh", ovh.error(460, "EXPIRED", "This service is expired"), ProviderError, "ip", "renew"),
    ("ovh", ovh.error(500, "INTERNAL_SERVER_ERROR", "oops"), BusyError, "OVH", "out of order"),
    ("ovh", Reply(502, raw=b"<html>bad gateway"), BusyError, "OVH", "HTTP status 502"),
    (
        "hetzner_robot",
        hetzner_robot.error(400, "INVALID_INPUT", "invalid input", missing=["active_server_ip"]),
        ProviderError,
        "target",
        "active_server_ip",
    ),
    (
        "hetzner_robot",
        hetzner_robot.error(401, "UNAUTHORIZED", "Unauthorized"),
        CredentialsError,
        "credentials",
        "three wrong logins",
    ),
    ("hetzner_robot", Reply(401, raw=b""), CredentialsError, "credentials", "user and password"),
    (
        "hetzner_robot",
        hetzner_robot.error(403, "RATE_LIMIT_EXCEEDED", "rate limit exceeded", max_request=50, interval=3600),
        BusyError,
        "Hetzner Robot",
        "50 requests in 3600 s",
    ),
    ("hetzner_robot", hetzner_robot.error(404, "NOT_FOUND", "failover not found"), ProviderError, "ip", "failover IP"),
    ("hetzner_robot", hetzner_robot.error(404, "FAILOVER_NEW_SERVER_NOT_FOUND", "no"), ProviderError, "target", "main IP address"),
    ("hetzner_robot", hetzner_robot.error(409, "FAILOVER_LOCKED", "blocked"), BusyError, "ip", "locked"),
    ("hetzner_robot", hetzner_robot.error(500, "FAILOVER_FAILED", "failed"), BusyError, "ip", "did not succeed"),
    ("hetzner_robot", hetzner_robot.error(500, "FAILOVER_NOT_COMPLETE", "failed"), BusyError, "ip", "FAILOVER_NOT_COMPLETE"),
    ("hetzner_robot", hetzner_robot.error(500, "INTERNAL_ERROR", "oops"), BusyError, "Hetzner Robot", "out of order"),
    ("hetzner_robot", Reply(503, raw=b"maintenance"), BusyError, "Hetzner Robot", "out of order"),
    ("hetzner_cloud", hetzner_cloud.error(401, "unauthorized", "unable to authenticate"), CredentialsError, "credentials", "token"),
    ("hetzner_cloud", hetzner_cloud.error(403, "forbidden", "no"), CredentialsError, "credentials", "the right to"),
    ("hetzner_cloud", hetzner_cloud.error(403, "token_readonly", "no"), CredentialsError, "credentials", "right to write"),
    ("hetzner_cloud", hetzner_cloud.error(403, "protected", "no"), ProviderError, "ip", "protection"),
    ("hetzner_cloud", hetzner_cloud.error(404, "not_found", "no"), ProviderError, "ip or target", "floating IP"),
    ("hetzner_cloud", hetzner_cloud.error(422, "invalid_input", "no"), ProviderError, "target", "network zone"),
    ("hetzner_cloud", hetzner_cloud.error(400, "json_error", "no"), ProviderError, "target", "json_error"),
    ("hetzner_cloud", hetzner_cloud.error(409, "uniqueness_error", "no"), ProviderError, "target", "uniqueness_error"),
    ("hetzner_cloud", hetzner_cloud.error(422, "unsupported_error", "no"), ProviderError, "target", "unsupported_error"),
    ("hetzner_cloud", hetzner_cloud.error(423, "locked", "an action is running"), BusyError, "ip", "locked"),
    ("hetzner_cloud", hetzner_cloud.error(409, "conflict", "changed meanwhile"), BusyError, "ip", "locked"),
    (
        "hetzner_cloud",
        hetzner_cloud.error(429, "rate_limit_exceeded", "limit of 3600 requests"),
        BusyError,
        "Hetzner Cloud",
        "too many requests",
    ),
    ("hetzner_cloud", hetzner_cloud.error(500, "server_error", "no"), BusyError, "Hetzner Cloud", "out of order"),
    ("hetzner_cloud", hetzner_cloud.error(500, "service_error", "no"), BusyError, "Hetzner Cloud", "out of order"),
    ("hetzner_cloud", hetzner_cloud.error(503, "unavailable", "no"), BusyError, "Hetzner Cloud", "out of order"),
    ("hetzner_cloud", hetzner_cloud.error(503, "maintenance", "no"), BusyError, "Hetzner Cloud", "maintenance"),
    ("hetzner_cloud", hetzner_cloud.error(422, "resource_unavailable", "no"), BusyError, "Hetzner Cloud", "out of order"),
    ("hetzner_cloud", hetzner_cloud.error(503, "robot_unavailable", "no"), BusyError, "Hetzner Cloud", "out of order"),
    ("hetzner_cloud", hetzner_cloud.error(504, "timeout", "no"), BusyError, "Hetzner Cloud", "out of order"),
    ("scaleway", scaleway.error(401, "denied_authentication", "no"), CredentialsError, "credentials", "secret_key"),
    (
        "scaleway",
        scaleway.error(403, "permissions_denied", "insufficient permissions"),
        CredentialsError,
        "credentials",
        "right to change",
    ),
    (
        "scaleway",
        scaleway.error(
            400, "invalid_arguments", "invalid argument(s)", details=[{"argument_name": "server_id", "reason": "format"}]
        ),
        ProviderError,
        "target",
        "server_id: format",
    ),
    ("scaleway", scaleway.error(404, "not_found", "no"), ProviderError, "ip or target", "same zone"),
    ("scaleway", scaleway.error(409, "transient_state", "busy"), BusyError, "ip", "locked"),
    ("scaleway", scaleway.error(412, "precondition_failed", "no"), ProviderError, "ip", "virtual MAC"),
    ("scaleway", scaleway.error(423, "locked", "resource is locked"), BusyError, "ip", "locked"),
    ("scaleway", scaleway.error(403, "quotas_exceeded", "no"), ProviderError, "target", "quotas_exceeded"),
    ("scaleway", scaleway.error(410, "resource_expired", "no"), ProviderError, "target", "resource_expired"),
    ("scaleway", scaleway.error(429, "too_many_requests", "no"), BusyError, "Scaleway", "too many requests"),
    ("scaleway", Reply(500, raw=b"oops"), BusyError, "Scaleway", "out of order"),
]
#: The order that moves the address.
ORDER = {"ovh": "/move$", "hetzner_robot": "/failover/", "hetzner_cloud": "/assign$", "scaleway": "/attach$"}


@pytest.mark.parametrize(("name", "reply", "kind", "subject", "word"), ERRORS)
def test_a_documented_error(name: str, reply: Reply, kind: Any, subject: str, word: str) -> None:
    clock = TestClock()
    case = CASES[name]
    server = begin(case, clock)
    try:
        # It says so once: what passes is waited for, and the address arrives.
        server.fail(ORDER[name], reply, method="POST")
        if kind is BusyError:
            done = bring(case.client(server), case.b, 600, clock)
            assert done.after == case.b and word in done.steps[0]
            # It says so for ever: an end, and the reason.
            server.fail(ORDER[name], reply, times=99, method="POST")
            clock.slept.clear()
            with pytest.raises(BusyError) as refused:
                bring(case.client(server), case.a, 120, clock)
            assert sum(clock.slept) <= 120 and "tried" in refused.value.problem
        else:
            with pytest.raises(ProviderError) as refused:
                bring(case.client(server), case.b, 600, clock)
            assert clock.slept == [] and server.routes[case.key] == case.a
        assert type(refused.value) is kind and refused.value.subject == subject
        assert word in str(refused.value)
    finally:
        server.end()


def test_robots_word_that_it_is_routed_there_already_is_success() -> None:
    case = CASES["hetzner_robot"]
    server = begin(case)
    try:
        client = case.client(server)
        # Somebody was faster between our look and our order.
        assert client.read().target == case.a
        server.routes[case.key] = case.b
        assert client.start(case.b) is None
        assert bring(client, case.b, 5, TestClock()).steps == []
    finally:
        server.end()


def test_the_providers_own_word_on_how_long_to_wait_is_kept() -> None:
    clock = TestClock()
    for name, reply, seconds in (
        ("hetzner_cloud", hetzner_cloud.error(429, "rate_limit_exceeded", "no", **{"Retry-After": "7"}), 7),
        ("ovh", Reply(429, {}, {"Retry-After": "11"}), 11),
        ("scaleway", Reply(429, {"type": "too_many_requests"}, {"Retry-After": "13"}), 13),
        ("hetzner_robot", hetzner_robot.error(403, "RATE_LIMIT_EXCEEDED", "no")._replace(headers={"Retry-After": "17"}), 17),
    ):
        case = CASES[name]
        server = begin(case, clock)
        clock.slept.clear()
        server.fail(ORDER[name], reply, method="POST")
        bring(case.client(server), case.b, 60, clock)
        assert clock.slept[0] == seconds
        server.end()


@pytest.mark.parametrize("state", ["cancelled", "customerError", "ovhError", "paused"])
def test_each_bad_end_of_a_task_of_ovh_is_named(state: str) -> None:
    clock = TestClock()
    case = CASES["ovh"]
    server = begin(case, clock, delay=5.0)
    server.ends_in = (state, "the comment of OVH")  # type: ignore[attr-defined]
    try:
        with pytest.raises(ProviderError) as refused:
            bring(case.client(server), case.b, 60, clock)
        assert state in str(refused.value) and "the comment of OVH" in str(refused.value)
        assert server.routes[case.key] == case.a and len(server.asked("POST")) == 1
        assert 5 <= sum(clock.slept) < 7
    finally:
        server.end()


def test_an_action_of_hetzner_cloud_that_fails_is_named() -> None:
    clock = TestClock()
    case = CASES["hetzner_cloud"]
    server = begin(case, clock, delay=5.0)
    server.ends_in = ("action_failed", "Action failed")  # type: ignore[attr-defined]
    try:
        with pytest.raises(ProviderError, match=r"Action failed \(action_failed\)"):
            bring(case.client(server), case.b, 60, clock)
    finally:
        server.end()


@pytest.mark.parametrize(("state", "word"), [("error", "could not change"), ("unknown", "could not change")])
def test_a_flexible_ip_that_ends_in_a_bad_state_is_named(state: str, word: str) -> None:
    clock = TestClock()
    case = CASES["scaleway"]
    server = begin(case, clock, delay=5.0)
    server.ends_in = state  # type: ignore[attr-defined]
    try:
        with pytest.raises(ProviderError, match=word) as refused:
            bring(case.client(server), case.b, 60, clock)
        assert state in refused.value.subject
    finally:
        server.end()


def test_a_locked_flexible_ip_is_waited_for_with_a_bound() -> None:
    clock = TestClock()
    case = CASES["scaleway"]
    server = begin(case, clock)
    server.states = {case.key: "locked"}  # type: ignore[attr-defined]
    try:
        with pytest.raises(BusyError, match="locked"):
            bring(case.client(server), case.b, 60, clock)
        assert sum(clock.slept) <= 60
    finally:
        server.end()


def test_a_task_that_never_ends_is_given_up_and_named() -> None:
    clock = TestClock()
    for name in ("ovh", "hetzner_cloud", "scaleway"):
        case = CASES[name]
        server = begin(case, clock, delay=100000.0)
        with pytest.raises(ProviderError, match="not done after 60 s"):
            bring(case.client(server), case.b, 60, clock)
        assert len(server.asked("POST")) == 1
        server.end()


def test_ovh_is_asked_first_whether_the_address_can_move() -> None:
    clock = TestClock()
    case = CASES["ovh"]
    server = begin(case, clock)
    server.refusing = (case.b,)  # type: ignore[attr-defined]
    try:
        with pytest.raises(ProviderError, match="not the same region") as refused:
            bring(case.client(server), case.b, 60, clock)
        assert refused.value.subject == "target" and server.asked("POST") == []
        with pytest.raises(ProviderError, match="does not exist") as refused:
            bring(case.client(server), "ns9.example.org", 60, clock)
        assert refused.value.subject == "target" and server.asked("POST") == []
    finally:
        server.end()


def test_ovhs_clock_counts_and_is_read_again_when_ours_jumped() -> None:
    clock = TestClock()
    case = CASES["ovh"]
    server = begin(case, clock)
    try:
        client = case.client(server)
        assert client.read().target == case.a
        assert len([path for path in server.asked("GET") if path.endswith("/auth/time")]) == 1
        server.ahead += 3600  # type: ignore[attr-defined]
        assert client.read().target == case.a
        assert len([path for path in server.asked("GET") if path.endswith("/auth/time")]) == 2
    finally:
        server.end()


def test_a_cloud_server_may_be_named() -> None:
    clock = TestClock()
    case = CASES["hetzner_cloud"]
    server = begin(case, clock)
    try:
        assert bring(case.client(server), "node-42", 60, clock).after == "42"
        with pytest.raises(ProviderError, match="no server 'node-43'"):
            bring(case.client(server), "node-43", 60, clock)
    finally:
        server.end()


def test_an_ip_of_a_mac_group_is_not_moved_alone() -> None:
    clock = TestClock()
    case = CASES["scaleway"]
    server = begin(case, clock)
    server.grouped = (case.key,)  # type: ignore[attr-defined]
    try:
        with pytest.raises(ProviderError, match="MAC"):
            bring(case.client(server), case.b, 60, clock)
    finally:
        server.end()
