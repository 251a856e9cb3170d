"""What a launch renews because the job file has changed since the launch before: `sweep.json`, tables and plots."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from dataclasses import replace

from launcher.engine.written_plan import write_job_file
from launcher.planning.origin import Origin
from launcher.planning.plan import Plan
from launcher.store.dropped_plots import dropped_plots
from launcher.store.launch_info import LaunchInfo
from launcher.store.manifest import is_same, write_manifest


def renew_manifest(plan: Plan) -> list[str]:
    """Write `sweep.json` again if the job has changed, for a launch that starts nothing. Return what went wrong.

    What the file says about the newest launch stays.
    """
    before = plan.previous
    launch = before.launch if before else LaunchInfo()
    if launch.origin is not None or plan.sweep.adopts or before is None:
        launch = replace(launch, origin=dataclasses.asdict(Origin.of(plan.sweep, plan.paths.outcome)))
    manifest = plan.manifest(launch)
    try:
        write_job_file(plan)
        if before is not None and is_same(manifest, before):
            return []
        write_manifest(plan.paths, manifest)
    except OSError as error:
        return [f"{error.filename or plan.paths.sweep} cannot be written: {error.strerror}."]
    remove_dropped_plots(plan)
    return []


def remove_dropped_plots(plan: Plan) -> None:
    """Remove the plots that the job no longer names: by their metric, or by their kind of file."""
    if plan.previous is not None:
        for path in dropped_plots(plan.paths, plan.previous, plan.manifest(plan.previous.launch)):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def outdated_views(plan: Plan, moved: Sequence[str]) -> list[str]:
    """Return the experiments whose tables and plots are outdated before any experiment of this launch has ended.

    `moved` are the experiments whose files this launch has moved aside.
    """
    before = plan.previous
    if before is None:
        return []
    now = plan.manifest(before.launch)
    names, names_before = ([entry.name for entry in manifest.experiments] for manifest in (now, before))
    looks, looks_before = (
        (manifest.metrics, manifest.maximize, manifest.metric_details, manifest.plots, manifest.x)
        for manifest in (now, before)
    )
    if (looks_before, names_before) != (looks, names):
        return [decision.experiment.name for decision in plan.decisions]
    return list(moved)
