"""Writes the events of a launch to `events.jsonl`. A launch goes on if the file cannot be written."""

from __future__ import annotations

from collections.abc import Callable

from launcher.engine.attempt import Attempt
from launcher.engine.listener import AttemptEnd
from launcher.store.events import Ended, EventLog, LoggedEvent
from launcher.store.paths import Paths


class EventRecorder:
    """The event log of one launch.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, paths: Paths, warn: Callable[[str], None]) -> None:
        self._path = paths.events
        self._warn = warn
        self._events = EventLog(paths.events)
        self.num_unwritten = 0

    def log_event(self, event: LoggedEvent) -> None:
        """Write an event. An error, such as a full disk, is told once and ends nothing."""
        try:
            self._events.append(event)
        except OSError as error:
            self.num_unwritten += 1
            if self.num_unwritten == 1:
                self._warn(f"{self._path} cannot be written: {error.strerror}. Training goes on.")

    def started(self, attempt: Attempt) -> None:
        """Do nothing: the runner logs `Started` before the worker begins."""

    def ended(self, end: AttemptEnd) -> None:
        """Write down how an attempt ended."""
        ending, seconds = end.ending, round(end.seconds, 3)
        step, node = end.history.last_step, end.node or None
        attempt, peak = end.decision.attempt, end.peak_gpu_bytes
        self.log_event(Ended(end.name, attempt, ending.kind, ending.why, seconds, step, node, peak))

    def close(self) -> None:
        """Release the file."""
        self._events.close()
