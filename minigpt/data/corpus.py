"""Reads a data file of token ids, and refuses it with one line if it is not one.

    tokenized_data.pt   [tensor or list of ids, …]                ─┐
    sample_dataset.pt   [{"input_ids": (B, L), "attention_mask":   ├─▶ Corpus: int32 arrays, every id checked
                          (B, L) or absent}, …], or one mapping   ─┘

Where a batch has a mask, only the ids that it marks with 1 are tokens. The ids marked with 0 are left out here,
wherever in the row they stand, so they may be any number: no later module sees them.

This module knows the two formats. What a single row may be is in `token_ids`. `packed` calls it once for a data file;
after that, workers read the packed copy.
"""

import collections
import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from minigpt.config import FALLBACK_FILE
from minigpt.data.chunking import Tokens
from minigpt.data.token_ids import REMAKE, Row, Source, mask_rows, row, rows
from minigpt.errors import TORCH_LOAD_ERRORS, DataError


def _plain_dict(*_: object) -> dict[object, object]:
    """Return a plain dict where the file has a defaultdict. torch can only fill plain dicts, and no default is used."""
    return {}


# Types that may be read from a file besides those that torch allows: containers, and the factories of a defaultdict.
# Reading them runs no code of the file.
_CONTAINERS: list[Any] = [
    (_plain_dict, "collections.defaultdict"),
    collections.UserDict,
    dict,
    list,
    tuple,
    int,
    float,
    str,
]
_READ_KEYS = ("input_ids", "attention_mask")


@dataclass(frozen=True)
class Corpus:
    """The sequences of one data file."""

    sequences: list[Tokens]
    is_batched: bool  # whether they are rows of the fallback file, which are cut by another rule
    unread_keys: tuple[str, ...] = ()  # keys of the fallback file's batches that are not read, such as "labels"


def read_corpus(path: Path, vocab_size: int) -> Corpus:
    """Return the sequences in `path`, every id checked. The file's name decides which of the two formats it has.

    Raises:
        DataError: the file is bad. The message names the file, the sequence, the cause and the fix.
    """
    try:
        content = _load(path)
        source = Source.of(path)
        if path.name == FALLBACK_FILE:
            return _batches(source, content, vocab_size)
        return Corpus(_sequences(source, content, vocab_size), is_batched=False)
    except MemoryError as error:
        raise DataError(f"{path} does not fit into the memory of this machine: use fewer sequences") from error


def _load(path: Path) -> object:
    try:
        path.open("rb").close()  # tells a file that cannot be opened from one with bad content, below
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): check the file, or {REMAKE}") from error
    try:
        # Mapped into memory where the format allows it: a tensor is then read once, when an array is made from it.
        with torch.serialization.safe_globals(_CONTAINERS):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except TORCH_LOAD_ERRORS as error:
        if isinstance(error, pickle.UnpicklingError) and "GLOBAL" in str(error):
            raise DataError(f"{path} holds {_stranger(str(error))}, or {REMAKE}") from error
        raise DataError(f"{path} is damaged, cut short, or not written by torch.save: {REMAKE}") from error


def _stranger(message: str) -> str:
    """Return words about the class that torch refuses to read, and what to save in its place."""
    named = re.search(r"GLOBAL ([\w.]{1,100})", message)
    name = named[1] if named else ""
    advice = "save plain tensors"
    if name.startswith("numpy."):
        advice = "save tensors in place of NumPy arrays, as torch.from_numpy(array) gives"
    elif name.endswith("BatchEncoding"):
        advice = "save dict(batch) in place of each batch: torch.save([dict(batch) for batch in batches], …)"
    what = f" ({name})" if name else ""
    return (
        f"Python objects other than tensors, lists and numbers{what}, and is refused because "
        f"reading them could run code: {advice}"
    )


def _sequences(source: Source, content: object, vocab_size: int) -> list[Tokens]:
    if not isinstance(content, list | tuple):
        raise DataError(f"{source.path} holds a {type(content).__name__}, not a list of token-id tensors: {REMAKE}")
    if not content:
        raise DataError(f"{source.path} holds an empty list: {REMAKE}")
    found = []
    for index, item in enumerate(content):
        place = f"sequence {index}"
        found.append(_checked(source, place, row(source, place, item), vocab_size))
    return found


def _batches(source: Source, content: object, vocab_size: int) -> Corpus:
    batches = [content] if isinstance(content, Mapping) else content
    if not isinstance(batches, list | tuple):
        raise DataError(
            f"{source.path} holds a {type(content).__name__}, not a list of batches with input_ids: {REMAKE}"
        )
    if not batches:
        raise DataError(f"{source.path} holds an empty list: {REMAKE}")
    found: list[Tokens] = []
    unread: dict[str, None] = {}  # a set that keeps the order in which the keys are met
    for index, batch in enumerate(batches):
        place = f"batch {index}"
        if not isinstance(batch, Mapping) or "input_ids" not in batch:
            raise DataError(f"{source.path}: {place} is no mapping with input_ids: {REMAKE}")
        found += [_checked(source, place, tokens, vocab_size) for tokens in _tokens(source, place, batch)]
        unread |= dict.fromkeys(str(key) for key in batch if key not in _READ_KEYS)
    return Corpus(found, is_batched=True, unread_keys=tuple(unread))


def _tokens(source: Source, place: str, batch: Mapping[str, object]) -> list[Row]:
    """Return the rows of a batch without their padding."""
    ids = rows(source, place, batch["input_ids"])
    if batch.get("attention_mask") is None:
        return ids
    masks = mask_rows(source, f"attention_mask of {place}", batch["attention_mask"])
    lengths, mask_lengths = ([len(values) for values in group] for group in (ids, masks))
    if lengths != mask_lengths:
        raise DataError(
            f"{source.path}: attention_mask of {place} has {_shape(mask_lengths)}, its input_ids {_shape(lengths)}: "
            "save a mask of the shape of the ids, 1 for a token and 0 for padding"
        )
    return [tokens[mask] for tokens, mask in zip(ids, masks, strict=True)]


def _shape(lengths: list[int]) -> str:
    each = f"{lengths[0]}" if len(set(lengths)) == 1 else "differing numbers"
    return f"{len(lengths)} rows of {each}" if lengths else "no rows"


def _checked(source: Source, place: str, tokens: Row, vocab_size: int) -> Tokens:
    """Return the ids of a row as int32, after checking that every id is in the vocabulary."""
    if len(tokens):
        smallest, largest = int(tokens.min()), int(tokens.max())
        if smallest < 0 or largest >= vocab_size:
            outside = smallest if smallest < 0 else largest
            raise source.error(
                place,
                f"holds the id {outside}, outside the vocabulary 0 to {vocab_size - 1}: "
                "use GPT-2's ids, or set vocab_size",
            )
    return tokens.astype(np.int32)
