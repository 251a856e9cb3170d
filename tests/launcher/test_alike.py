"""Equal reasons told once."""

from __future__ import annotations

import pytest

from launcher.alike import Alike, group_alike, likeness


def test_reasons_that_differ_in_numbers_and_own_names_only_are_alike() -> None:
    reasons = [
        ("lr_0.1", "ValueError: loss 14.2 is too large for lr_0.1 (train.py:12), after step 3"),
        ("wide", "KeyError: 'width' (train.py:57), in set-up"),
        ("lr_0.3", "ValueError: loss 9e+30 is too large for lr_0.3 (train.py:12), after step 200"),
    ]
    assert group_alike(reasons) == [Alike(reasons[0][1], ["lr_0.1", "lr_0.3"]), Alike(reasons[1][1], ["wide"])]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ValueError: bad (train.py:12)", "ValueError: bad (train.py:13)"),
        ("SIGKILL, after step 3", "SIGSEGV, after step 3"),
        ("KeyError: 'width'", "KeyError: 'depth'"),
        ("exit code 3, after step 1", "exit code 13, after step 1"),
    ],
)
def test_another_line_of_code_or_another_word_is_not_alike(one: str, other: str) -> None:
    assert likeness("a", one) != likeness("b", other)


def test_a_short_name_is_no_part_of_a_word() -> None:
    assert likeness("a", "ValueError: a bad value at 0x7f01") == likeness("b", "ValueError: b bad value at 0x7fe2")
    assert likeness("a", "ValueError: bad") == likeness("e", "ValueError: bad")
