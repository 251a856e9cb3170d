"""Finds metrics by templates: what the templates find on a line is a single record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from launcher.sources.fuller_templates import find_apart, fuller
from launcher.sources.steps import Epoch, Steps, StepsByName
from launcher.sources.template import Template, compiled
from launcher.text import inline

_Found = tuple[dict[str, int | float], int | None]


class TemplateParser:
    """Looks for templates in lines.

    A line gives at most a single record, with the numbers of all templates that match. A number that two templates
    find under two names belongs to the one with a further word before it (`launcher.sources.fuller_templates`). The
    step is that of the first of the templates that has a {step}; without such a template, the matches of the first
    template are counted, together with those of templates that have a metric in common with it.
    """

    def __init__(
        self,
        templates: Sequence[str],
        after_step: int = 0,
        shared: StepsByName | None = None,
        beside: Sequence[str] = (),
        epochs: Mapping[str, Sequence[Epoch]] | None = None,
    ) -> None:
        """Compile the templates. Matches without a step are counted from the step after `after_step`.

        `shared`: the steps of templates in other parsers of the same lines. `beside`: templates of other parsers to
        which a number of these lines may belong. `epochs`: by template, those of the attempt that this goes on with.

        Raises:
            ValueError: a template can match nothing of use.
        """
        self.notes: list[str] = []
        by_name = shared or StepsByName(after_step)
        known = [
            (template, by_name.of((name for name in template.names if name != "step"), begun))
            for template in map(compiled, templates)
            for begun in [Steps(by_name.after, (epochs or {}).get(template.text, ()))]
        ]
        everyone = [compiled(text) for text in dict.fromkeys((*templates, *beside))]
        # With the methods beside them: to look one up takes as long as to search a line for a literal.
        self._known = [
            (template.literal, _finder(template, everyone), steps.next if template.has_step else None, template, steps)
            for template, steps in known
        ]

    def parse(self, line: bytes) -> tuple[dict[str, Any], int | None] | None:
        """Return the numbers and the step on a line; None if no template matches."""
        found: tuple[dict[str, Any], int | None] | None = None
        first: Steps | None = None  # of the first template that matches
        step: int | None = None
        is_counted = False  # whether the step that was found is a count
        for literal, find, next_step, template, steps in self._known:
            if literal not in line or (match := find(line)) is None:
                continue
            fields, printed = match
            if next_step is not None:
                step = next_step(printed, fields.get("epoch", -1))
            elif first is None or not steps.is_kin_of(first):  # a line is counted once
                step = steps.count()
            if steps.note:
                self.notes.append(f'"{inline(template.text)}": {steps.note}')
                steps.note = ""
            if found is None:
                first = steps
                found, is_counted = (fields, step), next_step is None
            elif is_counted and next_step is not None:
                found, is_counted = ({**fields, **found[0]}, step), False
            else:
                found = ({**fields, **found[0]}, found[1])
        return found

    def epochs(self) -> dict[str, list[Epoch]]:
        """Return the epochs of each template that has a {step}, as far as the lines have shown them."""
        return {
            template.text: steps.epochs for *_, template, steps in self._known if template.has_step and steps.epochs
        }


def _finder(template: Template, everyone: Sequence[Template]) -> Callable[[bytes], _Found | None]:
    """Return what finds the numbers of a template that belong to it."""
    taken_by = fuller(template, everyone) if len(everyone) > 1 else []
    return partial(find_apart, template, taken_by) if taken_by else template.find
