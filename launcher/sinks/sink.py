"""The port of sinks: where records go while an experiment runs. `sinks/text_log.py` is the log for `tail`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from launcher.store.paths import Paths
from launcher.store.records import Record
from launcher.worker.spec import Spec


class Sink(Protocol):
    """Takes the records of one attempt. For each attempt a sink is made anew, so one that writes a file appends to it.

    A sink that cannot write sets `error` and counts what it lacks. A sink that raises is left out from then on, and its
    user told: training never stops for a sink.

    A record without `kind` is a step; the other kinds are described in `launcher.store.records`. A later attempt may
    repeat steps of an earlier attempt: the later ones count.
    """

    error: OSError | None  # why the sink writes nothing more; None while it can write
    num_unwritten: int  # lines or records that the sink lacks

    @property
    def place(self) -> str:
        """Where the sink writes to, as messages name it."""

    def header(self, spec: Spec, device: str) -> None:
        """Take the description of the attempt: what is trained, where and how. Called before the worker begins."""

    def records(self, records: Sequence[Record]) -> None:
        """Take the next records, in order."""

    def catch_up(self, records: Sequence[Record]) -> None:
        """Take all records of an attempt whose launcher was killed: write those that this sink lacks.

        Called instead of `header` and `records`.
        """

    def notice(self, text: str) -> None:
        """Take a message about the experiment that the user has seen."""

    def ending(self, text: str) -> None:
        """Take the words for how the attempt ended."""

    def close(self) -> None:
        """Release everything; no other call follows."""


MakeSink = Callable[[Paths, str], Sink]  # makes the sink of the experiment with this name
