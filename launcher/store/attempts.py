"""What the events say of each experiment's newest attempt, and how events and records together tell how it ended.

The records (`history`) say what an experiment measured. Only the events say how a launcher saw its attempt end: a
process that is killed writes no last record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from launcher.store.ending import EndingKind
from launcher.store.events import Ended, LoggedEvent, MovedAside, Started, read_events
from launcher.store.history import History
from launcher.store.locks import Holder
from launcher.store.manifest import Manifest


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
                found[event.experiment] = replace(before, ending=event.ending, why=event.why, seconds=total_s)
            case MovedAside() if before is not None:  # its time and its reason belong to what was moved away
                ending = before.ending or EndingKind.INTERRUPTED
                found[event.experiment] = LastAttempt(before.attempt, "", 0, ending)
    return found


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


@dataclass(frozen=True)
class AtWork:
    """The launch that is at work in a folder: the first attempt of each experiment it runs. Empty where none is."""

    attempts: Mapping[str, int] = field(default_factory=dict)

    def is_running(self, name: str, last: LastAttempt | None) -> bool:
        """Return whether an experiment runs now: an attempt of this launch has started and has not ended."""
        first = self.attempts.get(name)
        return first is not None and last is not None and last.ending is None and last.attempt >= first


def at_work(manifest: Manifest, holder: Holder | None) -> AtWork:
    """Return the launch that is at work, given who holds the folder's lock.

    A launcher that is still checking the data holds the lock while `sweep.json` describes an earlier launch. So the
    holder and the launch of `sweep.json` must be the same process.
    """
    if holder is None or not manifest.launch.is_by(holder):
        return AtWork()
    return AtWork(manifest.launch.attempts)


def last_ending(history: History, last: LastAttempt | None) -> EndingKind | None:
    """Return how the newest attempt ended; None if there was no attempt.

    What a launcher saw counts first, then the worker's last record. Without either the attempt was interrupted.
    """
    if history.start is None:
        return None
    if last is not None and last.attempt == history.attempt and last.ending is not None:
        return last.ending
    return EndingKind(history.end["ending"]) if history.end else EndingKind.INTERRUPTED


def why_ended(ending: str | None, last: LastAttempt | None) -> str:
    """Return why the newest attempt ended so, as far as it is known."""
    if last is None:
        return ""
    if ending == EndingKind.INTERRUPTED and last.ending is None:
        return "its launcher was gone"
    return last.why if last.ending == ending else ""


def spent_s(history: History, last: LastAttempt | None) -> float:
    """Return how long the newest attempt and those it goes on from took, in seconds.

    An attempt without an end counts until its newest record.
    """
    if last is None:  # the file of events is lost: the records alone say it
        return history.before_s + history.last_s
    is_open = last.ending is None and last.attempt == history.attempt
    return last.seconds + (history.last_s if is_open else 0.0)
