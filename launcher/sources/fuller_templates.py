"""Which number belongs to which of two templates: to that which has a further word before it.

loss: {loss}             loss: 2.3                 loss 2.3
test loss: {test_loss}   test loss: 2.4            test_loss 2.4, and no loss

A text that another placeholder follows says nothing of the number: with `step {step} loss: {train_loss}` in place
of the second, the line `step 1 loss: 2.3` has both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from launcher.sources.template import EXAMPLE_OF_ANY, Template

Span = tuple[int, int]
_WORD = re.compile(rb"[A-Za-z\x80-\xff]")
_UNIT = re.compile(rb"[A-Za-z\x80-\xff%]+")


@dataclass(frozen=True)
class Fuller:
    """A template to which numbers belong that a lesser one finds too."""

    template: Template
    groups: tuple[int, ...]  # those numbers
    literal: bytes  # a text of it, of which most lines of the lesser one have nothing


def fuller(template: Template, others: Sequence[Template]) -> list[Fuller]:
    """Return those of the other templates to which numbers of a template belong."""
    if not template.has_lead:
        return []
    found = []
    for other in others:
        if other is not template and (groups := _taken(template, other)):
            own = [literal for literal in other.literals if literal not in template.text.encode()]
            found.append(Fuller(other, groups, max(own, key=len, default=other.literal)))
    return found


def find_apart(
    template: Template, taken_by: Sequence[Fuller], line: bytes
) -> tuple[dict[str, int | float], int | None] | None:
    """Return what a template finds on a line, as `Template.find`, where fuller templates do not find it."""
    taken: set[Span] = set()
    for other in taken_by:
        if other.literal in line and (match := other.template.search(line)) is not None:
            taken.update(map(match.span, other.groups))
    if not taken:
        return template.find(line)
    start = 0
    while (match := template.search(line, start)) is not None and taken.issuperset(_spans(match)):
        start = match.end()
    return template.find(line, start)


def _taken(template: Template, other: Template) -> tuple[int, ...]:
    """Return which numbers of the other template, by their places from 1, a template finds under other names.

    There the other has a further word directly before what the template finds.
    """
    text, start = other.example, 0
    if (whole := other.search(text)) is None:
        return ()
    places = {span: place for place, span in enumerate(_spans(whole), start=1)}
    taken: list[int] = []
    while (match := template.search(text, start)) is not None:
        own = _spans(match)
        is_part = whole.start() <= match.start() and match.end() <= whole.end() and places.keys() >= set(own)
        if is_part and _has_word(text, match.start(), [end for _, end in places]):
            name = other.names[places[own[0]] - 1]
            taken += [places[span] for span in own] if name not in (template.names[0], "step") else []
        start = match.end()
    return tuple(taken)


def _has_word(text: bytes, place: int, ends: Sequence[int]) -> bool:
    """Say whether a word stands before a place, behind the last placeholder and its unit."""
    end = max([end for end in ends if end <= place], default=0)
    end = max(end, text.rfind(EXAMPLE_OF_ANY, 0, place) + 1)
    if end and (unit := _UNIT.match(text, end)) is not None:
        end = unit.end()
    return _WORD.search(text, end, place) is not None


def _spans(match: re.Match[bytes]) -> list[Span]:
    return [match.span(number) for number in range(1, match.re.groups + 1)]
