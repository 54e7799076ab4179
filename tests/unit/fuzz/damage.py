"""Damages real texts and data as cut files, broken programs and hostile hands do; one number says which damage."""

# Lines as programs write them.
# ruff: noqa: E501
from __future__ import annotations

import copy
import json
import random
import signal
from contextlib import contextmanager
from typing import Any, Iterator, List, Mapping, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, TIMED_OUT, Result
from hypothesis import settings

#: 50 keep an ordinary run short; those of the profile `thorough` are meant.
CASES = 50 if settings.default is None or settings.default.max_examples <= 100 else settings.default.max_examples

#: An ordinary run takes the same cases each time: a new one that breaks a parser is for who looks for it, not for who changes a page.
SAME = CASES == 50
#: What parsers stumble over: digits that are none to int(), numbers without end, half quotes, lone surrogates, other scripts.
WORDS = (
    "", " ", "\n", "\t", "\0", "\r\n", "\x1b[31m", "-", "-1", "0", "1", "²", "٣", "1e400", "nan", "inf", "0x1F",
    "9" * 20, "9" * 5000, "null", "true", "[]", "{}", "[", "]", "{", "}", '"', "'", "\\", "\\ud800", "\\u0000", ":", ": ", "=", ",", ".", "..",
    "/", "../..", "#", "%s", "{{ x }}", "$(id)", "é", "🙂", "\u2028", "\ufeff", "a" * 3000, "[" * 3000, '{"a":' * 3000, "- " * 2000, "<a>", "&x;",
    "0777", "fe80::1%eth0", "::", "0.0.0.0/0", "1.2.3.4", "1.33.6", "True", "unix://",
    "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----",
)  # fmt: skip
VALUES: Sequence[Any] = (
    None, True, False, -1, 0, 1, 2**70, -(2**70), 1.5, 1e308, float("nan"), float("inf"), [], {}, [[]], [None], [{}], [""], {"": None},
    {"a": {"b": [1]}}, "\ud800", *WORDS,
)  # fmt: skip
SECONDS = 5.0


class Hang(BaseException):
    """A parser that doesn't come to an end; no ``except Exception`` swallows it."""


@contextmanager
def no_hang(seconds: float = SECONDS) -> Iterator[None]:
    """Ends what takes more of the processor: a loaded machine makes nothing hang."""

    def ended(_number: int, _frame: Any) -> None:
        raise Hang("more than %g s of processor" % seconds)

    before = signal.signal(signal.SIGPROF, ended)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def text(draw: random.Random, samples: Sequence[str]) -> str:
    """One of the samples with up to four damages; or nothing of it at all."""
    if draw.random() < 0.1:
        return draw.choice(WORDS) * draw.choice((1, 1, 3)) if draw.random() < 0.5 else noise(draw)
    made = draw.choice(samples)
    for _again in range(draw.choice((0, 1, 1, 1, 2, 2, 4))):
        made = _damage(draw, made)
    return made


def noise(draw: random.Random) -> str:
    """Any characters."""
    return "".join(chr(draw.choice((draw.randrange(1, 128), draw.randrange(1, 0xD800)))) for _each in range(draw.randrange(40)))


def _damage(draw: random.Random, made: str) -> str:
    begin = draw.randrange(len(made) + 1)
    end = min(len(made), begin + draw.choice((1, 1, 2, 5, 20, 200)))
    kind = draw.randrange(8)
    if kind == 0:
        return made[:begin]
    if kind == 1:
        return made[:begin] + made[end:]
    if kind == 2:
        return made[:end] + made[begin:end] * draw.choice((1, 2, 30)) + made[end:]
    if kind == 3:
        return made[:begin] + draw.choice(WORDS) + made[begin:]
    if kind == 4:
        return made[:begin] + noise(draw)[:3] + made[begin + 1 :]
    lines = made.splitlines(keepends=True)
    if kind == 5 and lines:
        del lines[draw.randrange(len(lines))]
    elif kind == 6 and lines:
        lines.insert(draw.randrange(len(lines)), draw.choice(lines))
    elif lines:
        # A word for another: a field that has another value than the program ever prints.
        number = draw.randrange(len(lines))
        words = lines[number].split(" ")
        words[draw.randrange(len(words))] = draw.choice(WORDS)
        lines[number] = " ".join(words)
    return "".join(lines)


def data(draw: random.Random, samples: Sequence[Any]) -> Any:
    """One of the samples with up to four values that are missing, repeated or another thing; or another thing altogether."""
    if draw.random() < 0.05:
        return copy.deepcopy(draw.choice(VALUES))
    made = [copy.deepcopy(draw.choice(samples))]
    for _again in range(draw.choice((0, 1, 1, 1, 2, 2, 4))):
        place: Any = made
        key: Any = 0
        while draw.random() < 0.85 and isinstance(place[key], (dict, list)) and place[key]:
            place = place[key]
            key = draw.choice(list(place)) if isinstance(place, dict) else draw.randrange(len(place))
        kind = draw.random()
        if kind < 0.2 and place is not made:
            del place[key]
        elif kind < 0.3 and isinstance(place, list):
            place.append(copy.deepcopy(place[key]))
        elif kind < 0.4 and isinstance(place[key], str):
            place[key] = text(draw, [place[key]])
        else:
            place[key] = copy.deepcopy(draw.choice(VALUES))
    return made[0]


def as_json(draw: random.Random, samples: Sequence[Any]) -> str:
    """JSON of the right form with wrong content, or no JSON at all."""
    made = json.dumps(data(draw, samples))
    return made if draw.random() < 0.8 else text(draw, [made])


class Host:
    """A runner whose programs and files say damaged samples: each the same thing each time within one case."""

    def __init__(
        self,
        draw: random.Random,
        samples: Sequence[str],
        files: Optional[Mapping[str, Sequence[str]]] = None,
        commands: Optional[Mapping[str, Sequence[str]]] = None,
        recorded: Any = None,
    ) -> None:
        self._seed = draw.randrange(2**48)
        self._samples = samples
        self._files = files or {}
        self._commands = commands or {}
        self._recorded = recorded
        self._looks = 0

    def _draw(self, *key: Any) -> random.Random:
        return random.Random("%d %r" % (self._seed, key))

    def run(self, argv: Sequence[str], timeout: Any = None, stdin: Any = None, env: Any = None) -> Result:
        draw = self._draw("run", *argv)
        rc = draw.choice((0, 0, 0, 0, 0, 1, 2, 127 if NOT_FOUND == 127 else NOT_FOUND, TIMED_OUT))
        if self._recorded is not None and draw.random() < 0.95:
            known = self._recorded.run(argv)
            if draw.random() < 0.6:
                return known
            return Result(known.rc, text(draw, [known.stdout]), known.stderr)
        line = " ".join(argv)
        samples = next((found for part, found in self._commands.items() if part in line), self._samples)
        return Result(rc, text(draw, samples), text(draw, samples) if rc else "")

    def read(self, path: str) -> Optional[str]:
        draw = self._draw("read", path)
        if self._recorded is not None:
            known = self._recorded.read(path)
            if known is None or draw.random() < 0.6:
                return known
            return text(draw, [known])
        if draw.random() < 0.1:
            return None
        return text(draw, next((found for part, found in self._files.items() if part in path), self._samples))

    def read_bytes(self, path: str) -> Optional[bytes]:
        found = self.read(path)
        return None if found is None else found.encode("utf-8", "replace")

    def list_dir(self, path: str) -> List[str]:
        draw = self._draw("list", path)
        if self._recorded is not None and draw.random() < 0.9:
            return list(self._recorded.list_dir(path))
        names = [
            name
            for name in text(draw, list(self._samples)).replace("/", " ").replace("\0", " ").split()[:4]
            if name not in (".", "..")
        ]
        return sorted({*names, "a", "sda1"})

    def exists(self, path: str) -> bool:
        if self._recorded is not None and self._draw("exists", path).random() < 0.9:
            return bool(self._recorded.exists(path))
        return self._draw("exists", path).random() < 0.7

    def realpath(self, path: str) -> str:
        return str(self._recorded.realpath(path)) if self._recorded is not None else path

    def identity(self, path: str) -> Optional[str]:
        return None

    def which(self, name: str) -> Optional[str]:
        if self._recorded is not None:
            return self._recorded.which(name)  # type: ignore[no-any-return]
        return "/usr/bin/" + name if self._draw("which", name).random() < 0.8 else None

    def now(self) -> float:
        # Whoever waits by this clock comes to an end.
        self._looks += 1
        return 1_790_000_000.0 + self._looks

    def start(self, argv: Sequence[str], log: str, keep_open: Sequence[int] = ()) -> Any:
        raise FileNotFoundError(2, "no such program", argv[0])
