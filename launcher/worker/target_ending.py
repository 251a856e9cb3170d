"""How the attempt of a training function ended: from its run, from what it raised, and from the signal to stop."""

from __future__ import annotations

import os
import sys
from typing import Any

from launcher.store.ending import EndingKind
from launcher.store.summary_file import read_summary
from launcher.worker.failure import describe, is_out_of_memory, trace_of
from launcher.worker.run import Diverged, Run
from launcher.worker.spec import Spec
from launcher.worker.stop_signal import StopSignal, breaks_off


def target_ending(spec: Spec, run: Run, stop: StopSignal, failure: BaseException | None) -> dict[str, Any]:
    """Return the ending of an attempt, and what is known about it, as fields of the last record.

    `failure`: what the target raised, if anything.
    """
    # An error that is not a way to leave is a failure, even if the attempt was asked to stop before.
    has_left = breaks_off(failure) if failure else not run.divergence
    records = spec.paths.records(spec.experiment)
    is_short = failure is not None or (stop.was_taken and not read_summary(records, ()).has_all_steps)
    if has_left and (run.was_stopped or (stop.was_taken and is_short)):
        return {"ending": EndingKind.INTERRUPTED}
    heard = {"heard": True} if stop.was_heard else {}
    if failure is None and run.divergence:  # the target caught the exception, or it was raised in a thread
        return {"ending": EndingKind.DIVERGED, "error": f"Diverged: {run.divergence}"}
    if failure is None:
        return {"ending": EndingKind.DONE} | heard
    error = {"ending": _ending_of(failure), "error": describe(failure, user_folders(spec)), "trace": trace_of(failure)}
    return error | ({"left": True} if has_left else {}) | heard


def user_folders(spec: Spec) -> list[str]:
    """Return where the user's own code is: the job's folder, then the folders or the file of the target's package."""
    top = sys.modules.get(spec.target.partition(":")[0].partition(".")[0])
    packages = [folder + os.sep for folder in getattr(top, "__path__", [])]
    folders = [f"{folder}{os.sep}" for folder in (*spec.search, spec.folder.resolve())]
    return [*folders, *(packages or [str(getattr(top, "__file__", None) or os.devnull)])]


def _ending_of(error: BaseException) -> EndingKind:
    if isinstance(error, Diverged):
        return EndingKind.DIVERGED
    return EndingKind.OUT_OF_MEMORY if is_out_of_memory(error) else EndingKind.FAILED
