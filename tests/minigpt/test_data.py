"""From the data file to batches: the packed copy, the dataset, the loader."""

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
from minigpt.data import SeqDataset, loader, num_loader_processes, shuffled
from minigpt.errors import DataError
from minigpt.packed import open_packed

Small = Callable[..., TrainConfig]
Write = Callable[..., Path]


def _sequences(num: int) -> list[Tensor]:
    """Sequences of one example each, whose first id is their index."""
    return [torch.full((32,), index) for index in range(num)]


def _batches(config: TrainConfig, seed: int = 0) -> list[Tensor]:
    dataset = SeqDataset(config)
    order = shuffled(len(dataset), torch.Generator().manual_seed(seed))
    return list(loader(dataset, config, order))


def test_an_example_is_one_int64_row_padded_at_the_end(small: Small, write_data: Write) -> None:
    write_data([list(range(40))])
    dataset = SeqDataset(small(seq_len=48))
    assert len(dataset) == 1
    assert dataset[0].dtype is torch.int64
    assert dataset[0].tolist() == [*range(40), *[49] * 8]
    dataset[0].fill_(0)  # a copy: the shared file is never written to
    assert dataset[0].tolist()[:3] == [0, 1, 2]


def test_the_fallback_is_used_when_the_primary_is_absent(small: Small, write_data: Write) -> None:
    write_data({"input_ids": torch.arange(100).remainder(49).view(1, 100)}, "sample_dataset.pt")
    examples = open_packed(small(seq_len=64))
    assert examples.ids.shape == (
        2,
        64,
    )  # a row of 100 in pieces, where a sequence of 100 would be one example
    assert (examples.tokens_used, examples.tokens_available) == (100, 100)
    write_data([[1] * 32])
    assert open_packed(small(seq_len=64)).tokens_available == 32


def test_pack_uses_what_the_report_throws_away(small: Small, write_data: Write) -> None:
    write_data([[1] * 63, [2] * 31, [3] * 33])
    by_report, packed = open_packed(small()), open_packed(small(chunking="pack"))
    assert (by_report.tokens_used, packed.tokens_used, packed.tokens_available) == (64, 96, 127)


def test_every_epoch_has_every_example_once_in_an_order_of_the_seed(small: Small, write_data: Write) -> None:
    write_data(_sequences(10))
    batches = _batches(small())
    assert [len(batch) for batch in batches] == [4, 4, 2]  # the last short batch is kept
    firsts = torch.cat(batches)[:, 0].tolist()
    assert sorted(firsts) == list(range(10))
    assert firsts == torch.cat(_batches(small()))[:, 0].tolist()
    assert firsts != torch.cat(_batches(small(), seed=1))[:, 0].tolist()


def test_loader_processes_give_the_same_batches_and_leave_the_generator_alone(small: Small, write_data: Write) -> None:
    write_data(_sequences(10))
    before = torch.get_rng_state()
    alone, helped = _batches(small()), _batches(small(num_workers=1))
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(alone, helped, strict=True))
    assert torch.equal(torch.get_rng_state(), before)
    assert not multiprocessing.active_children()


def test_loader_processes_are_capped_at_the_cores(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert [num_loader_processes(small(num_workers=n)) for n in (0, 1, 4)] == [0, 1, 3]
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert num_loader_processes(small(num_workers=4)) == 1


def test_loader_processes_are_forked(small: Small, write_data: Write) -> None:
    write_data(_sequences(4))
    config = small(num_workers=1)
    batches = loader(SeqDataset(config), config, [0])
    assert batches.multiprocessing_context.get_start_method() == "fork"


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


def _open_together(config: TrainConfig, barrier: Barrier, inodes: "multiprocessing.SimpleQueue[int]") -> None:
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
