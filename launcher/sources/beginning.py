"""Where an attempt begins in its sources: at the ends of the files that are there already."""

from __future__ import annotations

import os
from collections.abc import Iterable

from launcher.sources.file_search import FileSearch
from launcher.sources.source import SourceSpec


def beginning_now(specs: Iterable[SourceSpec]) -> list[SourceSpec]:
    """Return the descriptions of the same sources for an attempt that begins now. Files that come later are read whole.

    Example: attempt 2 appends to the log of attempt 1, so it begins at the size that the log has now.
    """
    return [spec.beginning_at(_sizes(spec)) for spec in specs]


def _sizes(spec: SourceSpec) -> dict[str, int]:
    paths = FileSearch(spec.path).find() if spec.kind == "events" else [spec.path]
    sizes = {}
    for path in paths:
        try:
            sizes[path] = os.stat(path).st_size
        except OSError:
            continue
    return sizes
