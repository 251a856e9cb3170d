"""The results table on a narrow terminal."""

from __future__ import annotations

import pytest

from launcher.terminal.table_fit import fit

TABLE = """report: 2 experiments of job.toml, seed 0

experiment  overrides  parameters  steps  first loss  final loss  best loss   time  device  ending
----------  ---------  ----------  -----  ----------  ----------  ---------  -----  ------  ------
baseline    -           1,234,567     68     10.8211      5.8701     5.2790  1.5 s  cpu:0   done
lr_1e-3     lr=0.001    1,234,567     68     10.8211      5.3118     4.3689  1.5 s  cpu:1   failed

lr_1e-3: SIGKILL, after step 68, which is a line of words far wider than the table may be on a narrow terminal
"""


@pytest.mark.parametrize(
    ("width", "heading"),
    [
        (80, "experiment  overrides  steps  final loss  best loss   time  device  ending"),
        (72, "experiment  overrides  steps  final loss  best loss   time  ending"),
        (50, "experiment  overrides  best loss   time  ending"),
        (10, "experiment  ending"),
    ],
)
def test_columns_go_whole_and_the_least_needed_first(width: int, heading: str) -> None:
    lines = fit(TABLE, width, "results_table.txt").split("\n")
    assert lines[2] == heading
    assert all(len(line) <= max(width, len(heading)) for line in lines[2:6])
    assert lines[5].startswith("lr_1e-3")
    assert lines[5].endswith("failed")
    assert lines[6] == f"({10 - len(heading.replace(' loss', '').split())} more columns: results_table.txt)"
    assert lines[8] == TABLE.split("\n")[7], "what stands below the table stays"


def test_a_table_that_fits_and_what_is_none_stay_as_they_are() -> None:
    assert fit(TABLE, 200, "x") == TABLE
    assert fit("no table\n---\n", 2, "x") == "no table\n---\n"
