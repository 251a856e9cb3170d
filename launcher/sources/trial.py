"""Tries templates on an output that is there: what each finds, and which lines look like metrics that none finds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from launcher.sources.json_lines import JsonParser, load_object
from launcher.sources.lines import Line
from launcher.sources.source import Found, Parser
from launcher.sources.suggest import LONGEST_BYTES, looks_promising, names_result, shape_of, suggest, suggest_beside
from launcher.sources.template import Template, compiled
from launcher.sources.template_parser import TemplateParser

MOST_SUGGESTED = 20  # templates
_MOST_SHAPES = 10_000  # of lines


@dataclass
class Tally:
    """What was found, and how often."""

    num: int = 0  # of lines, rows or events
    first_step: int = 0
    last_step: int = 0
    firsts: dict[str, tuple[int, float]] = field(default_factory=dict)  # metric → step and value, when it came first
    lasts: dict[str, tuple[int, float]] = field(default_factory=dict)

    def add(self, fields: Mapping[str, float], step: int) -> None:
        """Count what was found on a line."""
        if not self.num:
            self.first_step = step
        self.num += 1
        self.last_step = step
        for name, value in fields.items():
            self.firsts.setdefault(name, (step, value))
            self.lasts[name] = (step, value)

    def add_all(self, found: Iterable[Found]) -> None:
        """Count what was found in a file that is no text."""
        for each in found:
            self.add(each.fields, each.step or 0)


@dataclass
class Suggested:
    """A template for lines that no template matches."""

    template: str
    num: int  # of such lines
    line_number: int  # of the first, from 1
    line: bytes


class Trial:
    """A trial of some templates, and of `log = "json"`, on the lines of a file."""

    def __init__(self, templates: Sequence[str]) -> None:
        """Begin.

        Raises:
            ValueError: a template can match nothing of use.
        """
        self.num_lines = 0
        self.tallies = {text: Tally() for text in templates}
        self.json = Tally()
        self.literal_lines: dict[str, tuple[int, bytes]] = {}  # template → the first line that has its longest text
        self._parsers: dict[str, tuple[Template, Parser]] = {
            text: (Template(text), TemplateParser([text], beside=templates)) for text in templates
        }
        self._json = JsonParser()
        self._shapes: dict[bytes, str | None] = {}
        self._suggested: dict[str, Suggested] = {}

    def feed(self, lines: Iterable[Line]) -> None:
        """Look at the next lines."""
        for line, _ in lines:
            self.num_lines += 1
            if not self._take(line) and (template := self._suggest(line)) is not None:
                self._count(template, line)

    def suggested(self) -> list[Suggested]:
        """Return the templates for lines that no template matches, most frequent first.

        A line that occurs once counts only if it holds `step`, `iter`, `epoch` or `batch`, or a loss or score of a part
        of the data, as at the end of a test. Where lines of another kind have the name, an average is called so.
        """
        found = [
            each
            for each in self._suggested.values()
            if each.num > 1 or looks_promising(each.line) or names_result(each.template)
        ]
        found = sorted(found, key=lambda each: -each.num)[:MOST_SUGGESTED]
        kept, named = [], set[str]()
        for each in found:
            each.template = suggest_beside(each.line, named) or each.template
            names = compiled(each.template).names
            if not (each.line.lstrip().startswith(b'"') and named.issuperset(names)):  # of a JSON object of many lines
                kept.append(each)
                named.update(names)
        return kept

    def _take(self, line: bytes) -> bool:
        """Count what the templates find on a line; return whether one of them finds something."""
        is_taken = False
        for text, (template, parser) in self._parsers.items():
            if (found := parser.parse(line)) is not None:
                is_taken = True
                self.tallies[text].add(found[0], found[1] or 0)
            elif text not in self.literal_lines and template.literal and template.literal in line:
                self.literal_lines[text] = (self.num_lines, line)
        if line.lstrip()[:1] == b"{" and (content := load_object(line)) is not None:
            if (taken := self._json.take(content)) is not None:
                self.json.add(taken[0], taken[1] or 0)
            return True
        return is_taken

    def _suggest(self, line: bytes) -> str | None:
        if len(line) > LONGEST_BYTES:
            return None
        shape = shape_of(line)
        if shape in self._shapes:
            return self._shapes[shape]
        template = suggest(line)
        if len(self._shapes) < _MOST_SHAPES:
            self._shapes[shape] = template
        return template

    def _count(self, template: str, line: bytes) -> None:
        known = self._suggested.get(template)
        if known is not None:
            known.num += 1
        elif len(self._suggested) < _MOST_SHAPES:
            self._suggested[template] = Suggested(template, 1, self.num_lines, line)
