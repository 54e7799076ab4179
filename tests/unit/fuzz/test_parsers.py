"""Whatever a program prints, a file holds or a server answers: each parser gives a result or its own error. No traceback, no hang.

``make fuzz`` takes 10,000 cases of each, an ordinary run a few.
"""

from __future__ import annotations

import random
from typing import Any, List

import pytest
from fuzz.damage import CASES, SAME, no_hang
from fuzz.parsers import PARSERS, Parser
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

ALL = pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)


@ALL
def test_a_parser_takes_what_is_right(parser: Parser) -> None:
    """Else the cases below would be refused for what is wrong in the table."""
    for sample in parser.samples:
        parser.parse(parser.whole(sample))


@ALL
def test_a_parser_answers_or_refuses_in_its_own_words(parser: Parser) -> None:
    # The number is only a seed, in which there is nothing to shrink.
    @settings(max_examples=CASES, phases=(Phase.explicit, Phase.generate), database=None, derandomize=SAME)
    @given(st.integers(0, 2**48))
    def case(number: int) -> None:
        answers_or_refuses(parser, parser.damaged(random.Random(number)), "case %d: " % number)

    case()


TEXTS = [parser for parser in PARSERS if parser.samples and isinstance(parser.whole(parser.samples[0]), (str, bytes))]
LONG = ("a", "a-", " ", "0", "{", '"', "\n", "=", "a.b", "/")


@pytest.mark.parametrize("parser", TEXTS, ids=lambda parser: parser.name)
def test_a_long_text_takes_a_parser_no_longer_than_its_length(parser: Parser) -> None:
    """A log, a manifest or a page may have a megabyte, and a pattern that looks back at each letter would not end."""
    sample = parser.whole(parser.samples[0])
    if isinstance(sample, bytes):
        texts: List[Any] = [one.encode() * 20_000 for one in LONG] + [sample * 50]
    else:
        texts = (
            [one * 20_000 for one in LONG] + [sample + one * 20_000 for one in LONG] + [sample * (1 + 50_000 // (len(sample) + 1))]
        )
    for text in texts:
        answers_or_refuses(parser, text)


def answers_or_refuses(parser: Parser, given_: Any, case: str = "") -> None:
    try:
        with no_hang():
            parser.parse(given_)
    except parser.refusals as refusal:
        assert str(refusal).strip()
    except BaseException as error:
        raise AssertionError("%s broke by %s%s" % (parser.name, case, _short(given_))) from error


def _short(given_: Any) -> str:
    text = repr(given_)
    return text if len(text) < 3000 else text[:1500] + " ... " + text[-500:]
