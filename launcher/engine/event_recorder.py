"""Writes what happens in a launch to `events.jsonl`, and goes on where that cannot be written."""

from __future__ import annotations

from collections.abc import Callable

from launcher.engine.attempt import Attempt
from launcher.engine.listener import AttemptEnd
from launcher.store.paths import Paths
from launcher.store.state import EventLog


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

    def log_event(self, event: str, experiment: str, **data: object) -> None:
        """Write an event down; a full disk must not end what runs."""
        try:
            self._events.append(event, experiment=experiment, **data)
        except OSError as error:
            self.num_unwritten += 1
            if self.num_unwritten == 1:
                self._warn(f"{self._path} cannot be written: {error.strerror}. Training goes on.")

    def started(self, attempt: Attempt) -> None:
        """Do nothing: an attempt is written down before its worker begins, by `starts`."""

    def starts(self, attempt: int, experiment: str, device: str, details: dict[str, object]) -> None:
        """Write down that an attempt starts."""
        self.log_event("started", experiment, attempt=attempt, device=device, **details)

    def ended(self, end: AttemptEnd) -> None:
        """Write down how an attempt ended."""
        self.log_event(
            "ended",
            end.name,
            attempt=end.decision.attempt,
            ending=end.ending.kind,
            why=end.ending.why,
            seconds=round(end.seconds, 3),
            last_step=end.history.last_step,
        )

    def close(self) -> None:
        """Release the file."""
        self._events.close()
