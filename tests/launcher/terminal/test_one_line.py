"""Lines that fit a width by themselves."""

from __future__ import annotations

import pytest

from launcher.reports.text_table import plain
from launcher.terminal.one_line import names_in_line, parts_that_fit

NAMES = [f"lr={place}" for place in range(100)]


@pytest.mark.parametrize(
    ("width", "shown"),
    [(17, "lr=0, lr=1, …"), (19, "lr=0, lr=1, lr=2, …"), (18, "lr=0, lr=1, …"), (8, "lr=0, …"), (3, "lr…")],
)
def test_as_many_names_as_fit(width: int, shown: str) -> None:
    assert names_in_line(NAMES, NAMES, width) == shown


def test_all_names_where_they_fit() -> None:
    assert names_in_line(NAMES[:3], NAMES, 16) == "lr=0, lr=1, lr=2"


def test_long_names_are_shortened_as_in_a_table() -> None:
    long = [f"resnet50_with_a_long_name_lr_{place}_bs_256" for place in range(9)]
    assert names_in_line(long[:2], long, 40) == "lr_0, lr_1"


def test_parts_of_a_high_rank_are_left_out_first_and_empty_ones_always() -> None:
    parts = [(1, "name", ""), (0, "1/2", "bold"), (2, "time", ""), (0, "", "")]
    assert plain(parts_that_fit(parts, 80, "  ")) == "name  1/2  time"
    assert plain(parts_that_fit(parts, 10, "  ")) == "name  1/2"
    assert plain(parts_that_fit(parts, 2, "  ")) == "1/2"
