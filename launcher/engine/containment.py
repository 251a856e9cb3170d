"""Keeps an error about one experiment from ending more than what is shown of that experiment.

Records are typed where they are read, so nothing here should ever happen. Should it happen all the same, a launch of
days does not end for a row of the live view: the user is told once, that view of that experiment is left out from then
on, and training goes on. The records are untouched, and every table can be made from them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Containment:
    """What only shows how experiments stand is called through this."""

    def __init__(self, complain: Callable[[str], None]) -> None:
        self._complain = complain
        self._left_out: set[tuple[str, str]] = set()

    def run(self, experiment: str, view: str, act: Callable[[], T], otherwise: T) -> T:
        """Return what `act` returns; `otherwise` where it raises, and from then on for this view of this experiment."""
        if (experiment, view) in self._left_out:
            return otherwise
        try:
            return act()
        except Exception as error:  # noqa: BLE001  whatever it is: no view may end a launch
            self._left_out.add((experiment, view))
            self._complain(
                f"{experiment}: {view} is left out from now on ({type(error).__name__}: {error}). Training goes on; "
                "its records have everything."
            )
            return otherwise
