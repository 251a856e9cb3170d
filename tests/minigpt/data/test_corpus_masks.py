"""Masks of the fallback file: padding is no token, wherever it stands and however the mask is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from minigpt.config import TrainConfig
from minigpt.data.corpus import read_corpus
from minigpt.data.packed import open_packed
from minigpt.errors import DataError

Small = Callable[..., TrainConfig]
Write = Callable[..., Path]
FALLBACK = "sample_dataset.pt"
PAD = 49


def _padded(lengths: list[int], width: int, *, left: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of 1, 2, 3, … padded to `width`, and their mask."""
    ids, mask = torch.full((len(lengths), width), PAD), torch.zeros(len(lengths), width, dtype=torch.int64)
    for row, length in enumerate(lengths):
        place = slice(width - length, width) if left else slice(0, length)
        ids[row, place] = torch.arange(1, length + 1).remainder(PAD)
        mask[row, place] = 1
    return ids, mask


def _real(lengths: list[int]) -> list[list[int]]:
    return [torch.arange(1, length + 1).remainder(PAD).tolist() for length in lengths]


KINDS: dict[str, Callable[[torch.Tensor], object]] = {
    "bool": torch.Tensor.bool,
    "int32": torch.Tensor.int,
    "uint8": torch.Tensor.byte,
    "uint16": lambda mask: mask.to(torch.uint16),
    "float32": torch.Tensor.float,
    "bfloat16": torch.Tensor.bfloat16,
    "lists": torch.Tensor.tolist,
    "lists of bool": lambda mask: mask.bool().tolist(),
    "list of tensors": lambda mask: list(mask),
    "lists of numbers in tensors": lambda mask: [list(row) for row in mask],
}


@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
@pytest.mark.parametrize("kind", KINDS)
def test_E2_padding_is_no_token_wherever_it_stands_and_however_the_mask_is_written(
    write_data: Write, kind: str, left: bool
) -> None:
    ids, mask = _padded([34, 64, 0, 20], 64, left=left)
    path = write_data([{"input_ids": ids, "attention_mask": KINDS[kind](mask)}], FALLBACK)
    assert [row.tolist() for row in read_corpus(path, 50).sequences] == _real([34, 64, 0, 20])


def test_E2_only_real_targets_are_trained_and_only_real_tokens_counted(small: Small, write_data: Write) -> None:
    """504 targets without the mask, 264 with it; a row of 20 tokens is below SEQ_MIN however far it is padded."""
    ids, mask = _padded([34] * 8, 64)
    write_data([{"input_ids": ids, "attention_mask": mask}], FALLBACK)
    packed = open_packed(small(seq_len=64))
    assert (packed.num_targets, packed.tokens_used, packed.tokens_available) == (264, 272, 272)
    ids, mask = _padded([34, 20, 0, 64, 90], 128, left=True)
    write_data([{"input_ids": ids, "attention_mask": mask}], FALLBACK)
    packed = open_packed(small(seq_len=64))
    assert packed.ids[:, :2].tolist() == [[1, 2]] * 3  # nothing but the padding is cut off
    assert (len(packed.ids), packed.tokens_used, packed.tokens_available) == (3, 34 + 64 + 64, 34 + 20 + 64 + 90)


def test_E2_a_mask_of_ones_changes_nothing(small: Small, write_data: Write) -> None:
    ids = torch.arange(400).remainder(PAD).view(4, 100)
    write_data([{"input_ids": ids}], FALLBACK)
    without = open_packed(small(seq_len=64)).ids.tolist()
    write_data([{"input_ids": ids, "attention_mask": torch.ones(4, 100)}], FALLBACK)
    assert open_packed(small(seq_len=64)).ids.tolist() == without
    write_data([{"input_ids": ids, "attention_mask": None}], FALLBACK)
    assert open_packed(small(seq_len=64)).ids.tolist() == without


def test_E2_holes_are_closed_and_the_id_at_padding_may_be_any_number(write_data: Write) -> None:
    ids = torch.tensor([[1, 50257, 2, 3, -100, 4]])  # neither is in the vocabulary
    path = write_data({"input_ids": ids, "attention_mask": [[1, 0, 1, 1, 0, 1]]}, FALLBACK)
    assert [row.tolist() for row in read_corpus(path, 50).sequences] == [[1, 2, 3, 4]]


def test_E2_the_padding_id_is_a_token_where_the_mask_says_so_and_no_target(small: Small, write_data: Write) -> None:
    """The report: its loss has ignore_index = PAD_TOKEN_ID."""
    ids = torch.arange(40).view(1, 40)
    ids[0, 20] = PAD
    write_data({"input_ids": ids, "attention_mask": torch.ones(1, 40)}, FALLBACK)
    packed = open_packed(small(seq_len=64))
    assert (packed.tokens_used, packed.num_targets) == (40, 38)


@pytest.mark.parametrize(
    ("mask", "complaint"),
    [
        (torch.ones(2, 40), r"attention_mask of batch 0 has 2 rows of 40, its input_ids 2 rows of 36"),
        (torch.ones(3, 36), r"attention_mask of batch 0 has 3 rows of 36"),
        (torch.ones(36), r"attention_mask of batch 0 has 1 rows of 36"),
        (torch.ones(2, 1, 36), r"attention_mask of batch 0 has shape \(2, 1, 36\)"),
        (torch.zeros(2, 36).index_fill(1, torch.tensor([3]), -torch.inf), "something other than 1 for a token"),
        (torch.full((2, 36), 2), "something other than 1 for a token"),
        ([[1.0] * 35 + [float("nan")]] * 2, "something other than 1 for a token"),
        ([["1"] * 36] * 2, "something other than 1 for a token"),
        ([[10**400] * 36] * 2, "something other than 1 for a token"),
        ("1" * 36, "attention_mask of batch 0 is a str"),
        ([[1] * 36, [[1] * 36]], "something other than 1 for a token"),
        ([[1] * 36, [1] * 35], "2 rows of differing numbers"),
        ([], "attention_mask of batch 0 has no rows"),
    ],
)
def test_E2_a_mask_that_is_none_is_named(write_data: Write, mask: object, complaint: str) -> None:
    path = write_data([{"input_ids": torch.ones(2, 36, dtype=torch.int64), "attention_mask": mask}], FALLBACK)
    with pytest.raises(DataError, match=complaint) as caught:
        read_corpus(path, 50)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
