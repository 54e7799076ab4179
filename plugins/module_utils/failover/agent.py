# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent: each step looks at all the evidence anew, and only who has all of it may move the address.

A node moves it while, at the same time,

- keepalived (or the lease that is followed) says that this node holds it, and it is on an interface here;
- this node's own API server is ready, and an answer came through it that only a quorum of etcd can give;
- this node has the claim, which one node at a time can have, renewed within its time by this node's own clock.

Whoever lacks one of these sends nothing, breaks off what is being sent, and after a while tells keepalived so by the fitness file,
which takes the address off this node. Nobody else is needed for a step, neither another node nor the virtual address itself.
"""

from __future__ import annotations

import threading
import time
import traceback
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.api import LocalApi, Seen
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.claim import (
    BackOff,
    Claim,
    Watch,
    decide,
    read,
    released,
    taken,
    write,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.holder import Holder
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.settings import Settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.base import Provider
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.errors import (
    Abandoned,
    BusyError,
    CredentialsError,
    ProviderError,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.move import Clock, Outcome, bring, words

#: Seconds before the second, third … try after something that the provider refused.
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
#: After a refused login: at Hetzner Robot three within ten minutes lock the node out.
LOGIN_PAUSE = 300.0
LONGEST_PAUSE = 900.0
#: What a node may ask for at once without the pause between two looks at a route.
BURST = 10.0
#: A try is given up after so long and begun anew, which looks at all of it again.
TRY_SECONDS = 300.0

Log = Callable[[str], None]


class BreakableClock(Clock):
    """The agent's clock in a thread of its own, whose sleep ends when the agent loses its right."""

    def __init__(self, clock: Clock, broken: threading.Event) -> None:
        self._clock = clock
        self._broken = broken

    def now(self) -> float:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        if self._broken.wait(seconds):
            raise Abandoned()


class Result(NamedTuple):
    outcome: Optional[Outcome]
    error: Optional[Exception]


class Worker:
    """One try to move one address, beside the steps: a provider may take a minute to answer."""

    def __init__(self) -> None:
        self.result: Optional[Result] = None
        self.broken = threading.Event()
        self.abort: Callable[[], None] = lambda: None

    def begin(self, work: Callable[[], Outcome]) -> None:
        threading.Thread(target=self.run, args=(work,), daemon=True).start()

    def run(self, work: Callable[[], Outcome]) -> None:
        try:
            self.result = Result(work(), None)
        except (ProviderError, Abandoned) as error:
            self.result = Result(None, error)
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not end the agent, nor be hidden
            # Without the error's own words, which may hold anything.
            place = traceback.extract_tb(error.__traceback__)[-1]
            problem = "%s in line %s of %s" % (type(error).__name__, place.lineno, place.filename)
            self.result = Result(None, ProviderError("agent", problem, "report it as a bug"))

    def break_off(self) -> None:
        self.broken.set()
        self.abort()

    def clock(self, clock: Clock) -> Clock:
        return BreakableClock(clock, self.broken)


class Address:
    """What is known of one failover address."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.worker: Optional[Worker] = None
        #: When the provider is to be asked next.
        self.due = 0.0
        self.failures = 0
        #: None while it is not known.
        self.here: Optional[bool] = None
        #: When this node moved it, seconds since the epoch.
        self.moves: List[float] = []
        self.moved = 0
        self.errors = 0
        self.confirmed = 0.0


class Agent:
    """``step`` does one round and never raises for what a node or a provider may lack."""

    def __init__(
        self,
        settings: Settings,
        api: LocalApi,
        holder: Holder,
        provider: Callable[[str], Provider],
        log: Log,
        clock: Clock,
        wall: Callable[[], float] = time.time,
        worker: Callable[[], Worker] = Worker,
        tell: Callable[[str, str], None] = lambda _path, _text: None,
    ) -> None:
        self.settings = settings
        self.api = api
        self.holder = holder
        self.provider = provider
        self.log = log
        self.clock = clock
        self.wall = wall
        self.worker = worker
        self.tell = tell
        self.back_off = BackOff(settings.backoff, settings.backoff_max)
        self.addresses = [Address(text) for text in settings.addresses]
        self.watch = Watch()
        self.claim: Optional[Claim] = None
        self.entitled_until: Optional[float] = None
        self.evidence: Dict[str, Seen] = {}
        self.said: Dict[str, str] = {}
        self.fit: Optional[bool] = None
        self.unfit_since: Optional[float] = None
        self.budget = BURST
        self.budget_at = clock.now()

    # --- One round ------------------------------------------------------------------------------------------------------------

    def step(self) -> None:
        begun = self.clock.now()
        seen = {"holds": self.holder.look(begun), "ready": self.api.ready()}
        claimed = self.api.read(self.settings.claim_namespace, self.settings.claim_name)
        seen["quorum"] = Seen(claimed.good, claimed.why)
        self._note(seen)
        if claimed.good:
            self.claim = read(claimed.data) if claimed.data is not None else None
            self.watch.saw(self.claim, self.clock.now())
        self._fitness(seen["ready"].good and seen["quorum"].good)
        lacking = [name for name in ("holds", "ready", "quorum") if not seen[name].good]
        if lacking:
            until = self.entitled_until
            if seen["holds"].good and until is not None and self.clock.now() < until:
                # The claim proves a quorum of at most its own time ago: what runs may go on, and nothing new begins.
                return
            self._stop("; ".join(seen[name].why for name in lacking))
            if claimed.good and self.claim is not None and self.claim.holder == self.settings.node:
                self._release()
            return
        if self._claim(begun):
            for address in self.addresses:
                self._attend(address)

    def entitled(self) -> bool:
        """Asked right before each order to the provider, from the worker's thread."""
        until = self.entitled_until
        return until is not None and self.clock.now() < until and self.holder.local().good

    def _claim(self, begun: float) -> bool:
        """Whether the claim is ours. Its time counts from before the request that renewed it, so never longer than others think."""
        node, duration = self.settings.node, self.settings.claim_seconds
        silent = self.claim is not None and self.watch.silent(self.claim, self.clock.now())
        verdict = decide(self.claim, node, silent, self.wall(), self.back_off)
        self._say("claim", verdict.why)
        if not verdict.may:
            self._stop(verdict.why)
            return False
        until = self.entitled_until
        if until is not None and not verdict.new and until - begun > duration * 2 / 3:
            return True
        if self.settings.dry_run:
            self.entitled_until = begun + duration
            return True
        wanted = taken(self.claim, node, verdict.new, self.wall(), duration)
        written = self.api.write(write(wanted, self.settings.claim_namespace, self.settings.claim_name))
        if not written.good:
            self._say("claim", "it could not be written: " + written.why)
            if until is None or self.clock.now() >= until:
                self._stop(written.why)
                return False
            return True
        self.entitled_until = begun + duration
        if verdict.new or until is None:
            self.log("claim: taken")
        return True

    def _release(self) -> None:
        if self.claim is not None and not self.settings.dry_run:
            lease = write(released(self.claim, self.wall()), self.settings.claim_namespace, self.settings.claim_name)
            if self.api.write(lease).good:
                self.log("claim: given up")

    def _stop(self, why: str) -> None:
        """Nothing is sent from here on; what is on its way is broken off."""
        if self.entitled_until is not None:
            self.log("no right to move the address any more: %s" % why)
        self.entitled_until = None
        for address in self.addresses:
            self._collect(address)
            if address.worker is not None:
                address.worker.break_off()
            # Whoever gets the right again looks first.
            address.here = None
            address.due = 0.0 if not address.failures else address.due

    # --- The provider ---------------------------------------------------------------------------------------------------------

    def _attend(self, address: Address) -> None:
        self._collect(address)
        now = self.clock.now()
        if address.worker is not None or now < address.due or not self._spend():
            return
        provider = self.provider(address.text)
        # Who takes it away from us? Not us against them, one move a second.
        wall = self.wall()
        too_soon = wall < self.back_off.until(address.moves[1:], wall)
        act = not self.settings.dry_run and not too_soon
        worker = self.worker()
        worker.abort = provider.http.abort
        address.worker = worker
        clock = worker.clock(self.clock)
        timeout = min(TRY_SECONDS, self.settings.timeout)
        worker.begin(lambda: self._try(provider, timeout, clock, act, worker))
        self._collect(address)

    def _try(self, provider: Provider, timeout: float, clock: Clock, act: bool, worker: Worker) -> Outcome:
        return bring(
            provider,
            self.settings.target,
            timeout,
            clock,
            may_act=lambda: not worker.broken.is_set() and self.entitled(),
            act=act,
            patient=False,
        )

    def _collect(self, address: Address) -> None:
        """What the worker brought back, if it has."""
        worker = address.worker
        if worker is None or worker.result is None:
            return
        address.worker = None
        outcome, error = worker.result
        now = self.clock.now()
        if isinstance(error, Abandoned):
            address.due = now
        elif error is not None:
            self._failed(address, error, now)
        elif outcome is not None:
            self._arrived(address, outcome, now)

    def _arrived(self, address: Address, outcome: Outcome, now: float) -> None:
        address.failures = 0
        address.confirmed = self.wall()
        address.due = now + (self.settings.check_interval or self.provider(address.text).limits.check)
        for step in outcome.steps:
            self.log("%s: %s" % (address.text, step))
        if not outcome.steps and outcome.before != outcome.after:
            would = "would be moved" if self.settings.dry_run else "is left there for a while, having been moved here so lately,"
            self._say(address.text, "it goes to %s, and %s to %s" % (words(outcome.before), would, words(outcome.after)))
            address.here = False
            return
        if address.here is not True:
            moved = outcome.before != outcome.after
            self.log("%s: it goes to this node%s" % (address.text, ", moved from %s" % words(outcome.before) if moved else ""))
        address.here = True
        if outcome.before != outcome.after:
            address.moved += 1
            address.moves = (address.moves + [self.wall()])[-20:]

    def _failed(self, address: Address, error: Exception, now: float) -> None:
        pause = PAUSES[min(address.failures, len(PAUSES) - 1)]
        if isinstance(error, CredentialsError):
            pause = LOGIN_PAUSE
        elif isinstance(error, BusyError):
            pause = min(error.retry_after or pause, LONGEST_PAUSE)
        elif address.failures >= len(PAUSES):
            # Neither busy nor out of order: it needs a person.
            pause = 60.0
        address.failures += 1
        address.errors += 1
        address.due = now + pause
        self.log("%s: %s Next try in %g s." % (address.text, error, pause))

    def _spend(self) -> bool:
        """Whether the provider may be asked now: so many tries at once, and then one in each pause between two looks."""
        now = self.clock.now()
        rate = self.settings.check_interval or self.provider(self.addresses[0].text).limits.check
        self.budget = min(BURST, self.budget + 2 * (now - self.budget_at) / rate)
        self.budget_at = now
        if self.budget < 1:
            self._say("provider", "it is not asked for a while: too many tries")
            return False
        self.budget -= 1
        return True

    # --- What others see ------------------------------------------------------------------------------------------------------

    def _fitness(self, good: bool) -> None:
        """keepalived reads 0 for fit and 1 for not; a short loss, as while etcd elects, is not worth moving the address."""
        now = self.clock.now()
        self.unfit_since = None if good else now if self.unfit_since is None else self.unfit_since
        fit = self.unfit_since is None or now - self.unfit_since < self.settings.unfit_after
        if fit != self.fit and (good or not fit):
            if self.fit is not None or not fit:
                self.log("this node is %s to hold the address" % ("fit" if fit else "not fit"))
            self.fit = fit
            if self.settings.fitness_file and not self.settings.dry_run:
                self.tell(self.settings.fitness_file, "%d\n" % (not fit))

    def _note(self, seen: Dict[str, Seen]) -> None:
        for name, text in (
            ("holds", "holds the address"),
            ("ready", "its API server is ready"),
            ("quorum", "it sees etcd's quorum"),
        ):
            before, now = self.evidence.get(name), seen[name]
            if before is None or (before.good, before.why) != (now.good, now.why):
                self.log("%s: %s" % (text, "yes" if now.good else "no, %s" % now.why))
        self.evidence = seen

    def _say(self, about: str, text: str) -> None:
        """Once, until something else is to be said about it."""
        if self.said.get(about) != text:
            self.said[about] = text
            self.log("%s: %s" % (about, text))

    def state(self) -> Dict[str, Any]:
        """For the metrics."""
        until = self.entitled_until
        return {
            "evidence": {name: seen.good for name, seen in self.evidence.items()},
            "entitled": until is not None and self.clock.now() < until,
            "fit": self.fit is not False,
            "dry_run": self.settings.dry_run,
            "addresses": [
                {
                    "address": address.text,
                    "here": address.here is True,
                    "moves": address.moved,
                    "errors": address.errors,
                    "confirmed": address.confirmed,
                }
                for address in self.addresses
            ],
        }
