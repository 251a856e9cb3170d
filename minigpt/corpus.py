"""Reading the file of token ids, and refusing it when it is not one.

    tokenized_data.pt   [tensor or list of ids, …]               ─┐
    sample_dataset.pt   [{"input_ids": (B, L)}, …], or one alone ─┴─▶ Corpus: int32 arrays, every id checked

Lives here: the two formats and every complaint about them. What becomes of the sequences is
`minigpt.chunking`'s affair. Called by `minigpt.packed`, once a data file; workers read the packed copy.
"""

import pickle
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from minigpt.chunking import Tokens
from minigpt.config import FALLBACK_FILE
from minigpt.errors import DataError

_REMAKE = "make it again with `make data` or `python -m minigpt.data`"

# What torch.load raises for files that are cut short, overwritten, or no torch file at all.
_UNREADABLE = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    struct.error,
    AssertionError,
    OSError,
    EOFError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
)


@dataclass(frozen=True)
class Corpus:
    """The sequences of one data file."""

    sequences: list[Tokens]
    is_batched: bool  # rows of the fallback file, which are cut by another rule


def read_corpus(path: Path, vocab_size: int) -> Corpus:
    """Read and check the whole of `path`; the name decides which of the two formats it has.

    Raises:
        DataError: naming the file, the sequence, the cause and the fix.
    """
    content = _load(path)
    if path.name == FALLBACK_FILE:
        return Corpus(_rows(path, content, vocab_size), is_batched=True)
    return Corpus(_sequences(path, content, vocab_size), is_batched=False)


def _load(path: Path) -> object:
    try:
        path.open("rb").close()  # so that what torch.load raises below is about the content
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): check the file, or {_REMAKE}") from error
    try:
        # Mapped where the format allows it: tensors are then read once, into the arrays made from them.
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except _UNREADABLE as error:
        if isinstance(error, pickle.UnpicklingError) and "GLOBAL" in str(error):
            raise DataError(
                f"{path} holds Python objects other than tensors, lists and numbers, and is refused because "
                f"reading them could run code: save plain tensors, or {_REMAKE}"
            ) from error
        raise DataError(f"{path} is damaged, cut short, or not written by torch.save: {_REMAKE}") from error


def _sequences(path: Path, content: object, vocab_size: int) -> list[Tokens]:
    if not isinstance(content, list | tuple):
        raise DataError(f"{path} holds a {type(content).__name__}, not a list of token-id tensors: {_REMAKE}")
    if not content:
        raise DataError(f"{path} holds an empty list: {_REMAKE}")
    return [
        _ids(path, f"sequence {index}", item, vocab_size, dimensions=1)  # (length,)
        for index, item in enumerate(content)
    ]


def _rows(path: Path, content: object, vocab_size: int) -> list[Tokens]:
    batches = [content] if isinstance(content, Mapping) else content
    if not isinstance(batches, list | tuple):
        raise DataError(f"{path} holds a {type(content).__name__}, not a list of batches with input_ids: {_REMAKE}")
    if not batches:
        raise DataError(f"{path} holds an empty list: {_REMAKE}")
    rows: list[Tokens] = []
    for index, batch in enumerate(batches):
        if not isinstance(batch, Mapping) or "input_ids" not in batch:
            raise DataError(f"{path}: batch {index} is no mapping with input_ids: {_REMAKE}")
        rows.extend(_ids(path, f"batch {index}", batch["input_ids"], vocab_size, dimensions=2))  # (B, L)
    return rows


def _ids(path: Path, place: str, item: object, vocab_size: int, *, dimensions: int) -> Tokens:
    """Return `item`, a tensor or nested lists, as int32 ids, having looked at every one of them."""
    ids = _tensor(path, place, item)
    if ids.dim() != dimensions or ids.layout is not torch.strided:
        raise DataError(f"{path}: {place} has shape {tuple(ids.shape)}, not {dimensions} dimension(s): {_REMAKE}")
    if ids.numel() == 0:
        return np.empty(tuple(ids.shape), dtype=np.int32)
    if ids.dtype is torch.bool or ids.is_floating_point() or ids.is_complex():
        raise DataError(f"{path}: {place} holds {ids.dtype} values; token ids are whole numbers: {_REMAKE}")
    smallest, largest = int(ids.min()), int(ids.max())
    if smallest < 0 or largest >= vocab_size:
        outside = smallest if smallest < 0 else largest
        raise DataError(
            f"{path}: {place} holds the id {outside}, outside the vocabulary 0 to {vocab_size - 1}: "
            f"use GPT-2's ids, or set vocab_size"
        )
    return ids.numpy().astype(np.int32)


def _tensor(path: Path, place: str, item: object) -> torch.Tensor:
    if isinstance(item, torch.Tensor):
        return item
    if not isinstance(item, Sequence) or isinstance(item, str | bytes):
        raise DataError(f"{path}: {place} is a {type(item).__name__}, not a tensor or list of token ids: {_REMAKE}")
    try:
        return torch.tensor(item)
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:  # ragged, mixed, or beyond 64 bits
        raise DataError(f"{path}: {place} is a list of something other than token ids ({error}): {_REMAKE}") from error
