"""The table of results on the page."""

from __future__ import annotations

import math

from launcher.reports.html.results_table import results
from launcher.store.manifest import Manifest
from tests.launcher.reports.analysis.states import made


def test_only_an_ending_with_a_reason_is_broken_into_lines() -> None:
    """In one line it would push the numbers of all experiments out of sight."""
    table = results(
        Manifest("s", "job.toml", "t:f", 7, ["loss"], [], []),
        [made("good", [3.0, 2.0]), made("bad", [3.0, math.nan], index=1)],
        "loss",
    )
    place = [column.title for column in table.columns].index("ending")
    assert [(row.cells[place][0].shown, row.cells[place][1]) for row in table.rows] == [
        ("✓ done", "left good"),
        ("! done, but loss is nan from step 2 on", "left bad wrap"),
    ]
