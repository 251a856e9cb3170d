"""A table of text that fits a width."""

from __future__ import annotations

import pytest

from launcher.reports.text_table import UNLIMITED, Column, cut, fit, layout, plain
from launcher.text import cell_width

NAMES = [f"resnet50_lr_{rate}_bs_256" for rate in ("0.001", "0.003", "0.01")]
COLUMNS = [
    Column("state", ["running", "failed", "done"], rank=2, is_left=True, styles=["green", "bold red", ""]),
    Column("overrides", ["lr=0.001, bs=256", "lr=0.003, bs=256", "lr=0.01, bs=256"], rank=1, shortest=8, is_left=True),
    Column("loss", ["5.9063", "nan", "4.1000"]),
    Column("time", ["12:20", "0:07", "1:00"], rank=3),
]


def lines(width: int) -> list[str]:
    return [plain(line) for line in layout(fit(NAMES, COLUMNS, width), has_ruler=True)]


def test_all_columns_are_there_where_nothing_limits_them() -> None:
    assert lines(UNLIMITED) == [
        "experiment                state    overrides           loss   time",
        "------------------------  -------  ----------------  ------  -----",
        "resnet50_lr_0.001_bs_256  running  lr=0.001, bs=256  5.9063  12:20",
        "resnet50_lr_0.003_bs_256  failed   lr=0.003, bs=256     nan   0:07",
        "resnet50_lr_0.01_bs_256   done     lr=0.01, bs=256   4.1000   1:00",
    ]


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (50, "experiment  state    overrides           loss"),
        (44, "experiment  overrides           loss"),
        (32, "experiment  overrides       loss"),
        (26, "experiment    loss"),
        (16, "experim…    loss"),
    ],
)
def test_columns_of_a_high_rank_go_first_after_names_have_lost_what_they_share(width: int, titles: str) -> None:
    found = lines(width)
    assert found[0] == titles
    assert len({line.split("  ")[0] for line in found[2:]}) == len(NAMES), "all names can be told apart"
    assert all(len(line) <= width for line in found)


def test_a_name_looks_the_same_whichever_rows_are_shown() -> None:
    shown = fit(NAMES[:1], [Column("loss", ["1.0"])], 24, NAMES)
    assert shown[0].cells == [fit(NAMES, COLUMNS, 24)[0].cells[0]]


def test_a_line_has_few_spans_and_each_style_its_own() -> None:
    row = layout(fit(NAMES, COLUMNS, UNLIMITED))[2]
    assert [style for _, style in row] == ["", "bold red", ""]
    assert row[1][0] == "failed "


def test_wide_characters_take_two_cells_and_accents_none() -> None:
    assert [cell_width(text) for text in ("ab", "日本", "e\u0301", "…")] == [2, 4, 1, 1]
    assert cut("日本語", 5) == "日本…"
    assert cut("日本語", 4) == "日…"
    assert [cut("abc", width) for width in (3, 2, 1, 0)] == ["abc", "a…", "…", ""]
    (row,) = layout([Column("tag", ["日本"], is_left=True), Column("n", ["1"])], has_titles=False)
    assert plain(row) == "日本  1"
