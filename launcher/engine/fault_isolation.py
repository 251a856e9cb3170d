"""Keeps an error about one experiment from ending more than one view of this experiment.

Records are checked where they are read, so the code that shows them should never raise. If it does, a launch of days
must not end because of a row of the live view. The user is told once, and this view of this experiment is left out from
then on. Training goes on, and the records are untouched, so every table can be made from them later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class FaultIsolation:
    """Calls functions that only show how experiments stand."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._left_out: set[tuple[str, str]] = set()  # experiment and view

    def run(self, experiment: str, view: str, show: Callable[[], T], otherwise: T) -> T:
        """Return what `show` returns, or `otherwise` if it raises.

        After an error `show` is not called again for this view of this experiment.
        """
        if (experiment, view) in self._left_out:
            return otherwise
        try:
            return show()
        except Exception as error:  # noqa: BLE001  no error in a view may end a launch
            self._left_out.add((experiment, view))
            self._warn(
                f"{experiment}: {view} is left out from now on ({type(error).__name__}: {error}). Training goes on; "
                "its records have everything."
            )
            return otherwise
