"""The host's runner with its files under a directory of a test, as sysfs trees are."""

from __future__ import annotations

import pathlib
from typing import Dict, List, Mapping, Optional, Sequence, Tuple, Union

from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, HostRunner, Result


class RootedRunner(HostRunner):
    """Programs are those that a test gives; none else is there."""

    def __init__(self, root: pathlib.Path, commands: Optional[Mapping[Tuple[str, ...], Union[Result, str]]] = None) -> None:
        self.root = root
        self.commands: Dict[Tuple[str, ...], Union[Result, str]] = dict(commands or {})
        self.moment = 1_790_000_000.0

    def tree(self, files: Mapping[str, str]) -> RootedRunner:
        """Write these files, with the line's end that the kernel gives them."""
        for path, content in files.items():
            there = self.root / path.lstrip("/")
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_text(content + "\n")
        return self

    def run(
        self,
        argv: Sequence[str],
        timeout: Optional[float] = None,
        stdin: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
    ) -> Result:
        answer = self.commands.get(tuple(argv), Result(NOT_FOUND, "", "%s: not found" % argv[0]))
        return Result(0, answer, "") if isinstance(answer, str) else answer

    def read_bytes(self, path: str) -> Optional[bytes]:
        return super().read_bytes(str(self.root) + path)

    def list_dir(self, path: str) -> List[str]:
        return super().list_dir(str(self.root) + path)

    def exists(self, path: str) -> bool:
        return super().exists(str(self.root) + path)

    def now(self) -> float:
        return self.moment
