"""Which number belongs to which of two templates: to that which says more of the line.

loss: {loss}             loss: 2.3                 loss 2.3
test loss: {test_loss}   test loss: 2.4            test_loss 2.4, and no loss: all that the first finds here is part
                                                   of what the second finds, under another name
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from launcher.sources.template import Template

Span = tuple[int, int]


def fuller(template: Template, others: Sequence[Template]) -> list[Template]:
    """Return those of the other templates which say more of a line that both find, and have other names in it."""
    return [other for other in others if other is not template and _is_within(template, other)]


def find_apart(
    template: Template, taken_by: Sequence[Template], line: bytes
) -> tuple[dict[str, int | float], int | None] | None:
    """Return what a template finds on a line, as `Template.find`, where fuller templates do not find it."""
    matches = [match for other in taken_by if other.literal in line and (match := other.search(line)) is not None]
    taken = {span for match in matches for span in _spans(match)}
    start = 0
    while (match := template.search(line, start)) is not None and taken.issuperset(_spans(match)):
        start = match.end()
    return template.find(line, start)


def _is_within(template: Template, other: Template) -> bool:
    """Say whether what one template finds is part of what the other finds, and a number has other names in them."""
    text, start = other.example, 0
    whole = other.search(text)
    if whole is None:
        return False
    names = dict(zip(_spans(whole), other.names, strict=True))
    while (match := template.search(text, start)) is not None:
        own = dict(zip(_spans(match), template.names, strict=True))
        is_part = whole.start() <= match.start() and match.end() <= whole.end() and match.span() != whole.span()
        if (
            is_part
            and names.keys() >= own.keys()
            and any(names[span] not in (name, "step") for span, name in own.items())
        ):
            return True
        start = match.end()
    return False


def _spans(match: re.Match[bytes]) -> list[Span]:
    return [match.span(number) for number in range(1, match.re.groups + 1)]
