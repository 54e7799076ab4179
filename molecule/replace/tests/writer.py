"""Writes through the cluster's endpoint, over and over; says how long nobody answered, and what became of the writes.

As a program: writer.py KUBECONFIG SECONDS; SIGTERM ends it earlier.
"""

from __future__ import annotations

import json
import pathlib
import signal
import sys
import threading
import time
from typing import Any, Dict, List

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / ".build" / "collections"))

from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.client import read_access, request  # noqa: E402
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.measure import Sample, counted, outage  # noqa: E402

#: Three take turns, so that one that waits for its answer does not hide what the others see.
THREADS = 3
INTERVAL = 0.15
#: The nodes share two cores with the one who asks.
TIMEOUT = 2.0
OBJECTS = "/api/v1/namespaces/default/configmaps"


class Writer:
    """Runs while its ``with`` block does."""

    def __init__(self, kubeconfig: pathlib.Path) -> None:
        self.access = read_access(str(kubeconfig))
        self.samples: List[Sample] = []
        self.acknowledged: List[str] = []
        self.stopped = threading.Event()
        self.run = "writer-%d" % time.time()
        self.begin = self.end = 0.0

    def __enter__(self) -> "Writer":
        self.begin = time.monotonic()
        self.threads = [threading.Thread(target=self._write, args=(number,)) for number in range(THREADS)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        self.end = time.monotonic()

    def _write(self, thread: int) -> None:
        number = 0
        due = time.monotonic() + INTERVAL * thread
        while not self.stopped.wait(max(0.0, due - time.monotonic())):
            number += 1
            name = "%s-%d-%d" % (self.run, thread, number)
            at = time.monotonic()
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"writer": self.run}}}
            answer = request(self.access, "POST", OBJECTS, body, TIMEOUT)
            good = answer.status == 201
            self.samples.append(Sample(at, time.monotonic() - at, good, answer.error))
            if good:
                self.acknowledged.append(name)
            due = max(due + INTERVAL * THREADS, time.monotonic())

    def since(self, moment: float) -> Dict[str, Any]:
        """longest and total outage, requests sent and failed, from a moment on."""
        found = outage(self.samples, moment, self.end, INTERVAL)
        return {**found, **counted(self.samples, moment, self.end)}

    def lost(self) -> List[str]:
        """Acknowledged writes that the cluster no longer has."""
        answer = request(self.access, "GET", "%s?labelSelector=writer=%s" % (OBJECTS, self.run), None, 30)
        assert answer.status == 200, answer.error
        there = {item["metadata"]["name"] for item in json.loads(answer.body)["items"]}
        return sorted(set(self.acknowledged) - there)

    def clean(self) -> None:
        """Delete what was written."""
        request(self.access, "DELETE", "%s?labelSelector=writer=%s" % (OBJECTS, self.run), None, 30)


def main() -> None:
    writer = Writer(pathlib.Path(sys.argv[1]))
    enough = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: enough.set())
    with writer:
        enough.wait(float(sys.argv[2]))
    print(json.dumps({**writer.since(writer.begin), "acknowledged": len(writer.acknowledged), "lost": writer.lost()}))
    writer.clean()


if __name__ == "__main__":
    main()
