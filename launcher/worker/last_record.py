"""The last record of an attempt: how it ended, its error, and the memory it took. `target_ending` says how it ended."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from launcher.config import redact
from launcher.store.ending import EndingKind
from launcher.store.records import RecordWriter
from launcher.worker import bell

if TYPE_CHECKING:  # the worker of a script needs no more modules than it uses: see `preloaded`
    from launcher.worker.rank_run import NoRecords

_WORDS = ("error", "trace")  # fields of a last record that are in words of the user's code


def facts_at_end(writer: RecordWriter | NoRecords, peak_bytes: int | None = None) -> dict[str, Any]:
    """Return what the last record says besides the ending: records that were lost, and memory.

    `peak_bytes`: the most that a child has held, where children train; None: this process trains.
    """
    lost = {"unwritten": writer.num_unwritten, "unwritten_why": str(writer.error)} if writer.num_unwritten else {}
    return lost | (_peak_memory() if peak_bytes is None else {"peak_memory_bytes": peak_bytes})


def write_last_record(
    last: dict[str, Any], facts: dict[str, Any], writer: RecordWriter, bell_fd: int, secrets: Callable[[], list[str]]
) -> bool:
    """Write the last record and return True; if it cannot be written, tell the launcher by the bell, return False.

    An error is in words of the user's code, which may hold a secret: it is hidden, as it is everywhere else.

    `facts`: those of `facts_at_end`. `secrets`: returns those of the attempt.
    """
    last = last | {"ending": str(last["ending"])}
    if "error" in last:
        hidden = secrets()
        last = {key: redact.without(value, hidden) if key in _WORDS else value for key, value in last.items()}
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


def secrets_of(
    config: Mapping[str, Any],
    given: Mapping[str, Any],
    inherited: Mapping[str, str] | None = None,
    own: Mapping[str, str] | None = None,
    argv: Sequence[str] = (),
) -> list[str]:
    """Return the secrets of a configuration, an environment and a command line, as texts.

    `inherited`: what a script finds in its environment besides what this process finds. `own`: what it is given itself.
    """
    around = {**os.environ, **(inherited or {})}
    without_paths = {key: value for key, value in around.items() if not value.startswith("/")}  # as PWD, SSH_AUTH_SOCK
    tables = {"config": config, "given": given, "env": without_paths | dict(own or {})}
    return [*redact.secrets(tables), *redact.secrets_in(argv)]


def _peak_memory() -> dict[str, int]:
    peak = {"peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        peak["peak_gpu_memory_bytes"] = int(torch.cuda.max_memory_reserved())
    return peak
