"""The examples as one memory-mapped file, made once and shared by every worker through the page cache.

    data/tokenized_data.pt ─▶ corpus ─▶ chunking ─▶ data/.packed/<key>.npy   (N, T) int32, mapped read-only
                                                    data/.packed/<key>.json  how many tokens, targets, sequences

The key is the digest of everything the examples depend on: the content of the source and the rule. So a
changed source makes a new copy and an old one is never wrong. Where the data folder cannot be written to, the
copy lives in $XDG_CACHE_HOME/minigpt. Old copies may be deleted at any time, a running worker's too: it keeps
what it has mapped.

Called by `minigpt.data`.
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

from minigpt.chunking import Examples, by_packing, by_report
from minigpt.config import SEQ_MIN, TrainConfig
from minigpt.corpus import Corpus, read_corpus
from minigpt.errors import DataError
from minigpt.files import written_beside

_COUNTS = ("tokens_used", "tokens_available", "num_sequences", "num_targets")
_FORMAT = 2  # a part of the key: raise it when the meaning of the files changes


@dataclass(frozen=True, kw_only=True)
class Packed(Examples):
    """The examples of one data file, and what is known of that file."""

    source: Path
    source_sha256: str
    num_sequences: int
    num_targets: int  # in one pass over the examples
    unread_keys: list[str]  # of the batches: see `minigpt.corpus`


def open_packed(config: TrainConfig) -> Packed:
    """Return the examples of `config`, mapped from their packed copy, which is made if there is none.

    The source is read for its digest each time, a matter of a second or two for 1 GB, and never trusted to be
    the same for its size or date.

    Raises:
        DataError: the source is missing or bad, or there is no folder to put the copy in.
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
        source.name,  # which format it has, and so which rule
        config.chunking,
        config.seq_len,
        config.pad_token_id,
        config.vocab_size,  # the ids were checked against it
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
    """Say why a file gives no example."""
    if corpus.sequences and not any(map(len, corpus.sequences)):
        return f"{source} gives no example, as its {len(corpus.sequences):,} sequence(s) hold no token at all: add text"
    advice = "set chunking to pack, which joins them" if config.chunking == "report" else "add text"
    return (
        f"{source} gives no example, for want of a sequence of {SEQ_MIN} tokens "
        f"(it has {len(corpus.sequences)} shorter ones): {advice}"
    )


def _open(folder: Path, key: str, source: Path, digest: str) -> Packed | None:
    """Map the copy in `folder`, or return None where there is none, or none that can be read."""
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
    except (OSError, ValueError, LookupError, TypeError):  # absent; or damaged, and made anew
        return None


def _write(folder: Path, key: str, packed: Packed) -> None:
    """Write the counts first: where the examples are, the counts are."""
    counts = {name: getattr(packed, name) for name in (*_COUNTS, "unread_keys")}
    with written_beside(folder / f"{key}.json") as file:
        file.write(json.dumps(counts).encode())
    with written_beside(folder / f"{key}.npy") as file:
        np.save(file, packed.ids, allow_pickle=False)


@contextmanager
def _lock(folder: Path, key: str) -> Iterator[None]:
    """Hold the copy for this process, so that workers starting together make it once.

    The kernel drops the lock with the process. A file system without locks costs only double work: the files
    are replaced whole, and every maker writes the same bytes. Whatever lies in the place of the lock file is neither
    waited for nor followed nor emptied.

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
