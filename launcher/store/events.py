"""The lines of `events.jsonl`: what happened in a sweep, in order. `state` writes them and says what they add up to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from launcher.errors import InputError
from launcher.store import values
from launcher.store.files import read_lines


def read_event_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the events of a file, each with the texts `event`, `experiment` and `at`; other lines are passed over.

    Raises:
        InputError: what is there is no file, or cannot be read.
    """
    for line in _lines(path):
        event = values.load_object(line)
        if event is not None and isinstance(event.get("event"), str) and isinstance(event.get("experiment"), str):
            event["at"] = values.text(event.get("at"))
            yield event


def _lines(path: Path) -> Iterator[bytes]:
    try:
        yield from read_lines(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. Move it away and run again.") from error
