"""What a command prints when it is done: its result on stdout, as lines or JSON, and messages on stderr."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from launcher.store.values import json_value
from launcher.terminal import colour
from launcher.text import printable

if TYPE_CHECKING:
    from launcher.engine.summary import Summary
    from launcher.reports.remarks import Remark
    from launcher.reports.text_table import Line
    from launcher.store.experiment_state import ExperimentState
    from launcher.store.paths import Paths


def show(text: str) -> None:
    """Print a result on stdout."""
    print(text, flush=True)


def print_json(value: Any) -> None:
    """Print a value as JSON. Numbers that JSON has no word for are texts: nan, inf, -inf."""
    show(json.dumps(json_value(value), indent=1, default=str))


def print_lines(lines: Sequence[Line]) -> None:
    """Print lines of spans on stdout, coloured where colour is wanted."""
    from launcher.reports.text_table import plain

    has_colour = sys.stdout is not None and colour.is_wanted(sys.stdout)
    for line in lines:
        safe = [(printable(text, None), style) for text, style in line]
        print(colour.paint_line(safe) if has_colour else plain(safe))
    if sys.stdout is not None:
        sys.stdout.flush()


def print_results(
    experiments: Sequence[ExperimentState],
    metrics: Sequence[str],
    paths: Paths,
    status: str,
    heading: str,
    group: str | None = None,
) -> None:
    """Print the results of a sweep on stdout: what fits on a terminal; the heading and everything elsewhere.

    `status`: the command that shows all experiments. `heading`: which results these are. `group`: a key whose values
    have a row each.
    """
    from launcher.terminal.last_screen import results

    width = stdout_width()
    print_lines(results(experiments, metrics, paths, status, width, heading if width is None else "", group))


def stdout_width() -> int | None:
    """Return the width of the terminal that stdout is; None if it is none, and no line has to fit.

    The terminal is asked. The variable COLUMNS, which may be of another window, counts only if the terminal cannot say.
    """
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    with contextlib.suppress(OSError, ValueError):
        if columns := os.get_terminal_size(sys.stdout.fileno()).columns:
            return columns
    return shutil.get_terminal_size().columns


def message(text: str, shade: colour.Colour | None = None) -> None:
    """Print a message on stderr, its first line coloured where colour is wanted."""
    if shade is not None and sys.stderr is not None and colour.is_wanted(sys.stderr):
        text = colour.paint(text, shade)
    if sys.stderr is not None:  # None where the launcher was started without
        print(text, file=sys.stderr, flush=True)


def print_summary(
    summary: Summary,
    paths: Paths,
    experiments: Sequence[ExperimentState],
    metrics: Sequence[str],
    *,
    fresh: bool,
    is_maximize_given: bool = False,
) -> None:
    """Print how a launch ended: how many experiments ended how, and what must be told of them, as the last words.

    `experiments`: as their files say that they stand; empty if these could not be read.
    """
    from launcher.reports.remarks import grouped, remarks
    from launcher.store.ending import EndingKind

    counts = [f"{len(summary.kept)} kept"] if summary.kept else []
    for kind in EndingKind:
        count = sum(ending.kind == kind for ending in summary.endings.values())
        counts += [f"{count} {kind}"] if count else []
    counts += [f"{len(summary.not_started)} not started"] if summary.not_started else []
    counts += [f"{len(summary.left)} left to the cluster"] if summary.left else []
    told = remarks(experiments, metrics)
    known = {name for remark in told for name in remark.names}
    ended = [(name, str(ending.kind), ending.why) for name, ending in summary.endings.items() if name not in known]
    unknown = grouped([each for each in ended if each[2]])
    message(f"{', '.join(counts)}.", "green" if summary.is_done and not told and not unknown else None)
    print_remarks(experiments, metrics, paths, unknown, is_maximize_given=is_maximize_given)
    if not summary.is_done and not summary.has_lost_folder:
        message(f"The same command again{', without --fresh,' if fresh else ''} goes on with what is not done.")


def print_remarks(
    experiments: Sequence[ExperimentState],
    metrics: Sequence[str],
    paths: Paths,
    further: Sequence[Remark] = (),
    *,
    is_maximize_given: bool = False,
) -> None:
    """Print what must be told of experiments beside their numbers, equal failures once; and of metrics."""
    from launcher.reports.analysis import told_of_metrics
    from launcher.reports.remarks import remarks

    for remark in [*remarks(experiments, metrics), *further]:
        message(textwrap.indent(remark.text(paths.log), "  "), "red" if remark.is_failure else "magenta")
    for sentence in told_of_metrics(experiments, metrics, is_maximize_given=is_maximize_given):
        message(f"  {sentence}", "magenta")
