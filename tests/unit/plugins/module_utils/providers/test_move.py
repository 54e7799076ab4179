from __future__ import annotations

from typing import Any, Iterator, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.errors import (
    Abandoned,
    BusyError,
    CredentialsError,
    ProviderError,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.move import bring, look
from fake_providers import CASES, Case, FakeProvider, Reply, TestClock, begin

Made = Tuple[Case, FakeProvider, TestClock]
#: What changes a route, and nothing else does.
ORDERS = ("POST", "DELETE")


@pytest.fixture(name="made", params=sorted(CASES))
def _made(request: Any) -> Iterator[Made]:
    clock = TestClock()
    case = CASES[request.param]
    # Robot answers when it is done: nobody would push its clock meanwhile.
    server = begin(case, clock, delay=0.0 if case.name == "hetzner_robot" else 5.0)
    yield case, server, clock
    server.end()


def orders(server: FakeProvider) -> int:
    return sum(len(server.asked(method)) for method in ORDERS)


def test_an_address_is_moved_and_the_task_followed_to_its_end(made: Made) -> None:
    case, server, clock = made
    done = bring(case.client(server), case.b, 60, clock)
    assert (done.before, done.after) == (case.a, case.b)
    assert server.routes[case.key] == case.b and orders(server) == 1
    assert 5 <= sum(clock.slept) <= 6 or case.name == "hetzner_robot"


def test_where_it_is_already_there_nothing_is_sent(made: Made) -> None:
    case, server, clock = made
    assert bring(case.client(server), case.a, 60, clock).steps == []
    assert orders(server) == 0


def test_check_mode_says_what_would_be_and_sends_nothing(made: Made) -> None:
    case, server, clock = made
    done = bring(case.client(server), case.b, 60, clock, act=False)
    assert (done.before, done.after) == (case.a, case.b)
    assert orders(server) == 0 and server.routes[case.key] == case.a


def test_an_address_is_taken_off_and_put_on_again(made: Made) -> None:
    case, server, clock = made
    client = case.client(server)
    assert bring(client, None, 60, clock).after is None
    assert server.routes[case.key] is None
    assert look(client, 60, clock).target is None
    assert bring(client, None, 60, clock).steps == []
    assert bring(client, case.a, 60, clock).before is None
    assert server.routes[case.key] == case.a and orders(server) == 2


def test_a_move_to_the_same_server_that_somebody_began_is_waited_for_and_not_ordered_again(made: Made) -> None:
    case, server, clock = made
    if case.name == "hetzner_robot":
        pytest.skip("it answers when it is done; its lock has a test of its own")
    client = case.client(server)
    client.start(case.b)
    done = bring(client, case.b, 60, clock)
    assert done.after == case.b and orders(server) == 1
    assert any("on its way" in step for step in done.steps)


def test_a_move_elsewhere_that_somebody_began_is_waited_for_and_then_corrected(made: Made) -> None:
    case, server, clock = made
    if case.name == "hetzner_robot":
        pytest.skip("it answers when it is done; its lock has a test of its own")
    client = case.client(server)
    client.start(None)
    assert bring(client, case.b, 60, clock).after == case.b
    assert server.routes[case.key] == case.b


def test_an_outage_is_waited_for_as_long_as_there_is_time(made: Made) -> None:
    case, server, clock = made
    server.fail(".", Reply(503), times=4)
    done = bring(case.client(server), case.b, 60, clock)
    assert done.after == case.b and clock.slept[:4] == [1, 2, 4, 8]
    server.fail(".", Reply(503), times=50)
    with pytest.raises(BusyError, match=r"out of order.*tried \d+ times in 20 s"):
        bring(case.client(server), case.a, 20, clock)


def test_a_lost_answer_to_an_order_is_no_reason_to_order_twice(made: Made) -> None:
    case, server, clock = made
    server.fail("move$|failover/|assign$|attach$", method="POST", silent=True, after=True)
    done = bring(case.client(server), case.b, 60, clock)
    assert done.after == case.b and orders(server) == 1


def test_an_answer_lost_while_a_task_runs_is_asked_for_again(made: Made) -> None:
    case, server, clock = made
    # Robot has no task; there it is the look afterwards that is lost.
    looks = {"ovh": "/task/", "hetzner_cloud": "/actions/", "scaleway": "/fips/", "hetzner_robot": "/failover/"}[case.name]
    client = case.client(server)
    start = client.start

    def then_silence(target: Any) -> Any:
        task = start(target)
        server.fail(looks, method="GET", silent=True, times=3)
        return task

    client.start = then_silence  # type: ignore[method-assign]
    assert bring(client, case.b, 60, clock).after == case.b
    assert orders(server) == 1 and server.faults == []


def test_wrong_credentials_are_tried_once(made: Made) -> None:
    case, server, clock = made
    secret = next(name for name in case.credentials if name in ("application_secret", "password", "token", "secret_key"))
    with pytest.raises(CredentialsError) as refused:
        bring(case.client(server, **{secret: "wrong-Secret-4711"}), case.b, 60, clock)
    assert clock.slept == [] and "wrong-Secret-4711" not in str(refused.value)
    assert len([request for request in server.requests if not request.path.endswith("/auth/time")]) == 1


def test_who_may_not_act_any_more_sends_no_order(made: Made) -> None:
    case, server, clock = made
    with pytest.raises(Abandoned):
        bring(case.client(server), case.b, 60, clock, may_act=lambda: False)
    assert orders(server) == 0


def test_the_right_to_act_is_asked_for_again_after_each_wait(made: Made) -> None:
    case, server, clock = made
    server.fail(".", Reply(503), times=3)
    with pytest.raises(Abandoned):
        bring(case.client(server), case.b, 60, clock, may_act=lambda: clock.now() < 1003)
    assert orders(server) == 0


def test_an_unknown_address_is_the_setting_ip(made: Made) -> None:
    case, server, clock = made
    with pytest.raises(ProviderError) as refused:
        bring(case._replace(address="203.0.113.77").client(server), case.b, 60, clock)
    assert refused.value.subject == "ip" and clock.slept == []


def test_a_redirect_is_not_followed_with_our_credentials(made: Made) -> None:
    case, server, clock = made
    server.fail(".", Reply(302, headers={"Location": server.url + "/elsewhere"}))
    with pytest.raises(ProviderError, match="redirect"):
        bring(case.client(server), case.b, 60, clock)
    assert "/elsewhere" not in server.asked("GET")


def test_a_page_in_the_place_of_the_api_is_named(made: Made) -> None:
    case, server, clock = made
    server.fail(".", Reply(raw=b"<html>please log in</html>"), times=9)
    with pytest.raises(ProviderError):
        bring(case.client(server), case.b, 5, clock)


def test_nobody_there_is_said_with_the_address(made: Made) -> None:
    case, server, clock = made
    client = case.client(server)
    server.end()
    with pytest.raises(BusyError, match="127.0.0.1.*can't be reached"):
        bring(client, case.b, 5, clock)
