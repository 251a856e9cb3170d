"""Whether an attempt on several devices is tried again because the port between its processes was taken.

The port is free when the worker chooses it, and another program may take it in the moment before rank 0 does. The error
says nothing about the experiment, so it is tried once more, with another port, whatever `retries` says.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from launcher.engine.listener import AttemptEnd

_TAKEN = re.compile(r"EADDRINUSE|address already in use", re.IGNORECASE)


class PortRetry:
    """Remembers which experiments have had their retry."""

    def __init__(self, message: Callable[[str], None]) -> None:
        self._message = message
        self._retried: set[str] = set()

    def is_due(self, end: AttemptEnd) -> bool:
        """Return whether to try an experiment once more: its port was taken before its first step."""
        is_new = end.history.attempt == end.decision.attempt and end.history.phase == "in set-up"
        is_taken = end.ending.kind.is_failure and bool(_TAKEN.search(end.ending.why))
        if len(end.slots) == 1 or not is_taken or not is_new or end.name in self._retried:
            return False
        self._retried.add(end.name)
        self._message(f"{end.name}: the port between its processes was taken, so once more with another.")
        return True
