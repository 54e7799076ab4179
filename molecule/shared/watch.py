"""Probes and writes while something else is done to a cluster: what its users notice of it. It is the drill's own observer."""

from __future__ import annotations

import json
import pathlib
import sys
import tempfile
import threading
import time
from types import TracebackType
from typing import Any, Dict, List, Optional, Type

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".build" / "collections"))

from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.client import read_access  # noqa: E402
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.measure import Sample, counted, outage  # noqa: E402
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.observe import Observer, Settings  # noqa: E402

INTERVAL = 0.2


class Watch:
    """Watches from ``with`` to its end; then ``result`` says what became of probes and writes."""

    def __init__(self, kubeconfig: pathlib.Path) -> None:
        self.folder = tempfile.TemporaryDirectory()
        settings = Settings(
            directory=self.folder.name, run=time.strftime("%H%M%S"), interval=INTERVAL, timeout=2, write_interval=INTERVAL
        )
        self.observer = Observer(settings, read_access(str(kubeconfig)))
        self.stopped = threading.Event()
        self.result: Dict[str, Any] = {}

    def __enter__(self) -> "Watch":
        self.observer.prepare()
        ready = threading.Event()
        self.thread = threading.Thread(target=self.observer.run, args=(self.stopped.is_set, ready.set), daemon=True)
        self.begun = self.observer.now()
        self.thread.start()
        ready.wait(30)
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        ended = self.observer.now()
        self.stopped.set()
        self.thread.join(120)
        verdict = self.observer.conclude()
        probes, writes = self._samples("probes"), self._samples("writes")
        self.result = {
            "seconds": round(ended - self.begun),
            "probes": counted(probes, self.begun, ended),
            "outage": outage(probes, self.begun, ended, INTERVAL)["longest"],
            "writes": counted(writes, self.begun, ended),
            "write_outage": outage(writes, self.begun, ended, INTERVAL)["longest"],
            "acknowledged": verdict.acknowledged,
            "lost": list(verdict.lost),
        }
        print("watched: %s" % json.dumps(self.result), flush=True)
        self.folder.cleanup()

    def _samples(self, name: str) -> List[Sample]:
        lines = (pathlib.Path(self.folder.name) / (name + ".jsonl")).read_text().splitlines()
        records = [json.loads(line) for line in lines]
        return [
            Sample(one["at"], one["seconds"], one["ok"], one.get("error", ""))
            for one in records
            if one.get("kind", "probe") in ("probe", "write")
        ]
