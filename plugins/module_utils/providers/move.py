# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings an address to where it should be: reads first, sends one order, and follows it to its end."""

from __future__ import annotations

import itertools
import time
from typing import Callable, List, NamedTuple, Optional, TypeVar

from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.base import Provider, Route, Task
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.errors import Abandoned, BusyError, ProviderError

#: Seconds before the second, third … try; the last one is used from then on.
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


Found = TypeVar("Found")


class Clock:
    """Seconds that only ever grow."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Outcome(NamedTuple):
    before: Optional[str]
    after: Optional[str]
    #: One line for each thing that happened.
    steps: List[str]


def words(target: Optional[str]) -> str:
    return target if target is not None else "nobody"


def bring(
    provider: Provider,
    wanted: Optional[str],
    timeout: float,
    clock: Clock,
    may_act: Callable[[], bool] = lambda: True,
    act: bool = True,
    patient: bool = True,
) -> Outcome:
    """Have the address sent to ``wanted``; None is nobody.

    ``may_act`` is asked right before each order is sent. Without ``act`` nothing is sent, and the answer says what would be.
    Who is not ``patient`` hears at once of a lock or an outage, and tries again in their own time.

    :raises Abandoned: ``may_act`` said no.
    :raises ProviderError: it can't be done; after ``timeout`` seconds of locks and outages BusyError.
    """
    move = _Move(provider, clock.now() + timeout, timeout, clock, may_act, patient)
    if wanted is not None:
        name = wanted
        move.wanted = move.patiently(lambda: provider.resolve(name))
    before = move.patiently(provider.read)
    if not act or (before.settled and before.target == move.wanted):
        return Outcome(before.target, move.wanted, move.steps)
    after = move.patiently(move.once)
    return Outcome(before.target, after.target, move.steps)


def look(provider: Provider, timeout: float, clock: Clock) -> Route:
    """Where the address goes, asked until there is an answer.

    :raises ProviderError: as ``bring``.
    """
    return _Move(provider, clock.now() + timeout, timeout, clock, lambda: True, True).patiently(provider.read)


class _Move:
    def __init__(
        self, provider: Provider, end: float, timeout: float, clock: Clock, may_act: Callable[[], bool], patient: bool
    ) -> None:
        self.provider = provider
        self.patient = patient
        self.wanted: Optional[str] = None
        self.end = end
        self.timeout = timeout
        self.clock = clock
        self.may_act = may_act
        self.steps: List[str] = []

    def patiently(self, attempt: Callable[[], Found]) -> Found:
        """What ``attempt`` gives, tried again while the provider is busy and there is time."""
        for number in itertools.count():
            try:
                return attempt()
            except BusyError as error:
                if not self.patient:
                    raise
                pause = error.retry_after if error.retry_after is not None else PAUSES[min(number, len(PAUSES) - 1)]
                if self.clock.now() + pause > self.end:
                    raise BusyError(
                        error.subject,
                        "%s (tried %d times in %g s)" % (error.problem, number + 1, self.timeout),
                        error.remedy,
                        error.retry_after,
                    )
                self.steps.append("%s; next try in %g s" % (error.problem, pause))
                self.clock.sleep(pause)
            if not self.may_act():
                raise Abandoned()
        raise AssertionError("count() never ends")

    def once(self) -> Route:
        """One look, and one order if one is needed. An order whose answer was lost shows itself in the next look."""
        route = self.provider.read()
        if route.settled and route.target == self.wanted:
            return route
        task = self.provider.pending()
        if task is not None:
            self.steps.append("%s is on its way to %s already" % (task.identifier, words(task.target)))
            if task.target != self.wanted:
                raise BusyError(
                    "ip", "it is on its way to %s (%s)" % (words(task.target), task.identifier), "wait for it, and see who moves it"
                )
        else:
            if not self.may_act():
                raise Abandoned()
            task = self.provider.start(self.wanted)
            self.steps.append("told %s to send it to %s" % (self.provider.name, words(self.wanted)))
        if task is not None:
            self.follow(task)
        route = self.provider.read()
        if route.target != self.wanted:
            raise BusyError("ip", "it goes to %s and not to %s" % (words(route.target), words(self.wanted)), "who else moves it?")
        return route

    def follow(self, task: Task) -> None:
        """Returns when the task is done."""
        failures = 0
        while True:
            try:
                done = self.provider.poll(task)
                failures = 0
            except BusyError:
                # The task goes on whether we can see it or not.
                failures += 1
                done = None
                if self.clock.now() >= self.end:
                    raise
            if done is not None:
                self.steps.append("%s: %s" % (task.identifier, done.state))
                return
            if self.clock.now() >= self.end:
                raise ProviderError(
                    "task %s" % task.identifier,
                    "it is not done after %g s" % self.timeout,
                    "run it again, which goes on waiting for the same task; see the provider's console",
                )
            self.clock.sleep(self.provider.limits.poll * (1 if not failures else min(2**failures, 15)))
