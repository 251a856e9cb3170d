"""The rules of chunking, against the words of the report written in another way."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigpt.data.chunking import Examples, by_packing, by_report, piece_spans, report_spans

PAD = 49
repeatable = settings(derandomize=True, database=None, deadline=None)
lengths = st.lists(st.integers(0, 300), max_size=8)
seq_lens = st.integers(32, 128)


def _sequences(sizes: list[int]) -> list[np.ndarray]:
    """Sequences whose ids say where they stand, so that an example shows where it was taken from."""
    return [np.arange(size, dtype=np.int32) + 1000 * index for index, size in enumerate(sizes)]


def _pieces(ids: list[int], seq_len: int) -> list[list[int]]:
    """Split from the start, one piece after another; a last piece of at least 32 is kept and padded."""
    examples = []
    while len(ids) >= seq_len:
        examples.append(ids[:seq_len])
        ids = ids[seq_len:]
    if len(ids) >= 32:
        examples.append(ids + [PAD] * (seq_len - len(ids)))
    return examples


def _by_the_report(ids: list[int], seq_len: int) -> list[list[int]]:
    if len(ids) < 32:
        return []
    if len(ids) <= 128:
        return [(ids + [PAD] * 128)[:seq_len]]
    return _pieces(ids, seq_len)


@repeatable
@given(lengths, seq_lens)
def test_the_primary_file_is_cut_by_the_report(sizes: list[int], seq_len: int) -> None:
    sequences = _sequences(sizes)
    examples = by_report(sequences, seq_len, PAD, is_batched=False)
    assert examples.ids.tolist() == [row for ids in sequences for row in _by_the_report(ids.tolist(), seq_len)]
    assert examples.ids.shape[1] == seq_len
    assert examples.tokens_available == sum(sizes)


@repeatable
@given(lengths, seq_lens)
def test_rows_of_the_fallback_file_are_cut_in_pieces(sizes: list[int], seq_len: int) -> None:
    sequences = _sequences(sizes)
    examples = by_report(sequences, seq_len, PAD, is_batched=True)
    assert examples.ids.tolist() == [row for ids in sequences for row in _pieces(ids.tolist(), seq_len)]


@repeatable
@given(lengths, seq_lens)
def test_packing_loses_one_tail_at_most(sizes: list[int], seq_len: int) -> None:
    sequences = _sequences(sizes)
    examples = by_packing(sequences, seq_len, PAD)
    joined = [token for ids in sequences for token in ids.tolist()]
    assert examples.ids.tolist() == _pieces(joined, seq_len)
    assert 0 <= examples.tokens_available - examples.tokens_used < 32


@repeatable
@given(st.integers(0, 1000), seq_lens)
def test_spans_are_in_order_apart_and_within(length: int, seq_len: int) -> None:
    for spans in (report_spans(length, seq_len), piece_spans(length, seq_len)):
        assert all(0 <= start < stop <= length and stop - start <= seq_len for start, stop in spans)
        assert all(stop - start >= 32 for start, stop in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))


@pytest.mark.parametrize(
    ("length", "num_examples", "tokens_used"),
    [
        *[(31, 0, 0), (32, 1, 32), (64, 1, 64), (65, 1, 64), (96, 1, 64), (127, 1, 64), (128, 1, 64)],
        *[(129, 2, 128), (159, 2, 128), (160, 3, 160), (200, 3, 192), (223, 3, 192), (224, 4, 224)],
    ],
)
def test_known_lengths_at_64(length: int, num_examples: int, tokens_used: int) -> None:
    examples: Examples = by_report(_sequences([length]), 64, PAD, is_batched=False)
    assert len(examples.ids) == num_examples
    assert (examples.tokens_used, examples.tokens_available) == (tokens_used, length)
