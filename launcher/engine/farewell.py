"""The words with which a launch leaves experiments to a cluster."""

from __future__ import annotations

from collections.abc import Iterable

from launcher.engine.attempt import Attempt


def farewell(running: Iterable[Attempt]) -> str:
    """Return what goes on without the launch, and what a user can type: "12 run and 30 wait on the cluster …"."""
    waits = [bool(attempt.worker.waits) for attempt in running]
    if not waits:
        return "nothing is left on the cluster."
    num_running, num_waiting = waits.count(False), waits.count(True)
    told = [
        *([f"{num_running} {'runs' if num_running == 1 else 'run'}"] if num_running else []),
        *([f"{num_waiting} {'waits' if num_waiting == 1 else 'wait'}"] if num_waiting else []),
    ]
    goes = "goes" if len(waits) == 1 else "go"
    return (
        f"{' and '.join(told)} on the cluster and {goes} on. The same command follows; stop --all ends what is there."
    )
