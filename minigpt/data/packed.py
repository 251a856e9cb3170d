"""The examples of a data file as one memory-mapped file, made once and shared by all workers through the page cache.

    data/tokenized_data.pt ─▶ corpus ─▶ chunking ─▶ data/.packed/<key>.npy   (N, T) int32, mapped read-only
                                                    data/.packed/<key>.json  how many tokens, targets, sequences

This "packed copy" is made by every rule of chunking; `chunking = "pack"` is only one of them. The key is the digest of
everything that the examples depend on: the content of the source and the rule. So a changed source has another copy,
and an old copy is never wrong. If the data folder is not writable, the copy is made in $XDG_CACHE_HOME/minigpt. Copies
may be deleted at any time, even while a worker runs: the worker keeps its map.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minigpt.atomic_write import atomic_write
from minigpt.config import SEQ_MIN, TrainConfig
from minigpt.data.chunking import Examples, by_packing, by_report
from minigpt.data.corpus import Corpus, read_corpus
from minigpt.errors import DataError

_COUNTS = ("tokens_used", "tokens_available", "num_sequences", "num_targets")
_FORMAT = 2  # a part of the key: to be raised when the meaning of the files changes


@dataclass(frozen=True, kw_only=True)
class Packed(Examples):
    """The examples of one data file, and facts about that file."""

    source: Path
    source_sha256: str
    num_sequences: int
    num_targets: int  # tokens to predict in one pass over the examples
    unread_keys: list[str]  # see `Corpus`


def open_packed(config: TrainConfig) -> Packed:
    """Return the examples of `config`, mapped from their packed copy. The copy is made if there is none.

    The whole source is read each time for its digest, a second or two for 1 GB: an equal size or date does not prove
    that the content is the same.

    Raises:
        DataError: the source is missing or bad, or no folder for the copy is writable.
    """
    source = config.inputs()[0]
    digest = _digest(source)
    key = _key(source, digest, config)
    folders = (source.parent / ".packed", _cache_folder())
    for folder in folders:
        if (found := _open(folder, key, source, digest)) is not None:
            return found
    made: Packed | None = None
    refusals = []
    for folder in folders:
        try:
            with _lock(folder, key):
                if (found := _open(folder, key, source, digest)) is not None:  # another process was first
                    return found
                made = made or _pack(source, digest, config)
                _write(folder, key, made)
        except OSError as error:
            refusals.append(f"{folder} ({error.strerror or error})")
            continue
        if (written := _open(folder, key, source, digest)) is not None:
            return written
    raise DataError(f"the packed copy of {source} cannot be written to {' nor to '.join(refusals)}: make one writable")


def _digest(source: Path) -> str:
    try:
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{source} cannot be read ({error.strerror}): check its permissions") from error


def _key(source: Path, digest: str, config: TrainConfig) -> str:
    parts = (
        _FORMAT,
        digest,
        source.name,  # decides the format, and so the rule of chunking
        config.chunking,
        config.seq_len,
        config.pad_token_id,
        config.vocab_size,  # the ids in the copy were checked against it
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _pack(source: Path, digest: str, config: TrainConfig) -> Packed:
    corpus = read_corpus(source, config.vocab_size)
    if config.chunking == "pack":
        examples = by_packing(corpus.sequences, config.seq_len, config.pad_token_id)
    else:
        examples = by_report(corpus.sequences, config.seq_len, config.pad_token_id, is_batched=corpus.is_batched)
    if len(examples.ids) == 0:
        raise DataError(_no_example(source, config, corpus))
    return Packed(
        **vars(examples),
        source=source,
        source_sha256=digest,
        num_sequences=len(corpus.sequences),
        num_targets=int(np.count_nonzero(examples.ids[:, 1:] != config.pad_token_id)),
        unread_keys=list(corpus.unread_keys),
    )


def _no_example(source: Path, config: TrainConfig, corpus: Corpus) -> str:
    """Return the message about a file that gives no example."""
    if corpus.sequences and not any(map(len, corpus.sequences)):
        return f"{source} gives no example, as its {len(corpus.sequences):,} sequence(s) hold no token at all: add text"
    advice = "set chunking to pack, which joins them" if config.chunking == "report" else "add text"
    return (
        f"{source} gives no example, for want of a sequence of {SEQ_MIN} tokens "
        f"(it has {len(corpus.sequences)} shorter ones): {advice}"
    )


def _open(folder: Path, key: str, source: Path, digest: str) -> Packed | None:
    """Return the examples mapped from the copy in `folder`; None if there is no readable copy."""
    try:
        ids = np.load(folder / f"{key}.npy", mmap_mode="r", allow_pickle=False)  # (N, T)
        counts = json.loads((folder / f"{key}.json").read_text(encoding="utf-8"))
        return Packed(
            ids=ids,
            source=source,
            source_sha256=digest,
            unread_keys=[str(key) for key in counts["unread_keys"]],
            **{name: int(counts[name]) for name in _COUNTS},
        )
    except (OSError, ValueError, LookupError, TypeError):  # absent, or damaged: the caller makes it anew
        return None


def _write(folder: Path, key: str, packed: Packed) -> None:
    """Write the counts, then the examples: wherever there are examples, their counts are there too."""
    counts = {name: getattr(packed, name) for name in (*_COUNTS, "unread_keys")}
    with atomic_write(folder / f"{key}.json") as file:
        file.write(json.dumps(counts).encode())
    with atomic_write(folder / f"{key}.npy") as file:
        np.save(file, packed.ids, allow_pickle=False)


@contextmanager
def _lock(folder: Path, key: str) -> Iterator[None]:
    """Hold the lock of the copy during the block, so that processes starting together make the copy once.

    The kernel releases the lock when the process ends. On a file system without locks some work is done twice and
    nothing else happens: files are replaced whole, and every process writes the same bytes. A pipe, link or file of a
    stranger's at the lock file's name is not waited for, followed or emptied.

    Raises:
        OSError: the folder or the lock file cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    fd = os.open(folder / f"{key}.lock", flags, 0o666)
    try:
        with suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "minigpt"
