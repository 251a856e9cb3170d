"""Reading the file of token ids, and refusing it when it is not one.

    tokenized_data.pt   [tensor or list of ids, …]                ─┐
    sample_dataset.pt   [{"input_ids": (B, L), "attention_mask":   ├─▶ Corpus: int32 arrays, every id checked
                          (B, L) or absent}, …], or one alone     ─┘

Where a batch has a mask, only what the mask marks with 1 are tokens. What it marks with 0 is left out here, wherever in
the row it stands, and no later module hears of it. So the id at a place of padding may be any number.

Lives here: the two formats and what is wrong with them as a whole. What a row may be is `minigpt.token_ids`; what
becomes of the sequences is `minigpt.chunking`'s affair. Called by `minigpt.packed`, once a data file; workers read the
packed copy.
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

from minigpt.chunking import Tokens
from minigpt.config import FALLBACK_FILE
from minigpt.errors import UNREADABLE, DataError
from minigpt.token_ids import REMAKE, Row, Source, mask_rows, row, rows


def _plain_dict(*_: object) -> dict[object, object]:
    """Stand in for defaultdict: torch fills dicts only, and what makes the missing values is of no interest here."""
    return {}


# What is read beside torch's own list: containers, and what a defaultdict may make. None of them runs code.
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
    is_batched: bool  # rows of the fallback file, which are cut by another rule
    unread_keys: tuple[str, ...] = ()  # of its batches: what this package makes nothing of, labels say


def read_corpus(path: Path, vocab_size: int) -> Corpus:
    """Read and check the whole of `path`; the name decides which of the two formats it has.

    Raises:
        DataError: naming the file, the sequence, the cause and the fix.
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
        path.open("rb").close()  # so that what torch.load raises below is about the content
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): check the file, or {REMAKE}") from error
    try:
        # Mapped where the format allows it: tensors are then read once, into the arrays made from them.
        with torch.serialization.safe_globals(_CONTAINERS):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except UNREADABLE as error:
        if isinstance(error, pickle.UnpicklingError) and "GLOBAL" in str(error):
            raise DataError(f"{path} holds {_stranger(str(error))}, or {REMAKE}") from error
        raise DataError(f"{path} is damaged, cut short, or not written by torch.save: {REMAKE}") from error


def _stranger(message: str) -> str:
    """Say which class torch refuses to read, and what to save in its place."""
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
    unread: dict[str, None] = {}  # in the order in which they are met
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
    """Return the ids of a row, having looked at every one of them."""
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
