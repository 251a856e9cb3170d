"""Which plots belong to an earlier state of a sweep and not to its present state. Pure: no file is touched."""

from __future__ import annotations

from pathlib import Path

from launcher.store.manifest import Manifest
from launcher.store.paths import Paths


def dropped_plots(paths: Paths, before: Manifest, now: Manifest) -> set[Path]:
    """Return the files of plots of `before` that `now` does not have.

    These are the plots of the whole sweep by a metric that is no longer named, and all plots as a kind of file
    that is no longer named. The plot of a single experiment stays otherwise, and so does its experiment's log.
    """
    stays = {path for metric in now.metrics for kind in now.plots for path in paths.of_metric(metric, kind)}
    dropped = {path for metric in before.metrics for kind in before.plots for path in paths.of_metric(metric, kind)}
    dropped -= stays
    for kind in set(before.plots) - set(now.plots):
        dropped |= {paths.curve(metric, entry.name, kind) for metric in before.metrics for entry in before.experiments}
    return dropped
