"""How long the launcher itself did not run: stopped with all its workers, on a laptop that slept, in a paused machine.

Silence of a worker means something only while somebody listens. The clock goes on while processes are stopped, so a
worker that was stopped together with the launcher would have been silent all that time.
"""

from __future__ import annotations

import time

AWAKE_S = 1.0  # between two looks, at most, when the event loop turns as it should: four times a second


class PauseMeter:
    """Tells a pause by a loop that has not looked for a while and has not worked meanwhile."""

    def __init__(self) -> None:
        self._looked_s = time.monotonic()
        self._cpu_s = time.process_time()

    def look(self) -> float:
        """Return how many seconds this process was not running since the last look; 0 if it was, or may have been."""
        now_s, cpu_s = time.monotonic(), time.process_time()
        pause_s = (now_s - self._looked_s) - (cpu_s - self._cpu_s)
        self._looked_s, self._cpu_s = now_s, cpu_s
        return pause_s if pause_s > AWAKE_S else 0.0
