"""Steps: those that are printed, counts, and new epochs."""

from __future__ import annotations

import pytest

from launcher.sources.steps import Steps
from launcher.store.values import MOST


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ([0, 1, 2], [0, 1, 2]),
        ([None, None], [1, 2]),
        ([10, 10, 20], [10, 10, 20]),
        ([0, 10, 20, 0, 10, 20, 0], [0, 10, 20, 30, 40, 50, 60]),
        ([10, 20, 30, 10, 20, 30, 10], [10, 20, 30, 40, 50, 60, 70]),
        ([1, 2, 3, 1, 2, 3], [1, 2, 3, 4, 5, 6]),
        ([57, 99, 0], [57, 99, 141]),
        ([0, 100, 0, 100, 0], [0, 100, 200, 300, 400]),
        ([0, 7, 14, 4, 11], [0, 7, 14, 4, 11]),
        ([0, 7, 14, 21, 4, 11], [0, 7, 14, 21, 28, 35]),
        ([0, 0, 1, 1, 2, 3, 2, 3, 4, 4], [0, 0, 1, 1, 2, 3, 2, 3, 4, 4]),
        ([5, 6, 7, 6, 5, 6], [5, 6, 7, 6, 8, 9]),
        ([5, None, 7], [5, 6, 7]),
        ([-1, MOST + 1], [1, 2]),
        ([MOST, 0, 1], [MOST, MOST, MOST]),
    ],
)
def test_a_step_is_what_is_printed_and_goes_on_after_a_new_epoch(
    printed: list[int | None], expected: list[int]
) -> None:
    steps = Steps()
    assert [steps.count() if step is None else steps.next(step) for step in printed] == expected


def test_counting_begins_after_the_steps_that_are_kept() -> None:
    steps = Steps(after=40)
    assert [steps.count(), steps.next(None)] == [41, 42]
    assert "not a whole number" in steps.note


def test_a_step_that_goes_back_is_told_once() -> None:
    steps = Steps()
    notes = []
    for printed in (0, 50, 100, 0, 50, 100, 0):
        steps.next(printed)
        notes += [steps.note] if steps.note else []
        steps.note = ""
    assert len(notes) == 1
    assert "the step 0 comes after the step 100" in notes[0]
