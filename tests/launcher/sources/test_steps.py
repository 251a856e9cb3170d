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


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # each epoch prints 10, 20, 30; the attempt before ended in the middle of one, or at its end
        ([(10, 1), (20, 1), (30, 1), (10, 2), (20, 2)], [(10, 2), (20, 2), (30, 2), (10, 3)], [40, 50, 60, 70]),
        ([(10, 1), (20, 1), (30, 1), (10, 2), (20, 2)], [(30, 2), (10, 3)], [60, 70]),
        ([(10, 1), (20, 1), (30, 1), (10, 2), (20, 2), (30, 2)], [(10, 3), (20, 3)], [70, 80]),
        ([(10, 1), (20, 1), (10, 2), (20, 2), (10, 3)], [(10, 2), (20, 2), (10, 3), (20, 3)], [30, 40, 50, 60]),
        ([(10, 1), (20, 1), (30, 1)], [(10, 2), (20, 2)], [40, 50]),
        ([(10, 1), (20, 1), (30, 1)], [(10, 1), (20, 1)], [10, 20]),
        # without the number of the epoch
        ([(10, -1), (20, -1), (30, -1), (10, -1)], [(10, -1), (20, -1), (30, -1), (10, -1)], [40, 50, 60, 70]),
        ([(10, -1), (20, -1), (30, -1), (10, -1), (20, -1), (30, -1)], [(10, -1), (20, -1)], [70, 80]),
        ([(0, -1), (10, -1), (0, -1), (10, -1)], [(0, -1), (10, -1), (0, -1)], [40, 50, 60]),
        # steps of the whole training
        ([(10, 1), (20, 1), (30, 2), (40, 2)], [(30, 2), (40, 2), (50, 3)], [30, 40, 50]),
        ([(10, -1), (20, -1), (30, -1)], [(20, -1), (30, -1), (40, -1)], [20, 30, 40]),
        ([(10, 1), (20, 1), (30, 2), (40, 3)], [(40, 3), (50, 3)], [40, 50]),
    ],
)  # fmt: skip
def test_an_attempt_goes_on_with_the_epochs_of_the_attempt_before(
    before: list[tuple[int, int]], after: list[tuple[int, int]], expected: list[int]
) -> None:
    first = Steps()
    last = max(first.next(*printed) for printed in before)
    second = Steps(last, first.epochs)
    assert [second.next(*printed) for printed in after] == expected
