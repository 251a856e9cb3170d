"""Which lines of a comparison are named, and what is written about the others. Pure.

Up to a dozen lines all are named. Of more, the best five and the reference are: by the best value of all steps, of the
experiments that have neither failed nor diverged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from launcher.reports.axes import AxisRule
from launcher.reports.plots.line import Line, has_cross, is_drawable
from launcher.reports.plots.mean_line import seed_notes
from launcher.reports.smoothing import NOT_SMOOTHED
from launcher.store.metric import Metric

MOST_NAMED = 12  # lines that are all named
NUM_BEST = 5  # that are named of more
CROSS = "\N{MULTIPLICATION SIGN}"
_MOST_LISTED = 3  # names in a note


@dataclass(frozen=True)
class Choice:
    """The lines of a comparison, each list in the order of the job file."""

    named: Sequence[Line]
    others: Sequence[Line]
    empty: Sequence[Line]  # without a point that can be drawn
    reference: str | None  # named beside the best; None where all are named

    @property
    def drawn(self) -> Sequence[Line]:
        """The lines that are drawn."""
        return [*self.others, *self.named]


def choose(lines: Sequence[Line], metric: Metric, reference: str | None) -> Choice:
    """Choose the lines that are named; `reference`: the name of the experiment that the others are compared with."""
    drawable = [line for line in lines if is_drawable(line)]
    empty = [line for line in lines if not is_drawable(line)]
    if len(drawable) <= MOST_NAMED:
        return Choice(drawable, [], empty, None)
    ranked = sorted(
        (line for line in drawable if line.may_win and line.best is not None),
        key=lambda line: -(line.best or 0.0) if metric.is_maximized else (line.best or 0.0),
    )
    named = {line.name for line in ranked[:NUM_BEST]} | {reference}
    return Choice(
        [line for line in drawable if line.name in named],
        [line for line in drawable if line.name not in named],
        empty,
        reference if any(line.name == reference for line in drawable) else None,
    )


def notes(
    choice: Choice, rule: AxisRule | None, names: Mapping[str, str], key: str, noun: str = "experiment"
) -> list[str]:
    """Return what is written under a comparison.

    Args:
        key: of the configuration, that colours the lines; or empty.
        noun: what a line is: an experiment, or a configuration.
    """
    found = []
    if choice.others:
        colour = f" The colour of the others is their {key}." if key else ""
        found.append(f"{_who_is_named(choice, names, noun)}{colour}")
    elif any(len(line.smooth) > NOT_SMOOTHED and not _is_mean(line) for line in choice.named):
        found.append("Faint: the values as logged. Strong: their mean over 5 % of the curve.")
    found += seed_notes(choice.named)
    if any(has_cross(each, rule) for line in choice.drawn for each in (line, *line.seeds)):
        found.append(f"{CROSS} where an experiment failed or diverged, or its values are no numbers any more.")
    if choice.empty:
        listed = ", ".join(names[line.name] for line in choice.empty[:_MOST_LISTED])
        more = len(choice.empty) - _MOST_LISTED
        found.append(f"No number to draw: {listed}{f' and {more:,} more' if more > 0 else ''}.")
    return found


def _is_mean(line: Line) -> bool:
    return bool(line.seeds) or line.band is not None


def _who_is_named(choice: Choice, names: Mapping[str, str], noun: str) -> str:
    num_all, num_best = len(choice.drawn), sum(line.name != choice.reference for line in choice.named)
    reference = f"the reference, {names[choice.reference]}" if choice.reference else ""
    if not num_best:
        named = f"only {reference}, is named" if reference else "none is named"
        return f"Of {num_all:,} {noun}s {named}: all others failed or diverged."
    best = "the best is named" if num_best == 1 else f"the best {num_best} are named"
    return f"Of {num_all:,} {noun}s {best}{f', and {reference}' if reference else ''}."
