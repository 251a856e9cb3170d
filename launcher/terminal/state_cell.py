"""The state of an experiment as a cell of a table: a word in its colour, with a warning where a value is not finite."""

from __future__ import annotations

from launcher.engine.snapshot import Group
from launcher.reports.text_table import Span, value_style
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import NOT_STARTED, RUNNING, WAITING
from launcher.text import number

STYLES: dict[Group, str] = {"running": "green", "failed": "bold red", "interrupted": "yellow", "waiting": "dim"}


def state_cell(state: str, group: Group, value: float | None) -> Span:
    """Return the text and the style of a state. `value`: the newest of the metric that is shown.

    An experiment whose newest value is not finite is `running, nan`. Of a failed one the state says enough.
    """
    if (warning := value_style(value)) and group != "failed":
        return f"{state}, {number(value)}", warning
    return state, STYLES.get(group, "")


def group_of(state: str) -> Group:
    """Return the group of a state, given as text: `running`, `waiting`, `withdrawn` or an ending."""
    if state == RUNNING:
        return "running"
    if state in (WAITING, NOT_STARTED):
        return "waiting"
    ending = EndingKind.from_text(state)
    if ending is not None and ending.is_failure:
        return "failed"
    return "done" if ending is not None and ending.is_kept else "interrupted"
