"""Finds metrics in an output of which nobody has said what it looks like: `log = "auto"`.

It takes JSON objects, and lines for which `suggest` has a template, if they are dicts or hold step, iter, epoch or
batch. What it takes is told once, as the template to write into the job file. It makes no more templates after 2,000
lines in a row in which it has found nothing; if it has found nothing at all by then, it looks at no more lines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from launcher.sources.json_lines import JsonParser, load_object
from launcher.sources.steps import Epoch, StepsByName
from launcher.sources.suggest import LONGEST_BYTES, looks_promising, shape_of, suggest
from launcher.sources.template_parser import TemplateParser
from launcher.text import printable

MOST_LINES = 2000  # without metrics, in a row
MOST_TEMPLATES = 20
_MOST_SHAPES = 1000


class AutoParser:
    """Takes what looks like metrics."""

    def __init__(self, after_step: int = 0, epochs: Mapping[str, Sequence[Epoch]] | None = None) -> None:
        """Begin. Lines without a step are counted from the step after `after_step`.

        `epochs`: by template, those of the attempt that this one goes on with.
        """
        self._epochs = epochs or {}
        self.notes: list[str] = []
        self.templates: dict[str, TemplateParser] = {}  # by template: those that are used
        self.has_json = False  # whether JSON objects were found
        self._steps = StepsByName(after_step)
        self._json = JsonParser(after_step, epochs)
        self._shapes: dict[bytes, TemplateParser | None] = {}
        self._num_in_vain = 0  # lines in a row
        self._is_over = False  # no more templates are made

    def parse(self, line: bytes) -> tuple[dict[str, Any], int | None] | None:
        """Return the numbers and the step on a line; None if it does not look like metrics."""
        if self._is_over and not self.templates and not self.has_json:
            return None
        found = self._look(line) if looks_promising(line) else None
        self._num_in_vain = 0 if found is not None else self._num_in_vain + 1
        if self._num_in_vain == MOST_LINES and not self._is_over:
            self._is_over = True
            if not self.templates and not self.has_json:
                self.notes.append(
                    f"no metrics were found in {MOST_LINES:,} lines, so nobody looks at more. "
                    "python -m launcher try-log LOG suggests templates for the key log"
                )
        return found

    def _look(self, line: bytes) -> tuple[dict[str, Any], int | None] | None:
        if line.lstrip()[:1] == b"{" and (content := load_object(line)) is not None:
            found = self._json.take(content)
            if found is not None and not self.has_json:
                self.has_json = True
                self.notes.append('metrics are taken from JSON objects. To keep to it, write: log = "json"')
            self._take_notes(self._json.notes)
            return found
        if len(line) > LONGEST_BYTES:
            return None
        shape = shape_of(line)
        if shape in self._shapes:
            parser = self._shapes[shape]
        else:
            parser = self._suggested(line)
            if len(self._shapes) < _MOST_SHAPES:
                self._shapes[shape] = parser
        if parser is None or (found := parser.parse(line)) is None:
            return None
        self._take_notes(parser.notes)
        return found

    def _suggested(self, line: bytes) -> TemplateParser | None:
        """Return what finds the metrics of such lines; None if there seem to be none."""
        if self._is_over or (text := suggest(line)) is None:  # whatever other lines there are: a metric keeps its name
            return None
        if text in self.templates or len(self.templates) >= MOST_TEMPLATES:
            return self.templates.get(text)
        parser = self.templates[text] = TemplateParser([text], shared=self._steps, epochs=self._epochs)
        shown = printable(json.dumps(text, ensure_ascii=False))
        self.notes.append(f"metrics are taken by this template. To keep to it, write: log = [{shown}]")
        return parser

    def epochs(self) -> dict[str, list[Epoch]]:
        """Return the epochs of each template, as `TemplateParser` does."""
        of_templates = {text: epochs for parser in self.templates.values() for text, epochs in parser.epochs().items()}
        return of_templates | self._json.epochs()

    def _take_notes(self, notes: list[str]) -> None:
        self.notes += notes
        notes.clear()
