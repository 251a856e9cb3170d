"""The table of a sweep with several seeds: a row a configuration, and a row for each seed below it."""

from __future__ import annotations

from pathlib import Path

from launcher.reports.analysis import judge
from launcher.reports.data import ReportData
from launcher.reports.html.configuration_table import configuration_table
from launcher.reports.html.results_table import Table
from tests.launcher.reports.html.made_sweep import make_grid


def made(tmp_path: Path) -> Table:
    data = ReportData(make_grid(tmp_path))
    data.look()
    judgements = {metric: judge(data.experiments, metric) for metric in data.manifest.metrics}
    return configuration_table(data.manifest, judgements, judgements["loss"].ranked, "loss")


def column(table: Table, title: str) -> list[str]:
    return next([cell.shown for cell in each.cells] for each in table.columns if each.title == title)


def test_seeds_follow_their_configuration(tmp_path: Path) -> None:
    table = made(tmp_path)
    names = column(table, "configuration")
    assert len(names) == 8 * 4
    assert names[1:4] == [names[0], f"{names[0]}+s1", f"{names[0]}+s2"]
    assert column(table, "seeds")[:4] == ["3", "seed 0", "seed 1", "seed 2"]
    assert [row.first is None for row in table.rows[:5]] == [True, False, False, False, True]
    assert {row.first for row in table.rows[1:4]} == {table.rows[0].experiment}


def test_a_configuration_has_mean_interval_difference_and_verdict_and_no_best_seed(tmp_path: Path) -> None:
    table = made(tmp_path)
    names, verdicts = column(table, "configuration"), column(table, "verdict")
    base = names.index("lr=0.0001+size=size0")
    assert verdicts[base] == "reference"
    assert column(table, "beside lr=0.0001+size=size0 [95 %]")[base] == "-"
    assert column(table, "loss ± sd")[0].count("±") == 1
    assert column(table, "mean [95 %]")[0].startswith("[")
    assert column(table, "best loss")[0] == "-"
    assert column(table, "best loss")[1] != "-"
    assert not [each.title for each in table.columns if each.title.startswith("against")]


def test_a_diverged_seed_is_told_and_its_configuration_comes_after_the_others(tmp_path: Path) -> None:
    table = made(tmp_path)
    own = [place for place, row in enumerate(table.rows) if row.first is None]
    endings, names = column(table, "ending"), column(table, "configuration")
    last = own[-1]
    assert names[last].startswith("lr=0.0008")
    assert endings[last] == "✓ 2 done, ✗ 1 diverged"
    assert table.rows[last].state == "done diverged"
    assert column(table, "loss ± sd")[last].endswith("†")
    assert column(table, "seeds")[last] == "2/3, 1 diverged"


def test_what_all_seeds_share_is_shown_of_the_configuration_and_what_differs_is_not(tmp_path: Path) -> None:
    table = made(tmp_path)
    assert column(table, "steps")[0] == "60"
    assert len(set(column(table, "width")[:4])) == 1
    assert column(table, "device")[0] == "-"
