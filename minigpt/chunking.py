"""Cutting sequences into examples of one length: the report's rule, and the one that wastes nothing.

Pure functions of lengths and arrays; no files, no torch. Called by `minigpt.packed`. Three rules:

    report, primary    32 … 128 tokens: one example, cut or padded. Shorter: left out. Longer: pieces of
                       seq_len from the start, a last one of at least 32 padded. 127 tokens lose 63 at 64.
    report, fallback   every row in pieces of seq_len, a last one of at least 32 padded
    pack               all sequences joined end to end, then in pieces: loses 31 tokens at most

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
    """The examples and how many tokens of the source are in them."""

    ids: Tokens  # (N, T), padded at the end
    tokens_used: int
    tokens_available: int


def report_spans(length: int, seq_len: int) -> list[tuple[int, int]]:
    """Return the [start, stop) of each example in a sequence of `length` tokens, by the report's rule."""
    if SEQ_MIN <= length <= SEQ_MAX:
        return [(0, min(length, seq_len))]
    return piece_spans(length, seq_len)


def piece_spans(length: int, seq_len: int) -> list[tuple[int, int]]:
    """Return the [start, stop) of each piece of `seq_len` tokens, and of a last one of at least SEQ_MIN."""
    starts = range(0, length - SEQ_MIN + 1, seq_len)
    return [(start, min(start + seq_len, length)) for start in starts]


def by_report(sequences: Sequence[Tokens], seq_len: int, pad: int, *, is_batched: bool) -> Examples:
    """Cut each sequence by itself; `is_batched` says that they are rows of the fallback file."""
    spans_of = piece_spans if is_batched else report_spans
    pieces = [ids[start:stop] for ids in sequences for start, stop in spans_of(len(ids), seq_len)]
    return _padded(pieces, seq_len, pad, tokens_available=_total(sequences))


def by_packing(sequences: Sequence[Tokens], seq_len: int, pad: int) -> Examples:
    """Join all sequences, nothing between them, and cut the whole."""
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
