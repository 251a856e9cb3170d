"""Cuts sequences into examples of one length. Pure functions of lengths and arrays: no files, no torch.

There are three rules. The examples in this list have seq_len = 64, SEQ_MIN = 32 and SEQ_MAX = 128:

    report, primary file    a sequence of SEQ_MIN … SEQ_MAX tokens is one example, cut or padded: of 127 tokens the last
                            63 are lost. A shorter sequence is left out. A longer one is cut into pieces of seq_len from
                            its start; a last piece of SEQ_MIN tokens or more is padded, a shorter one left out.
    report, fallback file   every row is cut into such pieces
    pack                    all sequences are joined end to end and cut into such pieces: at most 31 tokens are lost

Shapes: N examples, T = seq_len.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minigpt.config import SEQ_MAX, SEQ_MIN

Tokens = NDArray[np.int32]


@dataclass(frozen=True)
class Examples:
    """The examples, and how many tokens of the source are in them."""

    ids: Tokens  # (N, T), padded at the end
    tokens_used: int
    tokens_available: int


def report_spans(length: int, seq_len: int) -> list[tuple[int, int]]:
    """Return the [start, stop) of each example in a sequence of `length` tokens, by the report's rule."""
    if SEQ_MIN <= length <= SEQ_MAX:
        return [(0, min(length, seq_len))]
    return piece_spans(length, seq_len)


def piece_spans(length: int, seq_len: int) -> list[tuple[int, int]]:
    """Return the [start, stop) of each piece of `seq_len` tokens, and of a last piece of SEQ_MIN tokens or more."""
    starts = range(0, length - SEQ_MIN + 1, seq_len)
    return [(start, min(start + seq_len, length)) for start in starts]


def by_report(sequences: Sequence[Tokens], seq_len: int, pad: int, *, is_batched: bool) -> Examples:
    """Return the examples of sequences, each cut by itself. `is_batched`: they are rows of the fallback file."""
    spans_of = piece_spans if is_batched else report_spans
    pieces = [ids[start:stop] for ids in sequences for start, stop in spans_of(len(ids), seq_len)]
    return _padded(pieces, seq_len, pad, tokens_available=_total(sequences))


def by_packing(sequences: Sequence[Tokens], seq_len: int, pad: int) -> Examples:
    """Return the examples of all sequences joined, with nothing between them, and then cut."""
    joined = np.concatenate([np.empty(0, dtype=np.int32), *sequences])
    pieces = [joined[start:stop] for start, stop in piece_spans(len(joined), seq_len)]
    return _padded(pieces, seq_len, pad, tokens_available=len(joined))


def _padded(pieces: Sequence[Tokens], seq_len: int, pad: int, *, tokens_available: int) -> Examples:
    ids = np.full((len(pieces), seq_len), pad, dtype=np.int32)  # (N, T)
    for row, piece in zip(ids, pieces, strict=True):
        row[: len(piece)] = piece
    return Examples(ids=ids, tokens_used=_total(pieces), tokens_available=tokens_available)


def _total(sequences: Iterable[Tokens]) -> int:
    return sum(len(ids) for ids in sequences)
