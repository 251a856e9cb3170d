"""Measures pauses of the launcher itself: it was stopped with its workers, or the machine slept or was paused.

The clock goes on during a pause. Without this measurement a worker that was paused together with the launcher would
seem to have been silent all the time.
"""

from __future__ import annotations

import time

AWAKE_S = 1.0  # the longest time between two looks without a pause; the event loop looks four times a second


class PauseMeter:
    """Recognizes a pause: the loop has not looked for a while, and has used no CPU time meanwhile."""

    def __init__(self) -> None:
        self._looked_s = time.monotonic()
        self._cpu_s = time.process_time()

    def look(self) -> float:
        """Return how many seconds this process was paused since the last look; 0 if it was not, or only briefly."""
        now_s, cpu_s = time.monotonic(), time.process_time()
        pause_s = (now_s - self._looked_s) - (cpu_s - self._cpu_s)
        self._looked_s, self._cpu_s = now_s, cpu_s
        return pause_s if pause_s > AWAKE_S else 0.0
