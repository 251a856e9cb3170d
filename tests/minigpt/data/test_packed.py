"""The packed copy: made once, shared, and made anew when anything that it depends on has changed."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from minigpt.config import TrainConfig
from minigpt.data import packed
from minigpt.data.packed import open_packed
from minigpt.errors import DataError

Small = Callable[..., TrainConfig]
Write = Callable[..., Path]
FALLBACK = "sample_dataset.pt"
PAD = 49


def _sequences(num: int) -> list[Tensor]:
    """Sequences of one example each, whose first id is their index."""
    return [torch.full((32,), index) for index in range(num)]


def test_the_fallback_is_used_when_the_primary_is_absent(small: Small, write_data: Write) -> None:
    write_data({"input_ids": torch.arange(100).remainder(49).view(1, 100)}, "sample_dataset.pt")
    examples = open_packed(small(seq_len=64))
    assert examples.ids.shape == (2, 64)  # a row of 100 is cut in pieces; a sequence of 100 would be one example
    assert (examples.tokens_used, examples.tokens_available) == (100, 100)
    write_data([[1] * 32])
    assert open_packed(small(seq_len=64)).tokens_available == 32


def test_pack_uses_what_the_report_throws_away(small: Small, write_data: Write) -> None:
    write_data([[1] * 63, [2] * 31, [3] * 33])
    by_report, packed = open_packed(small()), open_packed(small(chunking="pack"))
    assert (by_report.tokens_used, packed.tokens_used, packed.tokens_available) == (64, 96, 127)


def test_the_packed_copy_is_made_once_and_mapped(small: Small, write_data: Write, tmp_path: Path) -> None:
    write_data(_sequences(10))
    first = open_packed(small())
    (copy,) = (tmp_path / "data" / ".packed").glob("*.npy")
    made = copy.stat()
    second = open_packed(small())
    assert isinstance(first.ids, np.memmap)
    assert not first.ids.flags.writeable
    assert (copy.stat().st_ino, copy.stat().st_mtime_ns) == (made.st_ino, made.st_mtime_ns)
    assert np.array_equal(first.ids, second.ids)
    assert (second.tokens_used, second.tokens_available) == (320, 320)


@pytest.mark.parametrize("change", [{"seq_len": 64}, {"chunking": "pack"}, {"pad_token_id": 0}])
def test_another_rule_has_another_copy(small: Small, write_data: Write, tmp_path: Path, change: dict[str, Any]) -> None:
    write_data(_sequences(10))
    open_packed(small())
    open_packed(small(**change))
    assert len(list((tmp_path / "data" / ".packed").glob("*.npy"))) == 2


def test_changed_data_have_another_copy(small: Small, write_data: Write) -> None:
    write_data(_sequences(10))
    assert len(open_packed(small()).ids) == 10
    write_data(_sequences(11))
    assert len(open_packed(small()).ids) == 11


def test_a_smaller_vocabulary_is_checked_again(small: Small, write_data: Write) -> None:
    write_data([[30] * 32])
    open_packed(small())
    with pytest.raises(DataError, match="the id 30, outside the vocabulary 0 to 19"):
        open_packed(small(vocab_size=20, pad_token_id=19))


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_a_damaged_copy_is_made_anew(small: Small, write_data: Write, tmp_path: Path, suffix: str) -> None:
    write_data(_sequences(10))
    open_packed(small())
    (copy,) = (tmp_path / "data" / ".packed").glob(f"*{suffix}")
    copy.write_bytes(copy.read_bytes()[:20])
    assert len(open_packed(small()).ids) == 10


def test_where_the_data_folder_is_closed_the_cache_folder_is_used(
    small: Small, write_data: Write, tmp_path: Path
) -> None:
    write_data(_sequences(3))
    (tmp_path / "data" / ".packed").touch()  # a file where the folder would be; root may write to any folder
    assert len(open_packed(small()).ids) == 3
    assert len(list((tmp_path / "cache" / "minigpt").glob("*.npy"))) == 1
    assert len(open_packed(small()).ids) == 3


def test_where_no_folder_can_be_written_to_the_message_names_both(
    small: Small, write_data: Write, tmp_path: Path
) -> None:
    write_data(_sequences(3))
    (tmp_path / "data" / ".packed").touch()
    (tmp_path / "cache").touch()
    with pytest.raises(DataError, match=r"\.packed .* nor to .*cache/minigpt"):
        open_packed(small())


def _open_together(config: TrainConfig, barrier: Barrier, inodes: multiprocessing.SimpleQueue[int]) -> None:
    barrier.wait(timeout=30)
    ids = open_packed(config).ids
    assert isinstance(ids, np.memmap)
    inodes.put(os.stat(str(ids.filename)).st_ino)


def test_processes_that_start_together_make_one_copy_and_share_it(
    small: Small, write_data: Write, tmp_path: Path
) -> None:
    write_data(_sequences(40))
    context = multiprocessing.get_context("fork")
    barrier, inodes = context.Barrier(4), context.SimpleQueue()
    workers = [context.Process(target=_open_together, args=(small(), barrier, inodes)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=30)
    assert [worker.exitcode for worker in workers] == [0] * 4
    seen = {inodes.get() for _ in workers}
    (copy,) = (tmp_path / "data" / ".packed").glob("*.npy")
    assert seen == {copy.stat().st_ino}  # a second maker would have put a new file in its place
    assert not [path for path in copy.parent.iterdir() if path.name.startswith(".")]


def test_sequences_too_short_for_an_example_are_one_clear_line(small: Small, write_data: Write) -> None:
    path = write_data([[1] * 31, [2] * 31])
    with pytest.raises(DataError, match=r"gives no example.*32 tokens.*pack") as caught:
        open_packed(small())
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(open_packed(small(chunking="pack")).ids) == 1


def _padded(lengths: list[int], width: int, *, left: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of 1, 2, 3, … padded to `width`, and their mask."""
    ids, mask = torch.full((len(lengths), width), PAD), torch.zeros(len(lengths), width, dtype=torch.int64)
    for row, length in enumerate(lengths):
        place = slice(width - length, width) if left else slice(0, length)
        ids[row, place] = torch.arange(1, length + 1).remainder(PAD)
        mask[row, place] = 1
    return ids, mask


def test_E2_what_is_not_read_of_a_batch_is_said(small: Small, write_data: Write) -> None:
    ids = torch.ones(1, 40, dtype=torch.int64)
    write_data([{"input_ids": ids, "labels": ids}, {"token_type_ids": ids, "input_ids": ids, "labels": ids}], FALLBACK)
    assert open_packed(small()).unread_keys == ["labels", "token_type_ids"]
    assert open_packed(small()).unread_keys == ["labels", "token_type_ids"]  # from the packed copy


def test_E4_which_file_was_read_and_how_much_of_it_is_trained_is_known(small: Small, write_data: Write) -> None:
    ids, mask = _padded([34, 64, 0, 20], 64)
    path = write_data([{"input_ids": ids, "attention_mask": mask}], FALLBACK)
    for _ in range(2):  # made, then found
        packed = open_packed(small(seq_len=64))
        assert packed.source == path
        assert packed.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (packed.num_sequences, packed.num_targets, packed.tokens_used) == (4, 33 + 63, 34 + 64)


def test_F13_what_lies_in_the_place_of_a_lock_file_is_neither_followed_nor_waited_for(tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.write_text("theirs")
    os.link(stranger, tmp_path / "linked.lock")
    with packed._lock(tmp_path, "linked"):
        assert stranger.read_text() == "theirs"
    os.mkfifo(tmp_path / "pipe.lock")
    with packed._lock(tmp_path, "pipe"):
        pass
    (tmp_path / "link.lock").symlink_to(stranger)
    with pytest.raises(OSError, match="symbolic"), packed._lock(tmp_path, "link"):
        pass
    assert stranger.read_text() == "theirs"
