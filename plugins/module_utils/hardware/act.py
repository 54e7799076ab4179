# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out what ``failover`` decides, a look at a time: each step can be broken off, and the next look takes it up again."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.failover import (
    CORDON,
    DRAIN,
    LEASE,
    MOVE,
    NAMESPACE,
    OPERATION,
    Decision,
    Hold,
    decide,
    lines,
    read_lease,
    read_nodes,
    write_lease,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.settings import UNFIT, Settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.drain import Drainer, Limits, read_node
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import (
    Kubectl,
    KubernetesError,
    remedy_for,
    said,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

FASTER = "somebody else wrote the Lease at the same moment: the next look decides anew"
Write = Callable[[str, str], None]
Log = Callable[[str], None]


class Outcome(NamedTuple):
    """``done`` are steps that were taken, ``failed`` what went wrong, in sentences."""

    decision: Decision
    done: List[str]
    failed: List[str]


class Failover:
    """One look of one control plane."""

    def __init__(self, settings: Settings, kubectl: Kubectl, runner: Runner, write: Write, log: Log) -> None:
        self.settings = settings
        self.kubectl = kubectl
        self.runner = runner
        self.write = write
        self.log = log

    def plan(self) -> Decision:
        """What would be done now. Changes nothing.

        :raises KubernetesError: the API does not answer.
        """
        return self._decide(read_lease(self._lease()))

    def step(self) -> Outcome:
        """Look, decide, and do what is allowed.

        :raises KubernetesError: the API does not answer; then nothing was changed.
        """
        before = self._lease()
        decision = self._decide(read_lease(before))
        for line in lines(decision, self.settings):
            self.log(line)
        if self.settings.dry_run:
            return Outcome(decision, self._tell(False), [])
        hold = read_lease(before)
        if decision.release or (decision.target != hold.node and any(step.allowed for step in decision.steps)):
            wanted = Hold("" if decision.release else decision.target, decision.kinds)
            if not self._write_lease(wanted, before):
                return Outcome(decision, [], [FASTER])
            # Whoever closed another node meanwhile is seen by this second look, or has seen the Lease.
            before = self._lease()
            hold = read_lease(before)
            decision = self._decide(hold)
        actions = {step.action for step in decision.steps if step.allowed}
        done: List[str] = []
        failed: List[str] = []
        try:
            if actions & {CORDON, DRAIN} and hold.node == decision.target:
                done += self._close(hold, before)
                if DRAIN in actions:
                    done += ["%s: evicted %s" % (hold.node, pod) for pod in self._drainer().drain(hold.node).evicted]
        except KubernetesError as error:
            failed.append(str(error))
            self.log(str(error))
        mine = hold.node == self.settings.node_name
        if not mine or decision.keeps_address or decision.steps:
            done += self._tell(mine and MOVE in actions and not decision.keeps_address)
        return Outcome(decision, done, failed)

    def blind(self) -> List[str]:
        """The API has been silent for long: whatever was decided then, keepalived decides alone again."""
        return self._tell(False)

    def _decide(self, hold: Hold) -> Decision:
        now = self.runner.now()
        nodes = read_nodes(self.kubectl.objects("nodes"), self.settings.failover_kinds, now)
        return decide(nodes, hold, self.settings, now)

    def _lease(self) -> Optional[Mapping[str, Any]]:
        subject = "Lease %s/%s" % (NAMESPACE, LEASE)
        return self.kubectl.object(subject, "lease", LEASE, "--namespace=" + NAMESPACE, "--ignore-not-found") or None

    def _write_lease(self, hold: Hold, before: Optional[Mapping[str, Any]]) -> bool:
        """Whether nobody was faster.

        :raises KubernetesError: it can't be written at all.
        """
        document: Dict[str, Any] = write_lease(hold, self.runner.now(), before)
        answer = self.kubectl.run(["replace" if before else "create", "--filename=-"], stdin=json.dumps(document))
        if answer.rc != 0 and ("(Conflict)" in answer.stderr or "(AlreadyExists)" in answer.stderr):
            self.log(FASTER)
            return False
        if answer.rc != 0:
            raise KubernetesError("Lease %s/%s" % (NAMESPACE, LEASE), said(answer), remedy_for(answer))
        return True

    def _drainer(self) -> Drainer:
        settings = self.settings
        limits = Limits(
            settings.drain_timeout, settings.drain_grace_period, settings.delete_empty_dir_data, settings.evict_unmanaged
        )
        return Drainer(self.kubectl, limits, OPERATION)

    def _close(self, hold: Hold, before: Optional[Mapping[str, Any]]) -> List[str]:
        closed = self._drainer().cordon(hold.node)
        ours = closed or read_node(self.kubectl, hold.node).cordoned_by == OPERATION
        if ours and not hold.closed:
            # Noted after it was done: a run that ends between the two does it again, and takes nobody for a person.
            self._write_lease(hold._replace(closed=True), before)
        return ["%s: closed" % hold.node] if closed else []

    def _tell(self, away: bool) -> List[str]:
        """This node's own keepalived; what the file says already is not written again."""
        wanted = "1\n" if away else "0\n"
        before = self.runner.read(UNFIT)
        if before == wanted or (before is None and not away):
            return []
        self.write(UNFIT, wanted)
        words = "gives the addresses away" if away else "may have the addresses"
        return ["%s: keepalived %s" % (self.settings.node_name, words)]
