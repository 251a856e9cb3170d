"""Tells the user about the attempts of a launch: a line for each start and end, and a report for each failure."""

from __future__ import annotations

from launcher.alike import likeness
from launcher.engine.attempt import Attempt
from launcher.engine.classify_ending import Ending, failure_report
from launcher.engine.console import Console
from launcher.engine.listener import AttemptEnd
from launcher.store.ending import EndingKind
from launcher.store.paths import Paths
from launcher.text import plural
from launcher.worker.ranks import failed_rank


class Announcer:
    """Writes messages about attempts to a console."""

    def __init__(self, console: Console, paths: Paths) -> None:
        self._console = console
        self._paths = paths
        self._told: dict[str, str] = {}  # the first experiment that failed in each way

    def started(self, attempt: Attempt) -> None:
        """Tell the user where an attempt runs."""
        is_followed = attempt.decision.is_followed
        if is_followed or attempt.worker.waits:
            does = "followed on" if is_followed else "handed to"
            self._console.message(f"{attempt.name}: {does} {attempt.slots}", "routine")
            return
        threads = plural(attempt.slots.threads, "thread") + (" each" if len(attempt.slots) > 1 else "")
        text = f"{attempt.name}: started on {attempt.slots}, {threads}, {attempt.worker.label}"
        self._console.message(text, "routine")

    def ended(self, end: AttemptEnd) -> None:
        """Tell the user how an attempt ended."""
        if end.ending.kind.is_failure:
            self._console.message(self._failure(end), "failure")
        else:
            is_good = end.ending == Ending(EndingKind.DONE)
            self._console.message(f"{end.name}: {summary(end)}", "done" if is_good else "news")

    def _failure(self, end: AttemptEnd) -> str:
        """Return the report of a failure; a line if another experiment has failed alike."""
        rank = failed_rank(end.ending.why)
        log = self._paths.rank_log(end.name, rank) if rank else self._paths.log(end.name)
        way = f"{end.ending.kind} {likeness(end.name, end.ending.why)}"
        first = self._told.setdefault(way, end.name)
        if first == end.name:
            return failure_report(
                end.name, str(end.slots), end.ending, end.history, log, end.num_others, end.peak_gpu_bytes
            )
        return f"{end.name} {end.ending.kind.verb} on {end.slots}, like {first}. Its log: {log}"


def summary(end: AttemptEnd) -> str:
    """Return how an attempt ended, in words: "done, 218 steps, 12.3 s"."""
    return f"{end.ending}, {plural(end.history.num_steps, 'step')}, {end.seconds:.1f} s"
