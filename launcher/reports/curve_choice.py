"""Which experiments have the plots of their own curves as files.

Of up to 24 experiments all have. Of more, those have that somebody has asked for, by `report --curves NAME`: a thousand
files would take minutes, and the page has every curve.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence

from launcher.planning.defaults import MOST_CURVES
from launcher.planning.selection import matching
from launcher.store.paths import PLOTS, Paths

ALL = "all"


def curves_to_draw(names: Sequence[str], asked: Iterable[str] = (), there: Collection[str] = ()) -> list[str]:
    """Return the experiments whose curves are drawn as files, in the order of `names`.

    Args:
        names: all experiments of the sweep.
        asked: names and shell patterns that a person asks for, separated by commas where a text holds several; `all`.
        there: the experiments that have such a file. It is renewed with its experiment, so that it never is an old one.

    Raises:
        InputError: a name or pattern that is asked for fits no experiment.
    """
    asked = list(asked)
    found = set(names) if ALL in asked else matching(names, asked, "--curves")
    wanted = set(names) if len(names) <= MOST_CURVES else {*there, *found}
    return [name for name in names if name in wanted]


def drawn_before(paths: Paths, metrics: Sequence[str], names: Sequence[str]) -> set[str]:
    """Return the experiments that have the plot of a curve as a file."""
    try:
        files = set(os.listdir(paths.outcome))
    except OSError:
        return set()
    return {
        name
        for name in names
        if any(paths.curve(metric, name, kind).name in files for metric in metrics for kind in PLOTS)
    }
