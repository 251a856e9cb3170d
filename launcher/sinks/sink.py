"""Where the records of an experiment go while it runs. `launcher.sinks.text_log` is the log that a person tails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from launcher.store.paths import Paths
from launcher.store.records import Record
from launcher.worker.spec import Spec


class Sink(Protocol):
    """Takes what one attempt records. A sink that cannot write counts what it lacks: training never stops for it."""

    error: OSError | None  # why nothing more is written; None while all is well
    num_unwritten: int  # lines or records that are missing

    @property
    def place(self) -> str:
        """Where it writes to, as messages name it."""

    def header(self, spec: Spec, device: str) -> None:
        """Take in what is trained, where and with what; before the worker starts."""

    def records(self, records: Sequence[Record]) -> None:
        """Take in the next records, in order."""

    def notice(self, text: str) -> None:
        """Take in what the user was told of the experiment."""

    def ending(self, text: str) -> None:
        """Take in how the attempt ended."""

    def close(self) -> None:
        """Release everything; no other call follows."""


MakeSink = Callable[[Paths, str], Sink]  # for an experiment by its name
