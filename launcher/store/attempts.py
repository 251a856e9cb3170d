"""What the events say of each experiment's newest attempt.

The records (`history`) say what an experiment measured. Only the events say how a launcher saw its attempt end: a
process that is killed writes no last record. `experiment_state` puts the two together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from launcher.store.ending import EndingKind
from launcher.store.events import Ended, LoggedEvent, MovedAside, Started, read_events
from launcher.text import inline


@dataclass(frozen=True)
class LastAttempt:
    """The newest attempt of an experiment as the launcher saw it."""

    attempt: int
    device: str
    threads: int
    ending: EndingKind | None = None  # None: no launcher has seen it end
    why: str = ""
    seconds: float = 0.0  # of this attempt and of those it goes on from
    earlier: tuple[str, ...] = ()  # how those ended, such as "attempt 1: killed, SIGKILL, after step 3"
    changed: dict[str, int] = field(default_factory=dict)  # what on_oom made other than asked
    peak_gpu_bytes: int | None = None  # on one GPU, as the driver counted it


def last_attempts(events: Iterable[LoggedEvent]) -> dict[str, LastAttempt]:
    """Return the newest attempt of each experiment, from the events of a sweep in their order."""
    found: dict[str, LastAttempt] = {}
    for event in events:
        before = found.get(event.experiment)
        match event:
            case Started():
                found[event.experiment] = _started(event, before)
            case Ended() if before is not None and before.attempt == event.attempt:
                total_s = before.seconds + event.seconds
                device = f"{before.device} {inline(event.node, 100)}" if event.node else before.device
                peak = event.peak_gpu_memory_bytes
                found[event.experiment] = replace(
                    before, device=device, ending=event.ending, why=event.why, seconds=total_s, peak_gpu_bytes=peak
                )
            case MovedAside() if before is not None:  # its time and its reason belong to what was moved away
                ending = before.ending or EndingKind.INTERRUPTED
                found[event.experiment] = LastAttempt(before.attempt, "", 0, ending)
    return found


def counted_bytes(last: LastAttempt | None, attempt: int) -> int | None:
    """Return the most GPU memory that the driver counted for an attempt; None if it is not the last, or unknown."""
    return last.peak_gpu_bytes if last is not None and last.attempt == attempt else None


def read_last_attempts(path: Path) -> dict[str, LastAttempt]:
    """Return the newest attempt of each experiment, from the file of events.

    Raises:
        InputError: what lies at the path is no file, or cannot be read.
    """
    return last_attempts(read_events(path))


def _started(event: Started, before: LastAttempt | None) -> LastAttempt:
    attempt = LastAttempt(event.attempt, event.device, event.threads, changed=event.changed)
    if before is None or not event.goes_on:
        return attempt
    ending = before.ending or EndingKind.INTERRUPTED
    ended = f"attempt {before.attempt}: {ending}{f', {before.why}' if before.why else ''}"
    return replace(attempt, seconds=before.seconds, earlier=(*before.earlier, ended))
