"""What a source is, and what is found in it.

A source is a file that grows, and an offset in it. `SourceSpec` describes where to look, as plain data that crosses a
process boundary and is kept in the records. `Format` turns the bytes of a file into `Found`; `follow` reads the files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, get_args

import orjson

from launcher.sources.steps import Epoch
from launcher.store import values

Kind = Literal["templates", "auto", "json", "run", "events"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Found(NamedTuple):
    """A record that stands in a file: a step's metrics; or with the step None, a record that has a `kind`."""

    fields: dict[str, Any]
    step: int | None
    src: tuple[int, int]  # the number of the source, and the offset after what was found


class SourceFile(NamedTuple):
    """A file that a glob has found. The records of an attempt keep it."""

    glob: int  # the number of the glob
    path: str
    begin: int  # the size of the file when the attempt began
    is_cut: bool = False  # it was cut back to rows of earlier attempts, which are read again and counted from the first


@dataclass(frozen=True, kw_only=True)
class SourceSpec:
    """Where to look for metrics.

    kind "templates": lines of text that match `templates`; "auto": lines of text that look like metrics; "json": JSON
    objects, one a line; "run": what `launcher.current()` writes; "events": files that match a glob, each by its name:
    event files of TensorBoard, `*.csv`, `*.json`, logs by `templates` or `is_auto`, and else JSON objects, one a line.
    """

    kind: Kind
    path: str  # absolute; of "events" a glob
    templates: tuple[str, ...] = ()
    begins: Mapping[str, int] = field(default_factory=dict)  # path → the size of the file when the attempt began
    after_step: int = 0  # matches without a step are counted from the next step on
    epochs: Mapping[str, Sequence[Epoch]] = field(default_factory=dict)  # by template, of the attempt before
    is_auto: bool = False  # of "events": lines of logs that look like metrics count
    metrics: tuple[str, ...] | None = None  # of the job, by which a file of results is known; None: not known

    def to_json(self) -> dict[str, Any]:
        """Return the description as a JSON object."""
        return {**vars(self), "templates": list(self.templates), "begins": dict(self.begins)}

    @classmethod
    def from_json(cls, content: Any) -> SourceSpec:
        """Return the description that `to_json` has returned.

        Raises:
            ValueError: the content is something else.
        """
        known = values.Fields(content)
        kind = known.text("kind")
        if kind not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}")
        return cls(
            kind=kind,
            path=known.text("path"),
            templates=tuple(known.list("templates", "a list of texts", lambda entry: isinstance(entry, str))),
            begins=values.wholes(known.optional("begins")),
            after_step=known.whole("after_step"),
            epochs=_epochs(known.optional("epochs")),
            is_auto=known.optional("is_auto") is True,
            metrics=_texts(known.optional("metrics")),
        )

    def beginning_at(self, begins: Mapping[str, int]) -> SourceSpec:
        """Return the description of the same source for an attempt that begins in files at these offsets."""
        return SourceSpec(**{**vars(self), "begins": dict(begins)}) if begins != self.begins else self


def _texts(content: Any) -> tuple[str, ...] | None:
    """Return the texts of a list; None for what is something else, as in a record of before."""
    return tuple(entry for entry in content if isinstance(entry, str)) if isinstance(content, list) else None


def _epochs(content: Any) -> dict[str, tuple[Epoch, ...]]:
    """Return the epochs that a description holds; none for what is something else, as in a record of before."""
    if not isinstance(content, dict):
        return {}
    return {
        text: tuple(Epoch(*entry) for entry in entries if _is_epoch(entry))
        for text, entries in content.items()
        if isinstance(entries, list)
    }


def _is_epoch(entry: Any) -> bool:
    if not isinstance(entry, list) or len(entry) != len(Epoch._fields):
        return False
    return all(values.whole(number) is not None for number in entry[:3]) and type(entry[3]) in (int, float)


def specs_as_text(specs: Sequence[SourceSpec]) -> str:
    """Return descriptions as the JSON list that the records of an attempt hold."""
    content = [spec.to_json() for spec in specs]
    try:
        return orjson.dumps(content).decode()
    except TypeError:  # the name of a file is not UTF-8
        return json.dumps(content)


def read_specs(text: str) -> list[SourceSpec]:
    """Return the descriptions in the JSON list of them that the records of an attempt hold.

    Raises:
        ValueError: it is something else.
    """
    content = values.load(text.encode())
    if not isinstance(content, list):
        raise ValueError("the sources are a list")
    return [SourceSpec.from_json(spec) for spec in content]


class Parser(Protocol):
    """Finds metrics in single lines."""

    notes: list[str]  # what a person is to be told, in the order in which it was noticed; who tells it empties the list

    def parse(self, line: bytes) -> tuple[dict[str, Any], int | None] | None:
        """Return the fields and the step that stand on a line; None if there are none."""


class Format(Protocol):
    """Turns the bytes of a file into what is found in it. The same bytes give the same, however they are cut."""

    first_byte: int  # of the file, at which the reading begins

    @property
    def notes(self) -> list[str]:
        """What a person is to be told; who tells it empties the list."""

    def feed(self, piece: bytes) -> Sequence[Found]:
        """Return what is complete with the next bytes of the file."""

    def finish(self) -> Sequence[Found]:
        """Return what only the end of the file makes complete."""

    def begin_again(self) -> bool:
        """The file was written anew: go on with its first byte, and return True; False if it is another source now."""
