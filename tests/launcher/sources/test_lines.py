r"""Lines of bytes that arrive in pieces: the same lines and offsets, wherever the bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.sources.lines import LONGEST_BYTES, Lines

PIECES = [
    b"a",
    b"\n",
    b"\r",
    b"\x1b[32m",
    b"\x1b]0;title\x07",
    b"\x08",
    b"\x00",
    b"\xff\xfe",
    b" ",
    b"loss 3",
    b"\x1b",
    b"[",
]


def lines_of(pieces: list[bytes], offset: int = 0) -> list[tuple[bytes, int]]:
    lines = Lines(offset)
    return [line for piece in pieces for line in lines.split(piece)] + lines.finish()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"a\nb\n", [(b"a", 2), (b"b", 4)]),
        (b"a\r\nb\r\n", [(b"a", 2), (b"b", 5)]),
        (b"\r 10%\r 20%\n", [(b" 10%", 6), (b" 20%", 11)]),
        (b"\n\n\na\n", [(b"a", 5)]),
        (b"\x1b[1;32mloss\x1b[0m 3\n", [(b"loss 3", 18)]),
        (b"\x1b]8;;http://x\x1b\\loss 3\x1b[K\n", [(b"loss 3", 25)]),
        (b"\x08\x08\x08acc 1\n", [(b"acc 1", 9)]),
        (b"a\x00b\xff\n", [(b"a\x00b\xff", 5)]),
        (b"no end", [(b"no end", 6)]),
        (b"", []),
    ],
)
def test_lines_end_at_a_line_feed_or_a_carriage_return_and_are_plain(
    text: bytes, expected: list[tuple[bytes, int]]
) -> None:
    assert lines_of([text]) == expected


@given(st.lists(st.sampled_from(PIECES), max_size=40), st.data())
def test_a_text_that_is_cut_anywhere_gives_the_same_lines(parts: list[bytes], data: st.DataObject) -> None:
    text = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert lines_of(pieces) == lines_of([text])
    assert lines_of([text[place : place + 1] for place in range(len(text))]) == lines_of([text])


def test_a_line_waits_for_its_end() -> None:
    lines = Lines(offset=100)
    assert lines.split(b"los") == []
    assert lines.split(b"s 3\nlo") == [(b"loss 3", 107)]
    assert lines.finish() == [(b"lo", 109)]
    assert lines.finish() == []


def test_a_line_of_a_megabyte_is_cut_and_the_next_line_is_whole() -> None:
    text = b"x" * (1 << 20) + b"\nloss 3\n"
    expected = [(b"x" * LONGEST_BYTES, (1 << 20) + 1), (b"loss 3", (1 << 20) + 8)]
    assert lines_of([text]) == expected
    assert lines_of([text[start : start + 4096] for start in range(0, len(text), 4096)]) == expected
