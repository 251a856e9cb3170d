"""The two data files: both formats are read, and each way to be wrong ends in one line that names the file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from minigpt.data.chunking import Tokens
from minigpt.data.corpus import read_corpus
from minigpt.errors import DataError

Write = Callable[..., Path]
FALLBACK = "sample_dataset.pt"


def _lists(sequences: list[Tokens]) -> list[list[int]]:
    return [ids.tolist() for ids in sequences]


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.int16, torch.uint8])
def test_tensors_and_lists_of_differing_length_are_read(write_data: Write, dtype: torch.dtype) -> None:
    path = write_data([torch.arange(5, dtype=dtype), [7, 8], torch.empty(0, dtype=dtype), []])
    corpus = read_corpus(path, 50)
    assert _lists(corpus.sequences) == [[0, 1, 2, 3, 4], [7, 8], [], []]
    assert all(ids.dtype == "int32" for ids in corpus.sequences)
    assert not corpus.is_batched


@pytest.mark.parametrize("is_alone", [True, False])
@pytest.mark.parametrize("as_list", [True, False])
def test_the_fallback_is_read_as_a_list_of_batches_or_as_one(write_data: Write, is_alone: bool, as_list: bool) -> None:
    ids = torch.arange(12).view(2, 6)
    batch = {"input_ids": ids.tolist() if as_list else ids, "attention_mask": torch.ones(2, 6)}
    corpus = read_corpus(write_data(batch if is_alone else [batch, batch], FALLBACK), 50)
    assert _lists(corpus.sequences) == ids.tolist() * (1 if is_alone else 2)
    assert corpus.is_batched


def test_the_old_format_of_torch_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tokenized_data.pt"
    torch.save([[1, 2, 3]], path, _use_new_zipfile_serialization=False)
    assert _lists(read_corpus(path, 50).sequences) == [[1, 2, 3]]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([], "empty list"),
        ({"input_ids": torch.ones(1, 40)}, "holds a dict, not a list"),
        (torch.arange(40), "holds a Tensor, not a list"),
        (
            [torch.arange(40), torch.tensor([1, 50])],
            "sequence 1 holds the id 50, outside the vocabulary 0 to 49",
        ),
        ([[3, -1]], "sequence 0 holds the id -1"),
        ([torch.rand(40)], "sequence 0 holds torch.float32 values"),
        ([[0.5, 1.0]], "sequence 0 holds torch.float32 values"),
        ([torch.ones(40, dtype=torch.bool)], "torch.bool values"),
        ([torch.ones(4, 10, dtype=torch.int64)], r"shape \(4, 10\), not 1 dimension"),
        ([[[1, 2], [3, 4]]], r"sequence 0 is a list of something other than token ids \(list\)"),
        ([[1, [2, 3]]], "sequence 0 is a list of something other than token ids"),
        ([["a", "b"]], "sequence 0 is a list of something other than token ids"),
        ([[2**70]], "sequence 0 is a list of something other than token ids"),
        (["text"], "sequence 0 is a str"),
        ([None], "sequence 0 is a NoneType"),
        ([5], "sequence 0 is a int"),
        ([torch.ones(40, dtype=torch.int64).to_sparse()], "sequence 0 is a sparse"),
    ],
)
def test_a_bad_primary_file_is_one_clear_line(write_data: Write, content: object, complaint: str) -> None:
    path = write_data(content)
    with pytest.raises(DataError, match=complaint) as caught:
        read_corpus(path, 50)
    _is_one_line_about(path, caught.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([], "empty list"),
        (torch.ones(2, 40), "holds a Tensor, not a list of batches"),
        ([torch.ones(2, 40)], "batch 0 is no mapping with input_ids"),
        ([{"ids": torch.ones(2, 40)}], "batch 0 is no mapping with input_ids"),
        ([{"input_ids": torch.ones(1, 2, 40)}], r"batch 0 has shape \(1, 2, 40\), not 2 dimension"),
        ([{"input_ids": torch.full((2, 40), 50)}], "batch 0 holds the id 50"),
        ({"input_ids": torch.rand(2, 40)}, "torch.float32 values"),
        ({"input_ids": [[1, 2], ["a"]]}, "row 1 is a list of something other than token ids"),
    ],
)
def test_a_bad_fallback_file_is_one_clear_line(write_data: Write, content: object, complaint: str) -> None:
    path = write_data(content, FALLBACK)
    with pytest.raises(DataError, match=complaint) as caught:
        read_corpus(path, 50)
    _is_one_line_about(path, caught.value)


class _Saboteur:
    """An object whose pickle runs a command when it is read carelessly."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch saboteur_was_here",)


def test_a_pickle_that_wants_code_is_refused_and_runs_none(
    write_data: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_data([_Saboteur()])
    with pytest.raises(DataError, match="could run code") as caught:
        read_corpus(path, 50)
    _is_one_line_about(path, caught.value)
    assert not Path("saboteur_was_here").exists()


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path, is_zip: bool) -> None:
    path = tmp_path / "tokenized_data.pt"
    torch.save([torch.arange(500)], path, _use_new_zipfile_serialization=is_zip)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:length])
        # The old format names its classes as text; half such a name is one that is not allowed.
        with pytest.raises(DataError, match="damaged, cut short" if is_zip else "damaged|could run code") as caught:
            read_corpus(path, 1000)
        _is_one_line_about(path, caught.value)


@pytest.mark.parametrize("content", [b"hello world, this is text\n", b"PK\x03\x04", b"\x80\x02]q\x00.", bytes(64)])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokenized_data.pt"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_corpus(path, 50)
    _is_one_line_about(path, caught.value)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokenized_data.pt"
    path.mkdir()
    with pytest.raises(DataError, match="cannot be read") as caught:
        read_corpus(path, 50)
    _is_one_line_about(path, caught.value)


def _is_one_line_about(path: Path, error: DataError) -> None:
    assert str(path) in str(error)
    assert "\n" not in str(error)
    assert "make " in str(error) or "vocab_size" in str(error)
