"""A host made of two dictionaries: files by path, and answers by command line."""

from __future__ import annotations

import posixpath
from typing import Dict, List, Mapping, Optional, Sequence, Tuple, Union

from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, Result


class FakeRunner:
    """Answers from what a test gives; a command that the test did not foresee is missing from the host (rc 127)."""

    def __init__(
        self,
        files: Optional[Mapping[str, Union[str, bytes]]] = None,
        commands: Optional[Mapping[Tuple[str, ...], Union[Result, str]]] = None,
        links: Optional[Mapping[str, str]] = None,
        now: float = 1_790_000_000.0,
    ) -> None:
        self.files: Dict[str, Union[str, bytes]] = dict(files or {})
        self.commands = dict(commands or {})
        self.links = dict(links or {})
        self.calls: List[Tuple[str, ...]] = []
        self._now = now

    def run(
        self,
        argv: Sequence[str],
        timeout: Optional[float] = None,
        stdin: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
    ) -> Result:
        self.calls.append(tuple(argv))
        answer = self.commands.get(tuple(argv), Result(NOT_FOUND, "", "%s: not found" % argv[0]))
        return Result(0, answer, "") if isinstance(answer, str) else answer

    def read(self, path: str) -> Optional[str]:
        content = self.read_bytes(path)
        return None if content is None else content.decode("utf-8", "replace")

    def read_bytes(self, path: str) -> Optional[bytes]:
        content = self.files.get(self.links.get(path, path))
        return content.encode() if isinstance(content, str) else content

    def list_dir(self, path: str) -> List[str]:
        prefix = path.rstrip("/") + "/"
        paths = list(self.files) + list(self.links)
        return sorted({known[len(prefix):].split("/")[0] for known in paths if known.startswith(prefix)})

    def exists(self, path: str) -> bool:
        return path in self.files or path in self.links or bool(self.list_dir(path))

    def realpath(self, path: str) -> str:
        return self.links.get(path, posixpath.normpath(path))

    def identity(self, path: str) -> Optional[str]:
        content = self.read_bytes(path)
        return None if content is None else content.hex()

    def which(self, name: str) -> Optional[str]:
        for program in self.commands:
            if posixpath.basename(program[0]) == name:
                return "/usr/bin/" + name
        return None

    def now(self) -> float:
        return self._now
