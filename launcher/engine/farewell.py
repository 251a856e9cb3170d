"""The words with which a launch leaves experiments to a cluster."""

from __future__ import annotations

from collections.abc import Iterable

from launcher.engine.attempt import Attempt
from launcher.planning.job import Sweep
from launcher.shell_command import stop_to_type


def farewell(running: Iterable[Attempt], sweep: Sweep, *, was_asked: bool) -> str:
    """Return what goes on without the launch, and what a user can type: "12 run and 30 wait on the cluster …".

    `was_asked`: by --leave; the same command would leave again.
    """
    waits = [bool(attempt.worker.waits) for attempt in running]
    if not waits:
        return "nothing is left on the cluster."
    num_running, num_waiting = waits.count(False), waits.count(True)
    told = [
        *([f"{num_running} {'runs' if num_running == 1 else 'run'}"] if num_running else []),
        *([f"{num_waiting} {'waits' if num_waiting == 1 else 'wait'}"] if num_waiting else []),
    ]
    goes = "goes" if len(waits) == 1 else "go"
    follows = "The same command without --leave" if was_asked else "The same command"
    stop = stop_to_type(sweep.job_file, sweep.folders)
    return f"{' and '.join(told)} on the cluster and {goes} on. {follows} follows. To end what is there: {stop}"
