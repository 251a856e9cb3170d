"""How an attempt can end, and everything that follows from it: the one list of endings in the launcher.

To add an ending, add a member here, and decide in `engine/classify_ending.py`, or in the worker's last record, when an
attempt gets it. Files have the text of a member, such as "out_of_memory"; a member is equal to its text.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


@dataclass(frozen=True, kw_only=True)
class _Facts:
    """The facts of one ending; the properties of `EndingKind` explain them."""

    meaning: str
    mark: str = "✗"
    verb: str = "failed"
    short_label: str = ""
    is_failure: bool = True
    is_retried: bool = True
    is_kept: bool = False


class EndingKind(StrEnum):
    """How an attempt ended. The order is that of counts and of the reference."""

    _facts: _Facts

    def __new__(cls, text: str, facts: _Facts | None = None) -> Self:
        """Make a member that is its text and knows its facts.

        A call such as `EndingKind("done")` does not come here: it returns the member. Only type checkers believe that
        it does, and so `facts` is optional.
        """
        assert facts is not None, f"the ending {text} lacks its facts"
        member = str.__new__(cls, text)
        member._value_ = text
        member._facts = facts
        return member

    DONE = (
        "done",
        _Facts(
            meaning="the training function returned, or ended by `sys.exit(0)`",
            mark="✓",
            verb="is done",
            is_failure=False,
            is_retried=False,
            is_kept=True,
        ),
    )
    FAILED = "failed", _Facts(meaning="it raised an error, or its process ended with an exit code")
    OUT_OF_MEMORY = (
        "out_of_memory",
        _Facts(
            meaning="it wanted memory that the host or the GPU does not have",
            verb="ran out of memory",
            short_label="no memory",
        ),
    )
    KILLED = "killed", _Facts(meaning="a signal ended its process", verb="was killed")
    HUNG = (
        "hung",
        _Facts(meaning="nothing was recorded for `kill_after_s`, and the launcher killed it", verb="hung"),
    )
    DIVERGED = (
        "diverged",
        _Facts(
            meaning='with `on_nan = "stop"`: the first of `metrics` was NaN or infinite. It is kept, not run again',
            verb="diverged",
            is_retried=False,  # the same training diverges again
            is_kept=True,
        ),
    )
    INTERRUPTED = (
        "interrupted",
        _Facts(
            meaning="it was asked to stop, or its launcher died. It goes on from its checkpoint",
            mark="‖",
            verb="was interrupted",
            is_failure=False,
            is_retried=False,
        ),
    )

    def __repr__(self) -> str:
        """Return the text in quotes: scripts print dictionaries of endings."""
        return repr(self.value)

    @classmethod
    def from_text(cls, value: object) -> EndingKind | None:
        """Return the ending that a file names; None for any other value."""
        return next((kind for kind in cls if kind == value), None)

    @property
    def meaning(self) -> str:
        """A sentence for the reference: when an attempt ends so."""
        return self._facts.meaning

    @property
    def label(self) -> str:
        """The ending in words, such as "out of memory"."""
        return self.replace("_", " ")

    @property
    def short_label(self) -> str:
        """The ending in at most eleven characters, for a narrow column."""
        return self._facts.short_label or self.label

    @property
    def verb(self) -> str:
        """What the experiment did or what happened to it, such as "ran out of memory"."""
        return self._facts.verb

    @property
    def mark(self) -> str:
        """The sign that a page or a chart shows before the label."""
        return self._facts.mark

    @property
    def is_failure(self) -> bool:
        """The attempt failed: the exit code is 1, and the message has the last lines of its log."""
        return self._facts.is_failure

    @property
    def is_retried(self) -> bool:
        """The same launch may try the experiment again, as far as `retries` allows."""
        return self._facts.is_retried

    @property
    def is_kept(self) -> bool:
        """A later launch of the same configuration keeps the experiment as it is and does not train it."""
        return self._facts.is_kept


FAILURES: frozenset[str] = frozenset(kind for kind in EndingKind if kind.is_failure)
RETRIED: frozenset[str] = frozenset(kind for kind in EndingKind if kind.is_retried)
KEPT: frozenset[str] = frozenset(kind for kind in EndingKind if kind.is_kept)
