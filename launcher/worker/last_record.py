"""What the last record of an attempt says: how it ended, its error, and the memory it took."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from typing import Any

from launcher.config import redact
from launcher.store.ending import EndingKind
from launcher.store.records import RecordWriter
from launcher.store.summary_file import read_summary
from launcher.worker import bell
from launcher.worker.failure import describe, is_out_of_memory, trace_of
from launcher.worker.rank_run import NoRecords
from launcher.worker.run import Diverged, Run
from launcher.worker.spec import Spec
from launcher.worker.stop_signal import StopSignal, breaks_off

_WORDS = ("error", "trace")  # fields of a last record that are in words of the user's code


def last_record(spec: Spec, run: Run, stop: StopSignal, failure: BaseException | None) -> dict[str, Any]:
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


def facts_at_end(writer: RecordWriter | NoRecords, *, is_script: bool = False) -> dict[str, Any]:
    """Return what the last record says about this process besides the ending: records that were lost, and memory.

    `is_script`: a child of this process trains; of several children, the largest counts.
    """
    lost = {"unwritten": writer.num_unwritten, "unwritten_why": str(writer.error)} if writer.num_unwritten else {}
    return lost | _peak_memory(resource.RUSAGE_CHILDREN if is_script else resource.RUSAGE_SELF)


def write_last_record(
    spec: Spec, last: dict[str, Any], facts: dict[str, Any], writer: RecordWriter, bell_fd: int
) -> bool:
    """Write the last record and return True; if it cannot be written, tell the launcher by the bell, return False.

    An error is in words of the user's code, which may hold a secret: it is hidden, as it is everywhere else.

    `facts`: those of `facts_at_end`.
    """
    secrets = _secrets(spec) if "error" in last else []
    last = {key: redact.without(value, secrets) if key in _WORDS else value for key, value in last.items()}
    try:
        writer.write({"kind": "end"} | last | facts)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.write(2, str(last.get("trace", "")).encode("utf-8", "backslashreplace"))
        unwritten = {"ending": EndingKind.FAILED, "error": f"its last record could not be written: {error}"}
        word = {key: str(last[key]) for key in ("ending", "error")} if "error" in last else unwritten
        bell.send_last_word(bell_fd, word)
        return False
    writer.ring()
    return True


def _secrets(spec: Spec) -> list[str]:
    """Return the secrets of the configuration and of the environment, as texts."""
    of_script = spec.script.environment if spec.script is not None else {}
    inherited = {key: value for key, value in os.environ.items() if not value.startswith("/")}  # as PWD, SSH_AUTH_SOCK
    return redact.secrets({"config": spec.config, "given": spec.given, "env": inherited | of_script})


def user_folders(spec: Spec) -> list[str]:
    """Return where the user's own code is: the job's folder, then the folders or the file of the target's package."""
    top = sys.modules.get(spec.target.partition(":")[0].partition(".")[0])
    packages = [folder + os.sep for folder in getattr(top, "__path__", [])]
    return [f"{spec.folder.resolve()}{os.sep}", *(packages or [str(getattr(top, "__file__", None) or os.devnull)])]


def _ending_of(error: BaseException) -> EndingKind:
    if isinstance(error, Diverged):
        return EndingKind.DIVERGED
    return EndingKind.OUT_OF_MEMORY if is_out_of_memory(error) else EndingKind.FAILED


def _peak_memory(whose: int) -> dict[str, int]:
    peak = {"peak_memory_bytes": resource.getrusage(whose).ru_maxrss * 1024}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        peak["peak_gpu_memory_bytes"] = int(torch.cuda.max_memory_reserved())
    return peak
