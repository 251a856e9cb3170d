"""Data files as users have them: masks, narrow ids, one row, other mappings; and the odd ones that are refused."""

from __future__ import annotations

import collections
import hashlib
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from minigpt import config as constants
from minigpt import data_command
from minigpt.config import TrainConfig
from minigpt.corpus import read_corpus
from minigpt.errors import DataError
from minigpt.packed import open_packed
from minigpt.train import prepare

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


def test_E2_what_is_not_read_of_a_batch_is_said(small: Small, write_data: Write) -> None:
    ids = torch.ones(1, 40, dtype=torch.int64)
    write_data([{"input_ids": ids, "labels": ids}, {"token_type_ids": ids, "input_ids": ids, "labels": ids}], FALLBACK)
    assert open_packed(small()).unread_keys == ["labels", "token_type_ids"]
    assert open_packed(small()).unread_keys == ["labels", "token_type_ids"]  # from the packed copy


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


def test_E4_which_file_was_read_and_how_much_of_it_is_trained_is_known(small: Small, write_data: Write) -> None:
    ids, mask = _padded([34, 64, 0, 20], 64)
    path = write_data([{"input_ids": ids, "attention_mask": mask}], FALLBACK)
    for _ in range(2):  # made, then found
        packed = open_packed(small(seq_len=64))
        assert packed.source == path
        assert packed.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (packed.num_sequences, packed.num_targets, packed.tokens_used) == (4, 33 + 63, 34 + 64)


@pytest.mark.parametrize(
    ("content", "name", "complaint"),
    [
        ([[PAD] * 32] * 3, "tokenized_data.pt", "3 example.* hold only padding"),
        ({"input_ids": torch.full((2, 32), PAD)}, FALLBACK, "2 example.* hold only padding"),
        ({"input_ids": torch.ones(2, 64).long(), "attention_mask": torch.zeros(2, 64)}, FALLBACK, "no token at all"),
        ([[], []], "tokenized_data.pt", "no token at all"),
        ([[1] + [PAD] * 40], "tokenized_data.pt", "only padding"),
    ],
)
def test_E5_nothing_but_padding_is_an_error_before_the_start(
    small: Small, write_data: Write, content: object, name: str, complaint: str
) -> None:
    path = write_data(content, name)
    for _ in range(2):
        with pytest.raises(DataError, match=complaint) as caught:
            prepare(small())
        assert str(caught.value).startswith(f"{path} gives ")


def test_E5_what_stands_in_the_place_of_the_file_is_named_and_no_other_file_read(small: Small, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    torch.save({"input_ids": torch.ones(2, 40).long()}, folder / FALLBACK)
    primary = folder / "tokenized_data.pt"
    primary.mkdir()
    with pytest.raises(DataError, match=r"tokenized_data\.pt is a folder; a data file belongs there"):
        small().inputs()
    primary.rmdir()
    primary.symlink_to("gone.pt")
    with pytest.raises(DataError, match=r"tokenized_data\.pt is a link to gone\.pt, which does not exist; a data file"):
        small().inputs()
    primary.unlink()
    os.mkfifo(primary)
    with pytest.raises(DataError, match=r"tokenized_data\.pt is a device, pipe or socket"):
        small().inputs()
    primary.unlink()
    primary.symlink_to(FALLBACK)  # a link that leads somewhere is a file
    assert small().inputs() == [primary]
    with pytest.raises(DataError, match=r"sample_dataset\.pt is a file; a folder with"):
        small(data_dir=str(folder / FALLBACK)).inputs()


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


def test_E6_the_constants_of_the_report_stand_side_by_side() -> None:
    assert (constants.SEQ_LEN, constants.SEQ_MIN, constants.SEQ_MAX) == (64, 32, 128)
    assert (constants.PAD_TOKEN_ID, constants.VOCAB_SIZE) == (50256, 50257)
    baseline = TrainConfig()
    assert (baseline.seq_len, baseline.pad_token_id, baseline.vocab_size) == (64, 50256, 50257)
    lines = Path(constants.__file__).read_text().splitlines()
    names = ("SEQ_LEN", "SEQ_MIN", "SEQ_MAX", "VOCAB_SIZE", "PAD_TOKEN_ID")
    places = [next(number for number, line in enumerate(lines) if line.startswith(f"{name} =")) for name in names]
    assert max(places) - min(places) == 4


def test_E1_the_users_files_are_kept_and_nothing_hides_them_unasked(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The quick brown fox. " * 20)

    def make(*words: str) -> Any:
        return CliRunner().invoke(data_command.app, ["--out", str(tmp_path), *words, "--text", str(tmp_path / "a.txt")])

    primary, fallback = tmp_path / "tokenized_data.pt", tmp_path / FALLBACK
    torch.save({"input_ids": torch.ones(2, 40).long()}, fallback)
    refused = make()
    assert (refused.exit_code, primary.exists()) == (2, False)
    assert f"{fallback} is there, and training reads it" in refused.stderr
    made = make("--force")
    assert (made.exit_code, primary.exists()) == (0, True)
    assert f"{fallback} is not read any more: to train on it again, delete {primary}" in made.stdout
    again = make()
    assert (again.exit_code, again.stdout.startswith(f"kept {primary}")) == (0, True)
    torch.save([[1] * 40], primary)  # the user's own
    mine = primary.read_bytes()
    refused = make()
    assert (refused.exit_code, primary.read_bytes()) == (2, mine)
    assert f"{primary} is there and is kept" in refused.stderr
    primary.unlink()
    primary.symlink_to("gone.pt")
    assert (make().exit_code, os.readlink(primary)) == (2, "gone.pt")
