# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches the endpoint while others kill: probes at a fixed pace, writes keys and reads them back, and at the end all of them."""

from __future__ import annotations

import json
import math
import os
import queue
import threading
import time
from typing import Any, Callable, Dict, NamedTuple, Optional, Sequence, Set, TextIO
from urllib.parse import quote

from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.client import Access, Answer, ClientError, request
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.forms import OBJECT

LABEL = "baremetal.kubernetes/drill"
#: Seconds for each call that prepares or ends the drill, when nothing is killed.
PATIENT = 30.0
PAGE = 500

Request = Callable[..., Answer]


class Settings(NamedTuple):
    """What is watched and how often; seconds."""

    directory: str
    run: str
    path: str = "/readyz"
    interval: float = 0.05
    timeout: float = 1.0
    write_interval: float = 0.2
    write_timeout: float = 2.0
    longest: float = 3600.0

    @property
    def namespace(self) -> str:
        return "drill-%s" % self.run


class Verdict(NamedTuple):
    """What became of the keys. ``lost``: acknowledged and not there; ``late``: there though never acknowledged."""

    acknowledged: int
    lost: Sequence[str]
    late: int
    namespace_removed: bool


class Pace:
    """Calls ``work`` at fixed times, each call in a thread of its own kind, so that one that hangs delays none of the next."""

    def __init__(self, interval: float, timeout: float, work: Callable[[int], None]) -> None:
        self._interval = interval
        self._work = work
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._next = 0
        self._begin = time.monotonic()
        # Enough that a slot is free even while every one before it waits for its bound.
        count = int(math.ceil(timeout / interval)) + 2
        self._threads = [threading.Thread(target=self._run, daemon=True) for _number in range(count)]

    def start(self) -> None:
        self._begin = time.monotonic()
        for thread in self._threads:
            thread.start()

    def stop(self, patience: float) -> None:
        """No new calls; returns when those that run have ended."""
        self._stop.set()
        end = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                # A machine that stood still does not make up for what it missed: that would be a burst, and no measure.
                due = int((time.monotonic() - self._begin) / self._interval)
                number = self._next = max(self._next + 1, due)
            if self._stop.wait(max(0.0, self._begin + number * self._interval - time.monotonic())):
                return
            self._work(number)


class Observer:
    """One drill's watch. Its records go to ``probes.jsonl`` and ``writes.jsonl``."""

    def __init__(self, settings: Settings, access: Access, ask: Request = request) -> None:
        self.settings = settings
        self.access = access
        self.prober = access
        self.ask = ask
        self.records: "queue.Queue[Optional[Dict[str, Any]]]" = queue.Queue()
        self.lock = threading.Lock()
        self.acknowledged: Dict[str, str] = {}
        self.unknown: Set[str] = set()
        self.missing: Set[str] = set()
        # One clock for all records that never jumps, in the terms of the other files' clock.
        self.epoch = time.time() - time.monotonic()

    def now(self) -> float:
        return self.epoch + time.monotonic()

    def probe(self, _number: int) -> None:
        """One GET of the endpoint's health."""
        at = self.now()
        answer = self.ask(self.prober, "GET", self.settings.path, None, self.settings.timeout)
        self._record("probe", at, answer)

    def write(self, number: int) -> None:
        """Create one key, and read it back where that was acknowledged."""
        name, value = "key-%06d" % number, "%06d of %s" % (number, self.settings.run)
        at = self.now()
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "labels": {LABEL: "key"}},
            "data": {"value": value},
        }
        answer = self.ask(self.access, "POST", self._keys(), body, self.settings.write_timeout)
        with self.lock:
            if answer.status == 201:
                self.acknowledged[name] = value
            elif answer.status == 0 or answer.status >= 500:
                # Nobody knows whether it was done: neither counts as acknowledged nor as lost.
                self.unknown.add(name)
        self._record("write", at, answer, name)
        if answer.status == 201:
            at = self.now()
            answer = self.ask(self.access, "GET", self._keys(name), None, self.settings.write_timeout)
            if answer.status == 404 or (answer.status == 200 and _value(answer) != value):
                with self.lock:
                    self.missing.add(name)
            self._record("read", at, answer, name)

    def prepare(self) -> None:
        """Remove what killed drills left, and make this one's namespace.

        :raises ClientError: the API does not let us.
        """
        if self.access.anonymous is not None:
            # kubeadm's clusters tell everybody whether they are ready; others want to know who asks.
            anonymous = self.access._replace(context=self.access.anonymous, token="")
            if self.ask(anonymous, "GET", self.settings.path, None, PATIENT).status == 200:
                self.prober = anonymous
        answer = self.ask(self.access, "GET", "/api/v1/namespaces?labelSelector=" + quote(LABEL), None, PATIENT)
        for item in (_page(answer) or {}).get("items") or []:
            self.ask(self.access, "DELETE", "/api/v1/namespaces/" + quote(item["metadata"]["name"]), None, PATIENT)
        body = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": self.settings.namespace, "labels": {LABEL: "namespace"}},
        }
        answer = self.ask(self.access, "POST", "/api/v1/namespaces", body, PATIENT)
        if answer.status != 201:
            raise ClientError(
                "namespace %s" % self.settings.namespace,
                "the API at %s:%d says: %s" % (self.access.host, self.access.port, answer.error),
                "check that the kubeconfig may make namespaces, and that the controller reaches the endpoint",
            )

    def run(self, should_stop: Callable[[], bool], ready: Callable[[], None]) -> None:
        """Watch until told to stop. ``ready`` is called once probes are answered."""
        probes = Pace(self.settings.interval, self.settings.timeout, self.probe)
        writes = Pace(self.settings.write_interval, 2 * self.settings.write_timeout, self.write)
        files = threading.Thread(target=self._save, daemon=True)
        files.start()
        probes.start()
        writes.start()
        end = time.monotonic() + self.settings.longest
        ready()
        while not should_stop() and time.monotonic() < end:
            time.sleep(0.2)
        probes.stop(self.settings.timeout + 5)
        writes.stop(2 * self.settings.write_timeout + 5)
        self.records.put(None)
        files.join(30)

    def conclude(self, patience: float = 120.0) -> Verdict:
        """Read every acknowledged key back, and remove the namespace.

        :raises ClientError: the keys can't be read back at all.
        """
        found = self._read_all(patience)
        with self.lock:
            lost = {name for name, value in self.acknowledged.items() if found.get(name) != value} | self.missing
            late = sum(1 for name in self.unknown if name in found)
            acknowledged = len(self.acknowledged)
        return Verdict(acknowledged, sorted(lost), late, self._remove(patience))

    def _read_all(self, patience: float) -> Dict[str, str]:
        end = time.monotonic() + patience
        while True:
            found: Dict[str, str] = {}
            onward = ""
            while True:
                # Without a resourceVersion this reads with etcd's quorum, not from a cache.
                answer = self.ask(self.access, "GET", "%s?limit=%d%s" % (self._keys(), PAGE, onward), None, PATIENT)
                page = _page(answer)
                if page is None:
                    break
                items = page.get("items") or []
                found.update({item["metadata"]["name"]: (item.get("data") or {}).get("value", "") for item in items})
                token = str((page.get("metadata") or {}).get("continue") or "")
                if not token:
                    return found
                onward = "&continue=" + quote(token, safe="")
                if time.monotonic() > end:
                    break
            if time.monotonic() > end:
                raise ClientError(
                    "the keys that were written",
                    "they can't be read back: %s" % answer.error,
                    "bring the cluster back; they are in namespace %s" % self.settings.namespace,
                )
            time.sleep(1)

    def _remove(self, patience: float) -> bool:
        path = "/api/v1/namespaces/" + self.settings.namespace
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if self.ask(self.access, "DELETE", path, None, PATIENT).status == 404:
                return True
            time.sleep(1)
        return False

    def _keys(self, name: str = "") -> str:
        return "/api/v1/namespaces/%s/configmaps%s" % (self.settings.namespace, "/" + name if name else "")

    def _record(self, kind: str, at: float, answer: Answer, key: str = "") -> None:
        record = {"kind": kind, "at": round(at, 4), "seconds": round(self.now() - at, 4), "ok": 200 <= answer.status < 300}
        if answer.error:
            record["error"] = answer.error
        if key:
            record["key"] = key
        self.records.put(record)

    def _save(self) -> None:
        folder = self.settings.directory
        with open(os.path.join(folder, "probes.jsonl"), "a", encoding="utf-8") as probes, open(
            os.path.join(folder, "writes.jsonl"), "a", encoding="utf-8"
        ) as writes:
            while True:
                record = self.records.get()
                if record is None:
                    return
                stream: TextIO = probes if record["kind"] == "probe" else writes
                stream.write(json.dumps(record, sort_keys=True) + "\n")
                stream.flush()


def _page(answer: Answer) -> Optional[Dict[str, Any]]:
    """A page of a list; None where it is none."""
    try:
        page: Dict[str, Any] = from_json(answer.body, {"items?": [OBJECT], "metadata?": {"continue?": str}})
    except ValueError:
        return None
    return page if answer.status == 200 else None


def _value(answer: Answer) -> str:
    try:
        return str((from_json(answer.body, OBJECT).get("data") or {}).get("value"))
    except ValueError:
        return ""
