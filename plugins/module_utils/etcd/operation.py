# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One member of external etcd on its own host, brought to its wanted state in one call without harm to those that run.

Nothing here deletes data: what has to go is renamed, and only for the member that a person named.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import Callable, ContextManager, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.certificates import (
    Leaf,
    Pair,
    authority_of,
    make_key,
    make_request,
    reason_to_issue,
    sign,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import EtcdClient
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdError, EtcdRefused
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.members import (
    Member,
    Verdict,
    describe,
    has_quorum,
    known_as,
    may_add,
    may_remove,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import (
    AUTHORITY,
    BEGINNING,
    CERTIFICATE_DAYS,
    CLIENT,
    PKI,
    RENEW_BEFORE_DAYS,
    SERVICE,
    SETTINGS,
    UNIT,
    USER,
    Peer,
    Tuning,
    beginning_of,
    certificate_paths,
    environment_text,
    log_directory,
    settings_of,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.user import lacks_user, make_user
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.files import (
    WantedFile,
    apply_file,
    apply_now,
    diff_of,
    modified_at,
    plan_file,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.lock import hold
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.services import parse_properties
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.state import Outcome
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.symptoms import told
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import number_or

LOCK = "/run/baremetal-kubernetes-etcd.lock"
PROPERTIES = "LoadState,ActiveState,UnitFileState,NeedDaemonReload,ExecMainStartTimestampMonotonic"
#: What passes by itself: etcd takes no change until all voters have been connected for five seconds, or while it elects a leader.
PASSING = (
    "unhealthy cluster",
    "not enough started members",
    "leader changed",
    "request timed out",
    "no leader",
    "in sync with leader",
)
#: Seconds between two looks at a member that starts.
PAUSE = 0.3

Connect = Callable[[str, str, str, str], EtcdClient]


class Pod(NamedTuple):
    """What a static pod needs beside the member's own settings: texts of the kubelet's drop-in and of its configuration."""

    image: str
    kubelet_unit: str
    kubelet_config: str


class Wanted(NamedTuple):
    """What the member is to be. ``others`` are the inventory's other members."""

    member: Peer
    others: Sequence[Peer]
    token: str
    data_dir: str
    #: The systemd unit; empty where a static pod runs the member.
    unit: str
    tuning: Tuning
    metrics_urls: Sequence[str] = ()
    arguments: Mapping[str, object] = {}
    sans: Sequence[str] = ()
    certificate_days: int = CERTIFICATE_DAYS
    renew_before_days: int = RENEW_BEFORE_DAYS
    #: The authority where this host does not have it yet.
    authority: Optional[Pair] = None
    #: All members begin together: only then may one without data begin as a new cluster.
    bootstrap: bool = False
    replace: bool = False
    #: Whether to wait until the member serves; a new cluster's members have to be started before any of them can.
    wait: bool = True
    timeout: float = 180
    pod: Optional[Pod] = None


class Situation(NamedTuple):
    """What decides how the member begins. ``members`` is None where nobody who has a quorum answers."""

    data: bool
    members: Optional[Sequence[Member]]
    healthy: bool = False


class Service(NamedTuple):
    """What systemd says; ``started_at`` in seconds since the epoch, 0 for never."""

    active: bool
    failed: bool
    enabled: bool
    needs_daemon_reload: bool
    started_at: float


def opt_in(name: str) -> str:
    """How a person allows a member to be replaced."""
    return "to replace it as a learner from the others: run the playbook external_etcd with -e etcd_replace_member=%s" % name


def plan(own: Peer, situation: Situation, bootstrap: bool, replace: bool) -> List[str]:
    """The steps to membership, of set_aside, remove, add, begin_new, begin_existing, start and promote.

    :raises HostStateError: only a person can decide what has to be done.
    """
    subject = "etcd member %s" % own.name
    members = situation.members
    known = known_as(members or [], own)
    # A learner is what a replaced member is until it has caught up: a run that was stopped goes on with it.
    if situation.data and (not replace or situation.healthy or (known is not None and known.learner)):
        return _plan_living(subject, own, members)
    if members is None:
        if bootstrap and not situation.data:
            return ["begin_new"]
        raise HostStateError(
            subject,
            "its data %s, and no other member answers that has a quorum"
            % ("is to be replaced" if situation.data else "is not there"),
            "bring the other members back first; where they are lost for good, restore a snapshot",
        )
    steps = ["set_aside"] if situation.data else []
    if known is None:
        return steps + ["add", "begin_existing", "promote"]
    if not known.started and own.peer_url in known.peer_urls:
        # Added by a run that was stopped here: go on with that.
        return steps + ["begin_existing"] + (["promote"] if known.learner else [])
    if not known.client_urls and not situation.data and not replace:
        # A founding member that never came up: etcd itself lets only such a one begin as new beside a running cluster.
        return ["begin_new"]
    if replace:
        return steps + ["remove", "add", "begin_existing", "promote"]
    raise HostStateError(
        subject,
        "the others know it as %s, but its data is not there" % describe(known),
        "if a disk is not mounted, mount it; %s" % opt_in(own.name),
    )


def _plan_living(subject: str, own: Peer, members: Optional[Sequence[Member]]) -> List[str]:
    if members is None:
        return ["start"]
    known = known_as(members, own)
    if known is None:
        raise HostStateError(
            subject, "it has data, but the others know no such member: it was removed from the cluster", opt_in(own.name)
        )
    if own.peer_url not in known.peer_urls:
        raise HostStateError(
            subject,
            "the others know it at %s, and it is to be at %s" % (", ".join(known.peer_urls), own.peer_url),
            "restore its address (node_address); %s" % opt_in(own.name),
        )
    return ["start"] + (["promote"] if known.learner else [])


def locked(timeout: float) -> ContextManager[int]:
    """Hold the host's lock: what a killed run left working here is waited for.

    :raises HostStateError: another run still works here after ``timeout`` seconds.
    """
    error = HostStateError("etcd", "another run has been working on this host for %d seconds" % timeout, "wait until it has ended")
    return hold(LOCK, timeout, error)


class Operator:
    """Compares and, unless ``check``, acts. The member is a systemd service; static_pod.py has the other way."""

    #: The systemd service that has to start at boot.
    at_boot = SERVICE
    runs_as = "service etcd"

    def __init__(
        self,
        wanted: Wanted,
        runner: Runner,
        check: bool,
        connect: Connect = EtcdClient,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.wanted = wanted
        self.runner = runner
        self.check = check
        self.connect = connect
        self.pause = pause
        self.outcome = Outcome()
        self.deadline = time.monotonic() + wanted.timeout

    def bring_up(self) -> Outcome:
        """The member as wanted; what was done, and the diff.

        :raises HostStateError: with what is wrong and what to do; what was done stays, and the next run goes on from there.
        """
        self._user()
        self._certificates()
        self._files()
        service = self._service()
        situation = self._situation(service)
        steps = self._plan(situation)
        for step in steps:
            if step == "promote":
                # Only a member that runs can be promoted; _wait does it.
                continue
            if step == "start":
                self._start(service, situation)
            else:
                getattr(self, "_" + step)()
        if not service.enabled:
            argv = ["systemctl", "enable", "--", self.at_boot]
            self._do("service %s" % self.at_boot, "so that it starts at boot", "enable", argv)
        if self.wanted.wait and not self.check:
            self._wait()
            self._end_of_beginning()
        return self.outcome

    # --- files ---

    def _user(self) -> None:
        if lacks_user(self.runner):
            self.outcome.setting("user %s" % USER, "", "created")
            if not self.check:
                make_user(self.runner, self.wanted.data_dir)

    def _certificates(self) -> None:
        authority = self.wanted.authority
        self._file(WantedFile(PKI, "directory", mode="0755"))
        if authority is not None:
            authority_of(authority.certificate, "etcd_ca_certificate")
            self._file(WantedFile(AUTHORITY + ".key", content=authority.key, mode="0600", sensitive=True))
            self._file(WantedFile(AUTHORITY + ".crt", content=authority.certificate))
        for path, common_name, sans, serves in certificate_paths(self.wanted.member, self.wanted.sans):
            self._leaf(Leaf(path, common_name, sans, serves))

    def _leaf(self, leaf: Leaf) -> None:
        certificate, key = self.runner.read(AUTHORITY + ".crt"), self.runner.read(AUTHORITY + ".key")
        if not certificate:
            if not self.check:
                raise HostStateError(AUTHORITY + ".crt", "it is not there", "run the playbook external_etcd, which brings it")
            self.outcome.setting("certificate %s" % leaf.certificate, "", "issued (new)")
            return
        now = self.runner.now()
        reason = reason_to_issue(self.runner, leaf, AUTHORITY + ".crt", self.wanted.renew_before_days, now)
        if not reason:
            self._attributes(leaf)
            return
        self.outcome.setting("certificate %s" % leaf.certificate, "", "issued (%s)" % reason)
        if self.check:
            return
        if not key:
            raise HostStateError(
                AUTHORITY + ".key", "it is not there, so no certificate can be signed", "restore it from another etcd host"
            )
        private = self.runner.read(leaf.key)
        if not private or reason == "it is another key's":
            private = make_key(self.runner)
            apply_now(self.runner, self._key(leaf, private))
        request = make_request(self.runner, private, leaf.common_name)
        text = sign(self.runner, Pair(certificate, key), request, leaf, self.wanted.certificate_days)
        apply_now(self.runner, WantedFile(leaf.certificate, content=text))

    @staticmethod
    def _key(leaf: Leaf, content: str) -> WantedFile:
        owner = {"group": USER, "mode": "0640"} if leaf.serves else {"group": "root", "mode": "0600"}
        return WantedFile(leaf.key, content=content, sensitive=True, **owner)

    def _attributes(self, leaf: Leaf) -> None:
        self._file(self._key(leaf, self.runner.read(leaf.key) or ""))

    def _files(self) -> None:
        wanted = self.wanted
        self._file(WantedFile(SETTINGS, content=environment_text(self._flags())))
        self._unit_files()
        self._file(WantedFile(wanted.data_dir, "directory", mode="0700", owner=USER, group=USER))

    def _flags(self) -> Dict[str, str]:
        wanted = self.wanted
        return settings_of(wanted.member, wanted.data_dir, wanted.tuning, wanted.metrics_urls, wanted.arguments)

    def _unit_files(self) -> None:
        self._file(WantedFile(UNIT, content=self.wanted.unit))

    def _file(self, wanted: WantedFile) -> None:
        change = plan_file(wanted)
        if change is None:
            return
        self.outcome.changes.append("%s: %s" % (wanted.path, change.reason))
        self.outcome.diff.append(diff_of(change))
        if change.content is not None:
            self.outcome.written.append(wanted.path)
        if not self.check:
            apply_file(change, self.runner)

    # --- service ---

    def _service(self) -> Service:
        service = self._read_service()
        if not self.check and (service.needs_daemon_reload or UNIT in self.outcome.written):
            self.runner.run(["systemctl", "daemon-reload"], timeout=120)
            service = self._read_service()
        return service

    def _read_service(self) -> Service:
        return self._read_unit(SERVICE)

    def _read_unit(self, name: str) -> Service:
        result = self.runner.run(["systemctl", "show", "--property=" + PROPERTIES, "--", name + ".service"], timeout=60)
        if result.rc != 0:
            raise HostStateError(
                "systemd", "systemctl show says: %s" % result.stderr.strip(), "this collection needs systemd as init"
            )
        section = parse_properties(result.stdout)
        started = number_or(section.get("ExecMainStartTimestampMonotonic"), 0) / 1e6
        epoch_of_zero = self.runner.now() - time.clock_gettime(time.CLOCK_MONOTONIC)
        return Service(
            active=section.get("ActiveState") in ("active", "activating", "reloading"),
            failed=section.get("ActiveState") == "failed",
            enabled=section.get("UnitFileState") == "enabled",
            needs_daemon_reload=section.get("NeedDaemonReload") == "yes",
            started_at=epoch_of_zero + started if started else 0.0,
        )

    def _start(self, service: Service, situation: Situation) -> None:
        if not service.active:
            self._start_service("it failed" if service.failed else "it does not run")
            return
        outdated = self._outdated(service)
        if outdated:
            self.outcome.setting(self.runs_as, outdated, "restart")
            if not self.check:
                self._gate(situation)
                self._restart()

    def _outdated(self, service: Service) -> str:
        """Why it has to be restarted; empty where it need not."""
        for path in (SETTINGS, UNIT, AUTHORITY + ".crt"):
            changed = modified_at(path)
            if path in self.outcome.written or (changed is not None and changed > service.started_at):
                return "%s changed after its start" % path
        return ""

    def _start_service(self, reason: str) -> None:
        self.outcome.setting(self.runs_as, reason, "start")
        if not self.check:
            self._restart()

    def _restart(self) -> None:
        self.runner.run(["systemctl", "reset-failed", "--", SERVICE], timeout=30)
        # Not `start`: while it restarts again and again, a start would leave it as it is.
        # It is ready only with a quorum, which it may be the first of.
        result = self.runner.run(["systemctl", "--no-block", "restart", "--", SERVICE], timeout=60)
        if result.rc != 0:
            raise HostStateError("service etcd", "systemctl restart failed: %s" % result.stderr.strip(), "mend what it names")

    def _stop(self) -> None:
        self.runner.run(["systemctl", "stop", "--", SERVICE], timeout=120)

    def _do(self, subject: str, before: str, after: str, argv: Sequence[str]) -> None:
        self.outcome.setting(subject, before, after)
        if self.check:
            return
        result = self.runner.run(argv, timeout=60)
        if result.rc != 0:
            raise HostStateError(subject, "%s: %s" % (" ".join(argv), result.stderr.strip()), "mend what it names, then run again")

    # --- membership ---

    def _client(self, peer: Peer) -> EtcdClient:
        return self._client_at(peer.client_url)

    def _client_at(self, url: str) -> EtcdClient:
        return self.connect(url, AUTHORITY + ".crt", CLIENT + ".crt", CLIENT + ".key")

    def _situation(self, service: Service) -> Situation:
        data = bool(self.runner.list_dir(log_directory(self.wanted.data_dir, self.wanted.arguments)))
        healthy = data and service.active and self._healthy(self.wanted.member)
        if self.check and not self.runner.exists(CLIENT + ".crt"):
            return Situation(data, None, healthy)
        order = ([self.wanted.member] if healthy else []) + list(self.wanted.others)
        for peer in order:
            if healthy or self._healthy(peer):
                with contextlib.suppress(EtcdError):
                    return Situation(data, self._client(peer).member_list(), healthy)
        return Situation(data, None, healthy)

    def _healthy(self, peer: Peer) -> bool:
        try:
            return self._client(peer).health().healthy
        except EtcdError:
            return False

    def _plan(self, situation: Situation) -> List[str]:
        wanted = self.wanted
        if self.check and situation.members is None and not situation.data and not wanted.bootstrap:
            # Without certificates nobody can be asked yet: the plan of preflight has refused what may not be.
            return ["add", "begin_existing"]
        return plan(wanted.member, situation, wanted.bootstrap, wanted.replace)

    def _others_alive(self) -> Tuple[List[Member], Set[int]]:
        """All members as the first healthy other one knows them, and the ids of those that answer."""
        for peer in self.wanted.others:
            try:
                client = self._client(peer)
                if not client.health().healthy:
                    continue
                members = client.member_list()
            except EtcdError:
                continue
            healthy = set()
            for member in members:
                for url in member.client_urls[:1]:
                    with contextlib.suppress(EtcdError):
                        if self._client_at(url).health().healthy:
                            healthy.add(member.id)
            return members, healthy
        return [], set()

    def _until_safe(self, purpose: str, judge: Callable[[Sequence[Member], Set[int]], Verdict]) -> List[Member]:
        """The members, once the change is safe: what is sick now may be well in a moment."""
        while True:
            members, healthy = self._others_alive()
            verdict = (
                judge(members, healthy) if members else Verdict(False, "no other member answers", "bring the others back first")
            )
            if verdict.safe:
                return members
            if time.monotonic() > self.deadline:
                raise HostStateError(
                    "etcd member %s" % self.wanted.member.name, "it can't be %s: %s" % (purpose, verdict.reason), verdict.remedy
                )
            self.pause(1)

    def _gate(self, situation: Situation) -> None:
        """A restart takes this member away for a moment: the others must have a quorum without it, where they have one with it."""
        if situation.members is None or len(situation.members) < 2:
            return

        def judge(members: Sequence[Member], healthy: Set[int]) -> Verdict:
            own = known_as(members, self.wanted.member)
            rest = healthy - {own.id if own else 0}
            return Verdict(
                has_quorum(members, rest), "the others have no quorum without it", "bring the unhealthy members back first"
            )

        if len([member for member in situation.members if not member.learner]) > 2:
            self._until_safe("restarted", judge)

    def _change(self, purpose: str, change: Callable[[EtcdClient], object]) -> None:
        """A change of the membership through any other member; what passes by itself is tried again for the time that is left."""
        while True:
            problem: Optional[EtcdError] = None
            for peer in self.wanted.others:
                try:
                    change(self._client(peer))
                    return
                except EtcdError as error:
                    problem = error
                    if isinstance(error, EtcdRefused):
                        break
            passing = not isinstance(problem, EtcdRefused) or any(words in problem.message for words in PASSING)
            if not passing or time.monotonic() > self.deadline:
                raise HostStateError(
                    "etcd member %s" % self.wanted.member.name,
                    "it can't be %s: %s" % (purpose, problem.cause if problem else "there are no other members"),
                    problem.remedy if problem else "put them into group etcd",
                )
            self.pause(1)

    def _remove(self) -> None:
        self.outcome.setting("etcd", "member %s without its data" % self.wanted.member.name, "removed from the cluster")
        if self.check:
            return

        def judge(members: Sequence[Member], healthy: Set[int]) -> Verdict:
            known = known_as(members, self.wanted.member)
            return may_remove(members, healthy, known.id) if known else Verdict(True, "it is removed")

        known = known_as(self._until_safe("removed", judge), self.wanted.member)
        if known is not None:
            removed = known.id
            self._change("removed", lambda client: client.member_remove(removed))

    def _add(self) -> None:
        self.outcome.setting("etcd", "no member %s" % self.wanted.member.name, "added as a learner")
        if self.check:
            return
        self._until_safe("added", lambda members, healthy: may_add(members, healthy, True))
        url = self.wanted.member.peer_url

        def add(client: EtcdClient) -> None:
            # An answer that was lost on its way must not end in a second attempt.
            if not any(url in member.peer_urls for member in client.member_list()):
                client.member_add([url], learner=True)

        self._change("added", add)

    def _begin_new(self) -> None:
        members = sorted([self.wanted.member, *self.wanted.others])
        self._begin("new", [(peer.name, peer.peer_url) for peer in members])

    def _begin_existing(self) -> None:
        if self.check:
            self._start_service("it does not run")
            return
        members = self._until_safe("started", lambda known, healthy: Verdict(True, ""))
        own = self.wanted.member
        pairs = [(member.name, url) for member in members for url in member.peer_urls if member.started and url != own.peer_url]
        self._begin("existing", [*pairs, (own.name, own.peer_url)])

    def _begin(self, state: str, members: Sequence[Tuple[str, str]]) -> None:
        text = environment_text(beginning_of(state, self.wanted.token, members))
        self._file(WantedFile(BEGINNING, content=text))
        if BEGINNING in self.outcome.written or not self._read_service().active:
            self._start_service("it begins")

    def _set_aside(self) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self.runner.now()))
        source, target = self.wanted.data_dir + "/member", "%s/member.replaced-%s" % (self.wanted.data_dir, stamp)
        self.outcome.setting(source, "its data", "kept as %s" % target)
        if self.check:
            return
        self._stop()
        os.rename(source, target)

    # --- waiting ---

    def _wait(self) -> None:
        """Until the member serves with a vote. A learner is promoted as soon as it has caught up."""
        reason = "it does not answer"
        checked = time.monotonic()
        while True:
            try:
                client = self._client(self.wanted.member)
                status = client.status()
                if status.learner:
                    self._promote(status.member_id)
                    continue
                health = client.health()
                if health.healthy:
                    return
                reason = health.reason
            except EtcdError as error:
                reason = error.cause
            now = time.monotonic()
            if now > self.deadline:
                raise self._not_up("it is not healthy after %d s: %s" % (self.wanted.timeout, reason))
            if now - checked > 2:
                checked = now
                if self._read_service().failed:
                    raise self._not_up("it ended: %s" % reason)
            self.pause(PAUSE)

    def _promote(self, member_id: int) -> None:
        def promote(client: EtcdClient) -> None:
            if any(member.id == member_id and member.learner for member in client.member_list()):
                client.member_promote(member_id)

        if "etcd: promoted" not in self.outcome.changes:
            self.outcome.setting("etcd", "learner %s" % self.wanted.member.name, "promoted")
        self._change("promoted", promote)
        self.pause(PAUSE)

    def _not_up(self, problem: str) -> HostStateError:
        return HostStateError("etcd member %s" % self.wanted.member.name, *told(problem, self._log()))

    def _log(self) -> str:
        argv = ["journalctl", "--unit", SERVICE, "--lines=12", "--no-pager", "--output=cat"]
        return self.runner.run(argv, timeout=30).stdout.strip()

    def _end_of_beginning(self) -> None:
        # Part of the start that this run or a killed one made: no change of its own.
        apply_now(self.runner, WantedFile(BEGINNING, "absent"))
