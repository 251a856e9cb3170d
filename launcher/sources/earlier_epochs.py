"""The epochs of an attempt that ended, for the attempt that goes on with it: read again from what it has printed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

from launcher.sources.auto import AutoParser
from launcher.sources.json_lines import JsonParser
from launcher.sources.lines import Lines
from launcher.sources.source import Parser, SourceSpec
from launcher.sources.template_parser import TemplateParser
from launcher.store.files import open_to_read

_PIECE_BYTES = 1 << 20
_MOST_BYTES = 32 << 20  # of an attempt's output: seconds. Of a longer one the epochs are not known


def with_epochs(spec: SourceSpec, before: Sequence[SourceSpec]) -> SourceSpec:
    """Return the description of a source with the epochs of the attempt that this one goes on with.

    `before`: the descriptions of that attempt.
    """
    earlier = next((other for other in before if (other.kind, other.path) == (spec.kind, spec.path)), None)
    if earlier is None or spec.kind not in ("templates", "auto", "json"):
        return spec
    if spec.kind == "templates" and not any("{step}" in text for text in spec.templates):
        return spec
    parser = _parser(spec, earlier)
    parse_again(parser, spec.path, earlier.begins.get(spec.path, 0))
    return replace(spec, epochs={**earlier.epochs, **parser.epochs()})


def _parser(spec: SourceSpec, earlier: SourceSpec) -> TemplateParser | AutoParser | JsonParser:
    """Return what reads again what the attempt before has printed: from its first step on, by the templates of now."""
    if spec.kind == "auto":
        return AutoParser(earlier.after_step, earlier.epochs)
    if spec.kind == "json":
        return JsonParser(earlier.after_step, earlier.epochs)
    return TemplateParser(spec.templates, earlier.after_step, epochs=earlier.epochs)


def parse_again(parser: Parser, path: str, begin: int, end: int | None = None) -> None:
    """Parse the lines of a file between two offsets, or up to its end; none of a file that is very long."""
    lines = Lines()
    for piece in _pieces(path, begin, end):
        for line, _ in lines.split(piece):
            parser.parse(line)


def _pieces(path: str, begin: int, end: int | None) -> Iterator[bytes]:
    try:
        fd = open_to_read(path)
    except OSError:
        return
    try:
        end = os.fstat(fd).st_size if end is None else end
        if end - begin > _MOST_BYTES:
            return
        while piece := os.pread(fd, min(_PIECE_BYTES, end - begin), begin):
            begin += len(piece)
            yield piece
    except OSError:
        return
    finally:
        os.close(fd)
