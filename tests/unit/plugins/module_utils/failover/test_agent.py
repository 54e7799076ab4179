"""Agents of three nodes, the providers of the lab over HTTP and API servers over TLS; only the clock is the test's.

Each order that reaches a provider is checked against what was true at that moment: whoever sent it held the address, and had had
a quorum within the time of its claim.
"""

from __future__ import annotations

import json
import pathlib
import random
import shutil
import threading
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.client import Answer
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.agent import Agent, Worker
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.api import LocalApi
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.holder import Host, Keepalived, LeaseHolder
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.metrics import text
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.settings import Settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.errors import Abandoned
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.move import Clock, Outcome
from api_server import kubeconfig, make_authority
from fake_providers import ADDRESS, CASES, Case, FakeProvider, Reply, begin
from lease_api import Front, LeaseApi, Store

STEP = 0.5
FIB = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
Local:
  +-- 0.0.0.0/0 2 0 2
     |-- 127.0.0.1
        /32 host LOCAL
%s"""


class SimulatedClock(Clock):
    """Time that the test pushes, also for threads that sleep by it: they go on one after the other, and then it stands still."""

    def __init__(self) -> None:
        self.moment = 1000.0
        self.reading = 0.0
        self.busy = 0
        self.sleepers: List[Tuple[float, threading.Event]] = []
        self.changed = threading.Condition()

    def now(self) -> float:
        return self.moment

    def wall(self) -> float:
        # Two readings of a real clock are never the same.
        self.reading += 1e-6
        return 1_790_000_000.0 + self.moment + self.reading

    def work(self, change: int) -> None:
        with self.changed:
            self.busy += change
            self.changed.notify_all()

    def sleep(self, seconds: float) -> None:
        woken = threading.Event()
        with self.changed:
            self.sleepers.append((self.moment + seconds, woken))
        self.work(-1)
        woken.wait()

    def settle(self) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.busy == 0, timeout=60), "a worker hangs"

    def push(self, seconds: float) -> None:
        end = self.moment + seconds
        while True:
            self.settle()
            with self.changed:
                due = [entry for entry in self.sleepers if entry[0] <= end + 1e-9]
                if not due:
                    self.moment = end
                    return
                first = min(due, key=lambda entry: entry[0])
                self.sleepers.remove(first)
                self.moment = max(self.moment, first[0])
                self.busy += 1
                first[1].set()


class SimulatedWorker(Worker):
    """A thread that the simulated clock waits for."""

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__()
        self.simulated = clock

    def begin(self, work: Callable[[], Outcome]) -> None:
        self.simulated.work(1)

        def run() -> None:
            try:
                self.run(work)
            finally:
                self.simulated.work(-1)

        threading.Thread(target=run, daemon=True).start()
        self.simulated.settle()

    def clock(self, clock: Clock) -> Clock:
        worker = self

        class Breakable(Clock):
            def now(self) -> float:
                return clock.now()

            def sleep(self, seconds: float) -> None:
                clock.sleep(seconds)
                if worker.broken.is_set():
                    raise Abandoned()

        return Breakable()


class DirectApi(LocalApi):
    """Asks the front without a connection: an hour of steps has ten thousands of them. TLS is what some tests are about."""

    def __init__(self, front: Front) -> None:
        super().__init__("", "127.0.0.1", 6443, 1.0)
        self.front = front

    def _ask(self, method: str, path: str, body: Any = None) -> Answer:
        reply = self.front.reply(method, path, json.loads(json.dumps(body)) if body is not None else None)
        if reply is None:
            return Answer(0, error="the connection was closed")
        status, data = reply
        return Answer(
            status, data if isinstance(data, bytes) else json.dumps(data).encode(), "" if status < 300 else "HTTP %d" % status
        )


class Node:
    """One control plane."""

    def __init__(self, world: "World", name: str, target: str, **options: Any) -> None:
        self.world = world
        self.name = name
        self.target = target
        self.root = world.folder / name
        self.api = Front(world.store)
        self.root.mkdir(parents=True)
        local: LocalApi = DirectApi(self.api)
        self.tls: Optional[LeaseApi] = None
        if world.tls:
            self.tls = LeaseApi(world.authority, self.api)
            folder = self.root / "kube"
            shutil.copytree(world.authority, folder)
            port = self.tls.server_address[1]
            # The bound is real time, and the machine may be slow.
            local = LocalApi(kubeconfig(folder, port), "127.0.0.1", port, 20.0)
        self.quorum_at = world.clock.now()
        self.stepping = True
        self.log: List[str] = []
        self.files: Dict[str, str] = {}
        self.hold(False)
        self.settings = Settings(
            node=name,
            provider=world.case.name,
            target=target,
            addresses=[ADDRESS],
            state_file="/run/state",
            metrics_file="",
            **options,
        )
        self.local = local
        provider = world.case.client(world.server)
        held = [ADDRESS]
        self.agent = Agent(
            self.settings,
            local,
            LeaseHolder(Host(str(self.root)), held, local, "kube-system", "plndr-cp-lock", name)
            if self.settings.follow == "lease"
            else Keepalived(Host(str(self.root)), held, "/run/state"),
            lambda _address: provider,
            lambda line: self.log.append("%.1f %s" % (world.clock.now() - 1000, line)),
            world.clock,
            wall=world.clock.wall,
            worker=lambda: SimulatedWorker(world.clock),
            tell=self.files.__setitem__,
        )

    def write(self, path: str, content: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)

    def hold(self, held: bool, state: Optional[str] = None, alive: bool = True) -> None:
        self.holds = held
        self.write("proc/net/fib_trie", FIB % ("     |-- %s\n        /32 host LOCAL\n" % ADDRESS if held else ""))
        self.write("run/state", "%s 4711\n" % (state or ("MASTER" if held else "BACKUP")))
        self.write("proc/4711/comm", "keepalived\n" if alive else "sleep\n")

    def partition(self, alone: bool = True) -> None:
        """Cut off from the other nodes, and not from the provider."""
        self.api.quorum = not alone

    def step(self) -> None:
        if self.api.quorum and self.api.is_ready and self.api.alive:
            self.quorum_at = self.world.clock.now()
        if self.stepping:
            self.agent.step()


class World:
    def __init__(self, case: Case, folder: pathlib.Path, authority: pathlib.Path, delay: float, tls: bool, **options: Any) -> None:
        self.tls = tls
        self.case = case
        self.folder = folder
        self.authority = authority
        self.clock = SimulatedClock()
        self.store = Store()
        self.server: FakeProvider = begin(case, self.clock, delay=delay)
        self.server.servers = [case.a, case.b, "43" if case.name == "hetzner_cloud" else case.b + "3"]
        self.ordered: List[Tuple[float, str]] = []
        begun = self.server.move

        def checked(address: str, target: Optional[str]) -> Any:
            self.check(target)
            return begun(address, target)

        self.server.move = checked  # type: ignore[method-assign]
        self.violations: List[str] = []
        self.options = options
        self.nodes = [Node(self, "cp%d" % (number + 1), target, **options) for number, target in enumerate(self.server.servers)]

    def check(self, target: Optional[str]) -> None:
        (node,) = [node for node in self.nodes if node.target == target]
        now = self.clock.now()
        self.ordered.append((now - 1000, node.name))
        if not node.holds:
            self.violations.append("%.1f: %s ordered a move and did not hold the address" % (now, node.name))
        if now - node.quorum_at > node.settings.claim_seconds + STEP:
            self.violations.append("%.1f: %s ordered a move without a quorum since %.1f" % (now, node.name, node.quorum_at))

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> float:
        """Let time pass; how much did."""
        begun = self.clock.now()
        while self.clock.now() - begun < seconds and not until():
            for node in self.nodes:
                node.step()
            self.clock.push(STEP)
            self.server.settle()
        return self.clock.now() - begun

    def route(self) -> Optional[str]:
        target = self.server.routes[self.case.key]
        return next((node.name for node in self.nodes if node.target == target), target)

    def logs(self) -> str:
        return "\n".join("%s %s" % (node.name, line) for node in self.nodes for line in node.log)

    def end(self) -> None:
        self.server.end()
        for node in self.nodes:
            if node.tls is not None:
                node.tls.die()
        assert self.violations == [], self.logs()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return make_authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(name="make_world")
def _make_world(tmp_path: pathlib.Path, authority: pathlib.Path) -> Iterator[Callable[..., World]]:
    made: List[World] = []

    def make(provider: str = "ovh", delay: float = 5.0, tls: bool = False, **options: Any) -> World:
        made.append(World(CASES[provider], tmp_path / str(len(made)), authority, delay, tls, **options))
        return made[-1]

    yield make
    for world in made:
        world.end()


def settled(world: World) -> List[Node]:
    """cp1 holds the address, and it goes there."""
    world.nodes[0].hold(True)
    world.run(20)
    assert world.route() == "cp1", world.logs()
    return world.nodes


@pytest.mark.parametrize("provider", sorted(CASES))
def test_it_follows_the_address_to_another_node(make_world: Callable[..., World], provider: str) -> None:
    # What is said to the API servers is the same for all: over TLS once.
    world = make_world(provider, delay=0.0 if provider == "hetzner_robot" else 5.0, tls=provider == "ovh")
    first, second, _third = settled(world)
    assert world.server.asked("POST") == []  # it was there already
    # Power off: no word of farewell, and VRRP takes two seconds.
    first.stepping, first.api.alive = False, False
    first.hold(False)
    world.run(2)
    second.hold(True)
    took = 2 + world.run(30, lambda: world.route() == "cp2")
    assert world.route() == "cp2" and took <= 10, world.logs()
    world.run(60)
    assert [name for _at, name in world.ordered] == ["cp2"]
    assert second.agent.state()["addresses"][0]["moves"] == 1


def test_who_steps_down_in_good_order_gives_the_claim_up_at_once(make_world: Callable[..., World]) -> None:
    world = make_world()
    first, second, _third = settled(world)
    first.hold(False)
    second.hold(True)
    assert world.run(30, lambda: world.route() == "cp2") <= 7, world.logs()
    assert "claim: given up" in world.logs()


def test_a_holder_that_is_cut_off_never_moves_it_back(make_world: Callable[..., World]) -> None:
    world = make_world()
    first, second, _third = settled(world)
    first.partition()  # its keepalived is alone as well, and stays MASTER
    world.run(2)
    second.hold(True)
    world.run(20, lambda: world.route() == "cp2")
    assert world.route() == "cp2", world.logs()
    world.run(600)
    assert world.route() == "cp2" and [name for _at, name in world.ordered] == ["cp2"]
    # It says so to its keepalived, and to people.
    assert first.files["/run/failover-ip-fitness"] == "1\n"
    assert first.agent.state()["entitled"] is False
    # And when it is back, with VRRP's answer still on its way: the other one has the claim.
    first.partition(False)
    world.run(60)
    assert first.files["/run/failover-ip-fitness"] == "0\n"
    assert world.route() == "cp2" and len(world.ordered) == 1


def test_two_that_both_hold_it_and_both_see_a_quorum_never_flap(make_world: Callable[..., World]) -> None:
    world = make_world()
    first, second, third = settled(world)
    second.hold(True)
    third.hold(True)
    world.run(1800)
    assert world.route() == "cp1" and world.ordered == []


def test_even_claims_that_lapse_again_and_again_move_it_ever_more_seldom(make_world: Callable[..., World]) -> None:
    world = make_world()
    first, second, _third = settled(world)
    second.hold(True)
    for _round in range(60):
        # Each of them loses its API server for longer than its claim lasts, in turn.
        for node in (first, second):
            node.api.alive = False
            world.run(6)
            node.api.alive = True
            world.run(2)
    moments = [at for at, _name in world.ordered]
    gaps = [later - sooner for sooner, later in zip(moments, moments[1:])]
    assert len(moments) <= 6, world.logs()
    # The agents count from the takeover, which is before the order.
    assert all(gap >= 30 * 2**number - 10 for number, gap in enumerate(gaps)), gaps


@pytest.mark.parametrize("provider", ["ovh", "hetzner_robot"])
def test_a_provider_that_is_down_for_a_minute_is_asked_until_it_answers(make_world: Callable[..., World], provider: str) -> None:
    world = make_world(provider, delay=0.0)
    first, second, _third = settled(world)
    world.server.down = True
    first.stepping, first.api.alive = False, False
    first.hold(False)
    second.hold(True)
    world.run(60)
    assert world.route() == "cp1"
    world.server.down = False
    assert world.run(60, lambda: world.route() == "cp2") <= 20, world.logs()


def test_an_outage_of_an_hour_stays_within_robots_hundred_requests(make_world: Callable[..., World]) -> None:
    world = make_world("hetzner_robot", delay=0.0)
    first, second, _third = settled(world)
    world.server.down = True
    first.hold(False)
    second.hold(True)
    world.server.requests.clear()
    world.run(3600)
    assert 10 < len(world.server.requests) <= 100
    world.server.down = False
    assert world.run(200, lambda: world.route() == "cp2") <= 120


def test_a_quiet_hour_asks_a_provider_no_more_than_it_likes(make_world: Callable[..., World]) -> None:
    world = make_world("hetzner_robot", delay=0.0)
    settled(world)
    world.server.requests.clear()
    world.run(3600)
    assert len(world.server.requests) <= 25
    assert world.server.asked("POST") == []


def test_an_order_is_not_sent_by_who_lost_the_address_while_it_waited(make_world: Callable[..., World]) -> None:
    world = make_world(delay=0.0)
    first, second, _third = settled(world)
    world.server.fail("/move$", Reply(409, {"message": "Action pending"}), times=10)
    first.hold(False)
    second.hold(True)
    world.run(6)
    second.hold(False)
    first.hold(True)
    world.server.faults.clear()
    world.run(60)
    assert world.route() == "cp1" and world.ordered == []


def test_a_task_that_runs_is_taken_up_by_a_restarted_agent(make_world: Callable[..., World]) -> None:
    world = make_world(delay=20.0)
    first, second, _third = settled(world)
    first.hold(False)
    second.hold(True)
    world.run(8)
    assert len(world.ordered) == 1
    restarted = Node.__new__(Node)
    restarted.__dict__.update(second.__dict__)
    second.agent.step = lambda: None  # type: ignore[method-assign]
    provider = world.case.client(world.server)
    restarted.agent = Agent(
        second.settings,
        second.local,
        second.agent.holder,
        lambda _address: provider,
        restarted.log.append,
        world.clock,
        wall=world.clock.wall,
        worker=lambda: SimulatedWorker(world.clock),
    )
    world.nodes.append(restarted)
    world.run(40)
    world.nodes.remove(restarted)
    assert world.route() == "cp2" and len(world.ordered) == 1, world.logs()


def test_somebody_elses_move_is_corrected_and_not_fought_over(make_world: Callable[..., World]) -> None:
    world = make_world(delay=0.0)
    settled(world)
    for _round in range(40):
        world.server.routes[world.case.key] = "somebody"
        world.run(90)
    moments = [at for at, _name in world.ordered]
    assert world.ordered[0][1] == "cp1" and 3 <= len(moments) <= 9, moments
    assert moments[1] - moments[0] >= 30 and moments[-1] - moments[-2] >= 600


def test_the_word_of_a_keepalived_that_was_killed_does_not_count(make_world: Callable[..., World]) -> None:
    world = make_world(delay=0.0)
    first, second, _third = settled(world)
    first.hold(True, alive=False)
    first.holds = False
    second.hold(True)
    world.run(20)
    assert world.route() == "cp2"
    assert "runs no more" in world.logs()


@pytest.mark.parametrize(
    ("break_it", "word", "tls"),
    [
        (lambda node: node.write("run/state", "FAULT 4711\n"), "in the state FAULT", False),
        (lambda node: node.write("run/state", ""), "has not said its state", False),
        (lambda node: node.write("proc/net/fib_trie", FIB % ""), "is on no interface", False),
        (lambda node: setattr(node.api, "is_ready", False), "HTTP 500", False),
        (lambda node: setattr(node.api, "quorum", False), "HTTP 500", False),
        (lambda node: setattr(node.api, "alive", False), "closed", True),
        (lambda node: (node.root / "kube" / "kubeconfig").unlink(), "No such file", True),
    ],
)
def test_each_piece_of_evidence_is_needed(
    make_world: Callable[..., World], break_it: Callable[[Node], Any], word: str, tls: bool
) -> None:
    world = make_world(delay=0.0, tls=tls)
    first, second, _third = settled(world)
    first.hold(False)
    first.stepping = False
    second.hold(True)
    break_it(second)
    world.run(30)
    assert world.ordered == [] and world.route() == "cp1"
    assert word.lower() in world.logs().lower(), world.logs()
    assert second.agent.state()["entitled"] is False


def test_one_node_that_is_left_with_a_quorum_needs_nobody_else(make_world: Callable[..., World]) -> None:
    world = make_world(delay=5.0)
    first, second, third = settled(world)
    for node in (first, second):
        node.stepping, node.api.alive = False, False
        node.hold(False)
    third.hold(True)
    assert world.run(30, lambda: world.route() == "cp3") <= 10, world.logs()


def test_a_dry_run_says_what_it_would_do_and_leaves_no_trace(make_world: Callable[..., World]) -> None:
    world = make_world(delay=0.0, dry_run=True)
    _first, second, _third = world.nodes
    second.hold(True)
    world.run(60)
    assert world.ordered == [] and world.store.objects == {} and second.files == {}
    assert "would be moved to %s" % second.target in world.logs()
    assert world.logs().count("would be moved") == 1


def test_a_lease_is_followed_as_well(make_world: Callable[..., World]) -> None:
    world = make_world(delay=0.0, follow="lease", lease_identity="x")
    path = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/plndr-cp-lock"

    def renew(holder: str, number: int) -> None:
        spec = {"holderIdentity": holder, "leaseDurationSeconds": 5, "renewTime": str(number)}
        world.store.put(path, {"metadata": {"name": "plndr-cp-lock"}, "spec": spec})

    for holder, node in (("cp1", 0), ("cp2", 1)):
        for number in range(15):
            for other in world.nodes:
                other.hold(other is world.nodes[node], state="NOTHING")
            renew(holder, number)
            world.run(1)
        assert world.route() == holder, world.logs()
    # Not renewed any more: nobody's.
    world.run(20)
    assert world.nodes[1].agent.state()["entitled"] is False
    assert "is not renewed" in world.logs()


def test_a_refused_login_is_not_tried_again_soon(make_world: Callable[..., World]) -> None:
    world = make_world("hetzner_robot", delay=0.0)
    _first, second, _third = world.nodes
    second.hold(True)
    world.server.fail(".", Reply(401, {"error": {"status": 401, "code": "UNAUTHORIZED", "message": "no"}}), times=99)
    world.run(600)
    assert len(world.server.requests) == 2
    assert "three wrong logins" in world.logs()


def test_a_short_loss_of_the_quorum_is_no_reason_to_move(make_world: Callable[..., World]) -> None:
    world = make_world()
    first, _second, _third = settled(world)
    for _round in range(5):
        for node in world.nodes:
            node.partition()
        world.run(3)
        for node in world.nodes:
            node.partition(False)
        world.run(10)
    assert all(node.files["/run/failover-ip-fitness"] == "0\n" for node in world.nodes)
    assert world.route() == "cp1" and world.ordered == []


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_only_who_may_moves_it_and_it_arrives(make_world: Callable[..., World], seed: int) -> None:
    """Nodes, quorum, addresses and the provider come and go by chance; `World.check` looks at every order."""
    world = make_world(("ovh", "hetzner_cloud", "scaleway")[seed % 3])
    chance = random.Random(seed)
    nodes = settled(world)
    for _event in range(40):
        node = chance.choice(nodes)
        what = chance.randrange(6)
        if what == 0:
            node.hold(not node.holds)
        elif what == 1:
            for other in nodes:
                other.hold(other is node)
        elif what == 2:
            node.partition(node.api.quorum)
        elif what == 3:
            node.api.alive = not node.api.alive
        elif what == 4:
            world.server.down = not world.server.down
        else:
            node.stepping = not node.stepping
        world.run(chance.choice((0.5, 1, 3, 8, 20)))
    # All is well again, on one node.
    world.server.down = False
    for node in nodes:
        node.stepping, node.api.alive = True, True
        node.partition(False)
        node.hold(node is nodes[2])
    world.run(1900, lambda: world.route() == "cp3")
    assert world.route() == "cp3", world.logs()
    count = len(world.ordered)
    world.run(120)
    assert len(world.ordered) == count


def test_the_metrics_are_prometheus_text(make_world: Callable[..., World]) -> None:
    world = make_world(delay=0.0)
    second = world.nodes[1]
    second.hold(True)
    world.run(5)
    lines = text(second.agent.state(), 1_790_000_000.5).splitlines()
    assert 'kubernetes_failover_ip_evidence{kind="holds"} 1' in lines
    assert "kubernetes_failover_ip_entitled 1" in lines
    assert 'kubernetes_failover_ip_routed_here{address="203.0.113.10"} 1' in lines
    assert 'kubernetes_failover_ip_moves_total{address="203.0.113.10"} 1' in lines
    assert "kubernetes_failover_ip_step_timestamp_seconds 1790000000.500" in lines
    assert all(line.startswith(("# HELP", "# TYPE", "kubernetes_failover_ip_")) for line in lines)
