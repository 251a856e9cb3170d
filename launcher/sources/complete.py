"""Completes an attempt whose worker was killed: what its script has written, and no record has.

    records of the attempt  ─▶ recorded: the last offset of each source; files: those that globs have found
    the sources' files      ─▶ read again from where the attempt began ─▶ what lies behind those offsets

What is found in a file follows from its bytes alone, so reading again gives the same `Found`, with the same steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from launcher.sources.follow import Sources
from launcher.sources.source import Found, SourceFile, SourceSpec
from launcher.store import values
from launcher.store.records import SOURCE


def missing(
    specs: Sequence[SourceSpec],
    recorded: Mapping[int, int],
    ends: Mapping[str, int] | None = None,
    files: Mapping[int, SourceFile] | None = None,
) -> Iterator[Found]:
    """Yield what stands in the sources of an attempt and is not recorded.

    `recorded`: the last recorded offset of each source, by its number; `files`: the files that globs have found. Both
    are as `what_is_recorded` returns them. `ends`: by path, where a file ends for this attempt, as at the header of the
    next attempt in a log; other files are read to their ends.

    Raises:
        ValueError: a template can match nothing of use.
    """
    sources = Sources(specs, files=files, ends=ends)
    is_last = False
    while not is_last:
        found = sources.poll()
        is_last = not found and not sources.is_behind
        yield from (each for each in found if each.src[1] > recorded.get(each.src[0], 0))
    found = sources.poll(is_final=True)
    yield from (each for each in found if each.src[1] > recorded.get(each.src[0], 0))


def what_is_recorded(records: Iterable[Mapping[str, Any]]) -> tuple[dict[int, int], dict[int, SourceFile]]:
    """Return the last offset of each source, and the files that globs have found, from the records of an attempt.

    A record whose `src` is not a pair of whole numbers says nothing of a source.
    """
    offsets: dict[int, int] = {}
    files: dict[int, SourceFile] = {}
    for record in records:
        src = record.get(SOURCE)
        if not (
            isinstance(src, list | tuple) and len(src) == 2 and all(values.whole(part) is not None for part in src)
        ):
            continue
        source, offset = src
        offsets[source] = max(offset, offsets.get(source, 0))
        number, path = values.whole(record.get("source")), record.get("path")
        if record.get("kind") == "source" and number is not None and isinstance(path, str):
            begin, is_cut = values.whole(record.get("begin")) or 0, record.get("is_cut") is True
            files[number] = SourceFile(source, path, begin, is_cut)
    return offsets, files
