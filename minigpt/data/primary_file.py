"""Writes tokenized_data.pt, the primary data file, from texts. A data file of the user's is never replaced unasked."""

import io
import os
from collections.abc import Sequence
from pathlib import Path

import torch

from minigpt.atomic_write import atomic_write
from minigpt.config import FALLBACK_FILE, PRIMARY_FILE
from minigpt.data.tokenizer import encode
from minigpt.errors import DataError


def write_primary(texts: Sequence[str], folder: Path, *, force: bool = False) -> str:
    """Tokenize `texts`, write them to `folder`/tokenized_data.pt, a sequence each, and return a message about it.

    Without `force` nothing is written where a file already stands, or where training now reads the fallback file: the
    new file would hide that one.

    Raises:
        DataError: there is no text, or writing needs `force`.
    """
    sequences = [encode(text) for text in texts]
    lengths = [len(ids) for ids in sequences]
    if not sum(lengths):
        raise DataError("there is no text to make data from: name files with text after --text")
    # All sequences are views of one tensor, so the file holds one storage and is loaded in one read.
    joined = torch.tensor([token for ids in sequences for token in ids], dtype=torch.int64)
    content = io.BytesIO()
    torch.save(list(torch.split(joined, lengths)), content)
    path = folder / PRIMARY_FILE
    size = f"{len(sequences):,} sequences, {len(joined):,} tokens"
    if _holds(path, content.getbuffer()):
        return f"kept {path}, which holds the same already: {size}"
    if not force:
        _check_unused(path)
    with atomic_write(path) as file:
        file.write(content.getbuffer())
    return "\n".join([f"wrote {path}: {size}", *_hidden_fallback(folder)])


def _holds(path: Path, content: memoryview) -> bool:
    return path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content


def _check_unused(path: Path) -> None:
    if os.path.lexists(path):
        raise DataError(f"{path} is there and is kept: give another folder with --out, or --force to replace it")
    fallback = path.with_name(FALLBACK_FILE)
    if os.path.lexists(fallback):
        raise DataError(
            f"{fallback} is there, and training reads it for as long as there is no {path.name} beside it: "
            "give another folder with --out, or --force to train on the new file"
        )


def _hidden_fallback(folder: Path) -> list[str]:
    """Return a line about the fallback file if there is one: the new primary file hides it."""
    fallback = folder / FALLBACK_FILE
    if not os.path.lexists(fallback):
        return []
    return [f"{fallback} is not read any more: to train on it again, delete {folder / PRIMARY_FILE}"]
