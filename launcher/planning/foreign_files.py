"""Refuses an outcome folder in which a launch would write over files that no sweep has made.

Such a folder is, for example, the `results/` that a user's own scripts have filled, with a `report.html` in it.
"""

from __future__ import annotations

import os

from launcher.errors import InputError
from launcher.planning.job import Sweep
from launcher.store.paths import PLOTS, Paths
from launcher.text import inline

_NUM_NAMED = 4


def check_foreign_files(sweep: Sweep, paths: Paths) -> None:
    """Look for files under the names of tables, plots and reports in an outcome folder of no sweep.

    A folder with records, events or `sweep.json` is that of a sweep.

    Raises:
        InputError: there are such files, and the sweep does not adopt the folder.
    """
    if sweep.adopts:
        return
    try:
        there = set(os.listdir(paths.outcome))
    except OSError:
        return  # there is no folder, or what makes it says what is wrong
    if not there or {paths.sweep.name, paths.events.name, paths.records_folder.name} & there:
        return
    if found := sorted(there & _written(sweep, paths)):
        more = f" and {len(found) - _NUM_NAMED} more" if len(found) > _NUM_NAMED else ""
        folder, named = inline(str(paths.outcome), 500), f"{', '.join(found[:_NUM_NAMED])}{more}"
        raise InputError(
            f"{folder} has files that no sweep has made, and this sweep would write over them: {named}.\n"
            "  Give it a folder of its own: outcome = in the job file, or --outcome DIR. Or let it: --adopt"
        )


def _written(sweep: Sweep, paths: Paths) -> set[str]:
    """Return the names of the files that a launch writes whatever lies there."""
    files = [paths.table_txt, paths.table_csv, paths.runs_csv, paths.report_html, paths.report_md]
    if sweep.text:
        files.append(paths.job)
    for metric in sweep.settings.metrics:
        for kind in PLOTS:
            files += paths.of_metric(metric, kind)
            files += [paths.curve(metric, name, kind) for name in sweep.experiments]
    return {path.name for path in files}
