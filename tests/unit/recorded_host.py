"""Hosts that answer from a recording that tests/fixtures/node/record.py made."""

from __future__ import annotations

import json
import pathlib
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, Result

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "node"


class RecordedHost:
    """A runner that knows what was recorded and lacks everything else."""

    def __init__(self, name: str) -> None:
        self.kept: Dict[str, Any] = json.loads((FIXTURES / name / "recording.json").read_text())
        self.commands = {tuple(c["argv"]): Result(c["rc"], c["stdout"], c["stderr"]) for c in self.kept["commands"]}
        self.calls: List[Sequence[str]] = []

    def run(
        self,
        argv: Sequence[str],
        timeout: Optional[float] = None,
        stdin: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
    ) -> Result:
        self.calls.append(argv)
        return self.commands.get(tuple(argv), Result(NOT_FOUND, "", "%s: not found" % argv[0]))

    def read(self, path: str) -> Optional[str]:
        return self.kept["files"].get(path)

    def read_bytes(self, path: str) -> Optional[bytes]:
        text = self.read(path)
        return None if text is None else text.encode()

    def list_dir(self, path: str) -> List[str]:
        return self.kept["folders"].get(path, [])

    def exists(self, path: str) -> bool:
        return self.kept["exists"].get(path, False)

    def realpath(self, path: str) -> str:
        return self.kept["links"].get(path, path)

    def identity(self, path: str) -> Optional[str]:
        return None

    def which(self, name: str) -> Optional[str]:
        return self.kept["programs"].get(name)

    def now(self) -> float:
        return self.kept["now"]
