"""Judges the silence of a worker: it has a slow step, it probably hangs, or it has hung so long that it must end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

BUSY_SHARE = 0.01  # of one core; a silent worker that uses more CPU time than this is slow and does not hang


@dataclass(frozen=True)
class Silence:
    """A worker has recorded nothing for a while. The text says what that probably means."""

    seconds: float
    is_final: bool = False  # the worker is to write its stacks and end
    used_s: float | None = 0.0  # of CPU time, in the last `of_s` seconds; None: not known
    of_s: float = 0.0

    def __str__(self) -> str:
        text = f"no record for {self.seconds:.0f} s"
        if self.is_final:
            return f"{text}: its stacks go to its log, then it is killed (kill_after_s)."
        if self.used_s is None:
            return f"{text}; whether it hangs, its node knows."
        if self.used_s > BUSY_SHARE * self.of_s:
            used = f"it used {self.used_s:.1f} s of CPU in the last {self.of_s:.1f} s"
            return f"{text}; {used}, so it is probably a slow step."
        return f"{text}; it uses no CPU, so it probably hangs."


class SilenceWatch:
    """Watches one attempt. CPU time, which the kernel counts, tells a slow step from a worker that hangs.

    `warn_after_s` and `end_after_s` (None: never) are seconds without a record. Example: with 300 and None, `look`
    returns one `Silence` after 300 s, and no other before the next record.
    """

    def __init__(self, began_s: float, warn_after_s: float, end_after_s: float | None) -> None:
        self._warn_after_s = warn_after_s
        self._end_after_s = end_after_s
        self._num_records = -1
        self._has_warned = False
        self._has_ended = False
        self._heard_s = began_s
        self._cpu_s: float | None = None  # at `_cpu_read_s`; None: not read since the last record
        self._cpu_read_s = began_s

    def look(self, num_records: int, now_s: float, cpu_seconds: Callable[[], float | None]) -> Silence | None:
        """Return what to say about the silence of a worker; None if there is nothing to say.

        `num_records`: how many records it has written by now. `cpu_seconds` returns its CPU time so far, None if that
        is not known.
        """
        if num_records != self._num_records:
            self._num_records, self._heard_s, self._has_warned, self._cpu_s = num_records, now_s, False, None
            return None
        silent_s = now_s - self._heard_s
        if self._cpu_s is None and silent_s >= self._warn_after_s / 2:  # reading it costs milliseconds
            self._cpu_s, self._cpu_read_s = cpu_seconds() or 0.0, now_s
        if self._end_after_s is not None and silent_s >= self._end_after_s and not self._has_ended:
            self._has_ended = True
            return Silence(silent_s, is_final=True)
        if silent_s < self._warn_after_s or self._has_warned or self._cpu_s is None or now_s <= self._cpu_read_s:
            return None
        self._has_warned = True
        used_s = None if (cpu_s := cpu_seconds()) is None else cpu_s - self._cpu_s
        return Silence(silent_s, used_s=used_s, of_s=now_s - self._cpu_read_s)

    def has_not_begun(self, now_s: float) -> None:
        """Count silence from now on: until now the worker has waited for a place to run."""
        self._heard_s, self._cpu_s = now_s, None

    def add_pause(self, pause_s: float) -> None:
        """Leave out a time in which the launcher, and perhaps the worker, did not run."""
        self._heard_s += pause_s
        self._cpu_read_s += pause_s
