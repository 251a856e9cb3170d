"""Rows of ids in the forms that users have: narrow types, other mappings, a single row; and forms that are refused."""

from __future__ import annotations

import collections
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from minigpt.data.corpus import read_corpus
from minigpt.errors import DataError

Write = Callable[..., Path]
FALLBACK = "sample_dataset.pt"


@pytest.mark.parametrize("dtype", [torch.uint16, torch.uint32, torch.uint64, torch.int8])
@pytest.mark.parametrize("name", ["tokenized_data.pt", FALLBACK])
def test_E3_ids_of_every_width_are_read(write_data: Write, dtype: torch.dtype, name: str) -> None:
    ids = torch.arange(36).to(dtype)
    batch = {"input_ids": ids.view(1, 36), "attention_mask": torch.arange(36).view(1, 36) < 9}
    (row,) = read_corpus(write_data([batch if name == FALLBACK else ids], name), 50).sequences
    assert row.tolist() == list(range(9 if name == FALLBACK else 36))


def test_E3_an_id_outside_is_told_as_it_is_in_the_file(write_data: Write) -> None:
    path = write_data([torch.tensor([2**64 - 1], dtype=torch.uint64)])
    with pytest.raises(DataError, match=r"tokenized_data\.pt: sequence 0 holds the id 18446744073709551615, outside"):
        read_corpus(path, 50)


@pytest.mark.parametrize("container", [dict, collections.OrderedDict, collections.UserDict, lambda d: _default(d)])
@pytest.mark.parametrize("ids", [torch.arange(5), [0, 1, 2, 3, 4], [torch.arange(5)], list(torch.arange(5))])
def test_E3_mappings_of_other_kinds_and_a_single_row_are_read(write_data: Write, container: Any, ids: object) -> None:
    path = write_data([container({"input_ids": ids}), container({"input_ids": ids})], FALLBACK)
    assert [row.tolist() for row in read_corpus(path, 50).sequences] == [[0, 1, 2, 3, 4]] * 2


def _default(content: dict[str, object]) -> collections.defaultdict[str, object]:
    found: collections.defaultdict[str, object] = collections.defaultdict(list)
    found.update(content)
    return found


def test_E3_rows_of_differing_length_are_read(write_data: Write) -> None:
    path = write_data({"input_ids": [[1, 2, 3], [4], []], "attention_mask": [[1, 1, 0], [1], []]}, FALLBACK)
    assert [row.tolist() for row in read_corpus(path, 50).sequences] == [[1, 2], [4], []]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([np.arange(40)], r"numpy[\w.]+\).*save tensors in place of NumPy arrays, as torch\.from_numpy"),
        ([{"input_ids": np.ones((2, 40), dtype=np.int64)}], r"save tensors in place of NumPy arrays"),
    ],
)
def test_E3_numpy_arrays_are_refused_with_what_to_save(write_data: Write, content: object, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        read_corpus(write_data(content, FALLBACK), 50)


def test_E3_a_batch_encoding_is_refused_with_what_to_save(write_data: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("transformers.tokenization_utils_base")
    monkeypatch.setitem(sys.modules, "transformers", types.ModuleType("transformers"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    stranger = type("BatchEncoding", (collections.UserDict,), {"__module__": module.__name__})
    module.BatchEncoding = stranger  # type: ignore[attr-defined]
    path = write_data([stranger({"input_ids": torch.ones(2, 40)})], FALLBACK)
    with pytest.raises(DataError, match=r"BatchEncoding\).*save dict\(batch\) in place of each batch") as caught:
        read_corpus(path, 50)
    assert "\n" not in str(caught.value)


def test_E5_lists_that_unfold_to_more_than_there_can_be_are_refused_at_once(write_data: Write) -> None:
    laughing: list[Any] = [1, 2]
    for _ in range(40):
        laughing = [laughing, laughing]  # 41 small lists on disk, 2 ** 41 numbers to whoever follows them
    itself: list[Any] = []
    itself.append(itself)
    for content in (laughing, [laughing], itself, [itself]):
        with pytest.raises(DataError, match="other than token ids"):
            read_corpus(write_data(content), 50)
    for content in ({"input_ids": laughing}, {"input_ids": itself}, {"input_ids": [[1]], "attention_mask": laughing}):
        with pytest.raises(DataError, match="other than"):
            read_corpus(write_data(content, FALLBACK), 50)


def test_E5_a_small_file_that_claims_a_billion_ids_is_refused_at_once(write_data: Write) -> None:
    for content in ([torch.ones(1, dtype=torch.int64).expand(10**9)], [[1] * 100_000] * 11):
        with pytest.raises(DataError, match="more than a file of this size can hold"):
            read_corpus(write_data(content), 50)
    mask = torch.ones(1, 1, dtype=torch.bool).expand(1, 10**9)
    with pytest.raises(DataError, match="attention_mask of batch 0 claims"):
        read_corpus(write_data({"input_ids": [[1]], "attention_mask": mask}, FALLBACK), 50)
    windows = torch.arange(2000).remainder(50).unfold(0, 64, 1)  # overlapping views are as users have them
    assert len(read_corpus(write_data(list(windows)), 50).sequences) == 1937


@pytest.mark.parametrize("dtype", [torch.complex64, torch.bool, torch.float16, torch.float8_e4m3fn])
def test_E5_tensors_of_no_whole_numbers_are_refused(write_data: Write, dtype: torch.dtype) -> None:
    with pytest.raises(DataError, match=f"sequence 0 holds {dtype} values; token ids are whole numbers"):
        read_corpus(write_data([torch.ones(40).to(dtype)]), 50)


def test_E5_a_tensor_without_content_is_refused(write_data: Write) -> None:
    with pytest.raises(DataError, match="sequence 0 is a sparse, nested, quantized or empty tensor"):
        read_corpus(write_data([torch.ones(40, device="meta", dtype=torch.int64)]), 50)
