"""A file of text that a script logs into, as by `logging.FileHandler`: its lines are read as those of its output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from launcher.sources.auto import AutoParser
from launcher.sources.earlier_epochs import parse_again
from launcher.sources.json_lines import JsonParser
from launcher.sources.source import SourceSpec
from launcher.sources.steps import Epoch
from launcher.sources.template_parser import TemplateParser

SUFFIXES = (".log", ".txt", ".out")
_Text = TemplateParser | AutoParser


class LogFileParser:
    """Takes JSON objects, and other lines by the templates of the job, or as `log = "auto"` does."""

    def __init__(self, spec: SourceSpec, path: str, begin: int) -> None:
        """Begin. `begin`: the size of the file when the attempt began.

        Raises:
            ValueError: a template of the description can match nothing of use.
        """
        self.notes: list[str] = []
        # Where an attempt goes on, and its file too, what stands there already tells the epochs.
        epochs = _epochs_before(spec, path, begin) if spec.after_step and begin else {}
        self._json = JsonParser(spec.after_step)
        self._text = _text_parser(spec, spec.after_step, epochs)

    def parse(self, line: bytes) -> tuple[dict[str, Any], int | None] | None:
        """Return the numbers and the step on a line; None if there are none."""
        found = self._json.parse(line) if line.lstrip()[:1] == b"{" else None
        found = found or self._text.parse(line)
        for notes in (self._json.notes, self._text.notes):
            self.notes += notes
            notes.clear()
        return found


def _text_parser(spec: SourceSpec, after_step: int, epochs: Mapping[str, Sequence[Epoch]]) -> _Text:
    if spec.templates:
        return TemplateParser(spec.templates, after_step, epochs=epochs)
    return AutoParser(after_step, epochs)


def _epochs_before(spec: SourceSpec, path: str, end: int) -> Mapping[str, Sequence[Epoch]]:
    parser = _text_parser(spec, 0, {})
    parse_again(parser, path, 0, end)
    return parser.epochs()
