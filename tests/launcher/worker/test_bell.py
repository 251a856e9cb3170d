"""The bell: rings carry nothing; a last word is taken only if it came whole and is one."""

from __future__ import annotations

import os

import pytest

from launcher.worker.bell import BellReader, send_farewell, send_last_word


def reader_of(*pieces: bytes) -> BellReader:
    reader = BellReader()
    for piece in pieces:
        reader.feed(piece)
    return reader


def test_a_last_word_passes_through_a_pipe_among_rings_in_any_pieces() -> None:
    ours, theirs = os.pipe()
    os.write(theirs, b"!!")
    send_last_word(theirs, {"ending": "failed", "error": "x" * 1000})
    data = os.read(ours, 8192)
    os.close(ours)
    os.close(theirs)
    word = reader_of(*(data[place : place + 1] for place in range(len(data)))).last_word
    assert word == {"ending": "failed", "error": "x" * 300}


def test_nothing_is_raised_when_nobody_listens() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    send_last_word(theirs, {"ending": "failed", "error": "x"})
    os.close(theirs)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"!!!",
        b'\n{"ending": "failed"',
        b"\nno json\n",
        b"\n[1]\n",
        b'\n{"ending": "gone"}\n',
        b'\n{"ending": []}\n',
    ],
)
def test_what_is_no_whole_last_word_is_none(data: bytes) -> None:
    assert reader_of(data).last_word is None


def test_a_last_word_without_its_error_has_one() -> None:
    assert reader_of(b'!\n{"ending": "failed"}\n!').last_word == {"ending": "failed", "error": "an error"}


def test_a_farewell_is_heard_among_rings_and_none_in_a_last_word() -> None:
    ours, theirs = os.pipe()
    os.write(theirs, b"!!")
    send_farewell(theirs)
    assert reader_of(os.read(ours, 100)).has_farewell
    send_last_word(theirs, {"ending": "failed", "error": "a. b."})
    data = os.read(ours, 8192)
    os.close(ours)
    os.close(theirs)
    assert not reader_of(*(data[place : place + 1] for place in range(len(data)))).has_farewell


def test_that_a_worker_waits_is_heard_among_rings_and_not_in_a_last_word() -> None:
    assert reader_of(b"!", b"!,").has_rest
    assert not reader_of(b"!.").has_rest
    assert not reader_of(b'!\n{"ending": "failed", "error": "a, b"}\n').has_rest
