"""Says which experiments would be recorded from the same files, so that each gets the numbers of all."""

from __future__ import annotations

import os

from launcher.command.arguments import Filling
from launcher.planning.command_line import own_values
from launcher.planning.plan import Plan
from launcher.planning.program_settings import event_globs
from launcher.text import inline, listed

_MOST_NAMES = 3


def shared_events(plan: Plan) -> list[str]:
    """Return a line for each glob of `events` that means the same files for several experiments that are to run."""
    settings = plan.sweep.settings
    found: dict[tuple[str, str], list[str]] = {}
    globs = event_globs(settings) if len(plan.to_run) > 1 else ()
    for decision in plan.to_run if globs else ():
        experiment = decision.experiment
        folder = plan.paths.run(experiment.name)
        values = own_values(settings, experiment.name, experiment.seed, plan.paths.outcome, folder, decision.attempt)
        filling = Filling(decision.given, values)
        for pattern in globs:
            path = os.path.join(filling.text(settings.cwd), filling.for_globs.text(pattern))
            found.setdefault((pattern, os.path.normpath(path)), []).append(experiment.name)
    return [
        f'*** events: "{inline(pattern, 200)}" means the same files for {listed(names, _MOST_NAMES)}: what one of them '
        "writes is recorded for all that run at the same time. Let each write below {dir}, in the command, and name "
        "{dir} in events ***"
        for (pattern, _), names in found.items()
        if len(names) > 1
    ]
