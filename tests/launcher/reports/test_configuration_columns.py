"""Tables with a row a configuration, for reading: the file, the last screen, `status`, the report."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from launcher.reports import markdown
from launcher.reports.analysis import judge
from launcher.reports.configuration_columns import best_and_reference, configuration_columns
from launcher.reports.notebook import summary_html
from launcher.reports.results_text import results_text
from launcher.reports.status import read_status
from launcher.reports.text_table import plain
from launcher.store.experiment_state import ExperimentState
from launcher.store.manifest import Manifest
from launcher.store.paths import Paths
from launcher.terminal import status_text
from launcher.terminal.last_screen import results
from launcher.text import cell_width
from tests.launcher.reports.analysis.states import seeded
from tests.launcher.reports.seeded_sweep import LEVELS, make_seeded_sweep

MANIFEST = Manifest("s", "job.toml", "t:f", 7, ["loss"], [], [])
PATHS = Paths(Path("outcome"), Path("logs"))
STATUS = "python -m launcher status job.toml"
TABLE = """\
configuration  overrides  seeds                      loss ± sd       mean [95 %]     beside reference [95 %]  verdict    time of a seed
-------------  ---------  -------------------------  --------------  --------------  -----------------------  ---------  --------------
base           -          5                          5.398 ± 0.069   [5.312, 5.484]  -                        reference               -
lr=0.001       lr=0.001   5                          5.306 ± 0.043   [5.253, 5.359]  -0.092 [-0.131, -0.053]  better                  -
lr=0.1         lr=0.1     3/5, 1 diverged, 1 failed  5.923 ± 0.051†  [5.80, 6.05]    0.520 [0.495, 0.545]     worse                   -
"""  # noqa: E501


def sweep() -> list[ExperimentState]:
    more = {"base": {}, "lr=0.001": {"lr": 0.001}, "lr=0.1": {"lr": 0.1}}
    return [experiment for name in LEVELS for experiment in seeded(name, LEVELS[name], overrides=more[name])]


def grid(num: int) -> list[ExperimentState]:
    """Return configurations on five seeds; the further, the better."""
    chance = random.Random(0)
    return [
        experiment
        for place in range(num)
        for experiment in seeded(
            f"lr={place}+batch_size={place % 7}", [chance.gauss(500 - place, 0.5) for _ in range(5)]
        )
    ]


def test_the_file_has_a_row_a_configuration_with_the_answer_before_and_the_method_behind() -> None:
    text = results_text(MANIFEST, sweep(), {}, "2026-11-26T20:00:00+00:00")
    assert text.startswith(
        "s: 15 experiments of job.toml, 3 configurations on 5 seeds; made 2026-11-26 20:00:00+00:00\n"
    )
    assert f"\n\n{TABLE}\nHow configurations are compared: " in text
    assert "lowest mean loss at the end: lr=0.001" in text


def test_a_whole_verdict_stands_in_the_file_and_a_short_one_on_a_screen() -> None:
    judgement = judge([*seeded("base", [1.0, 1.1, 1.2]), *seeded("near", [1.1, 1.0, 1.25])], "loss")
    whole, short = (
        next(
            column.cells[1]
            for column in configuration_columns([judgement], ["base", "near"], has_whole_verdicts=is_whole)
            if column.title == "verdict"
        )
        for is_whole in (True, False)
    )
    assert whole.startswith("no difference shown: between -0.24 and 0.28; with 3 seeds less than 0.26 could not")
    assert short == "no difference shown"


@pytest.mark.parametrize("num", [2, 20, 21, 200])
@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_last_screen_has_configurations_at_every_width(width: int, num: int) -> None:
    found = [plain(line) for line in results(grid(num), ["loss"], PATHS, STATUS, width)]
    titles = next(place for place, line in enumerate(found) if line.startswith(("configuration", "config", "conf")))
    rows = found[titles + 1 : found.index("", titles) if "" in found[titles:] else len(found)]
    rows = [row for row in rows if not row.startswith("top")]
    assert len(rows) == (num if num <= 20 else 11)
    assert "verdict" in found[titles]
    assert all(cell_width(line) <= width for line in found[: titles + 1 + len(rows)])
    assert len({row.split()[0] for row in rows}) == len(rows), "no two names look the same"


def test_of_many_the_best_means_and_the_reference_are_shown() -> None:
    found = [plain(line) for line in results(grid(200), ["loss"], PATHS, STATUS, 150)]
    titles = next(place for place, line in enumerate(found) if line.startswith("configuration"))
    assert found[titles + 1].startswith("lr=199+batch_size=3 ")
    assert found[titles + 11].startswith("lr=0+batch_size=0 "), "the reference"
    assert f"top 11 of 200 by mean loss; all: {STATUS}" in found
    assert best_and_reference(judge(grid(3), "loss"), 20, 10) == [
        f"lr={place}+batch_size={place}" for place in range(3)
    ]


def test_status_shows_configurations_and_on_a_terminal_the_runs_that_run(tmp_path: Path) -> None:
    paths = make_seeded_sweep(tmp_path, LEVELS | {"lr=0.2": ["", ""]})
    status = read_status(paths, 0.0)
    assert status is not None
    short = "\n".join(plain(line) for line in status_text.text(status, paths, 100))
    assert re.search(r"^lr=0.1 +3/5, 1 diverged, 1 failed +5.923 ± 0.051†", short, re.MULTILINE)
    assert not re.search(r"^base\+s1", short, re.MULTILINE)
    assert "2 not started (--all shows them): lr=0.2, lr=0.2+s1" in short
    for width, shows_all in ((None, False), (100, True)):
        whole = "\n".join(plain(line) for line in status_text.text(status, paths, width, shows_all=shows_all))
        assert re.search(r"^base\+s1 +done", whole, re.MULTILINE)
        assert re.search(r"^lr=0.001 .*better", whole, re.MULTILINE)


def written(tmp_path: Path, experiments: list[ExperimentState]) -> str:
    markdown.write(tmp_path / "report.md", Paths(tmp_path, tmp_path), MANIFEST, experiments, [])
    return (tmp_path / "report.md").read_text()


def test_the_report_speaks_of_configurations(tmp_path: Path) -> None:
    content = written(tmp_path, sweep())
    assert "3 configurations on 5 seeds each: 13 of 15 experiments done" in content
    results = content.partition("### Results")[2].partition("###")[0]
    assert re.findall(r"^\| `([^`]+)` \|", results, re.MULTILINE) == list(LEVELS)
    assert r"| 5.306 ± 0.043 | \[5.253, 5.359\] | \-0.092 \[-0.131, -0.053\] | better |" in results
    assert "[results_runs.csv](results_runs.csv) has every run." in results
    described = content.partition("### Hyperparameter Experiments")[2].partition("### Results")[0]
    assert "+s1" not in described
    assert "How configurations are compared" in content
    assert "seed 7" not in content


def test_a_thousand_experiments_on_five_seeds_are_a_report_of_a_few_pages(tmp_path: Path) -> None:
    content = written(tmp_path, grid(200))
    assert len(content) < 25_000
    assert "The tables have 20 of 200 configurations: " in content
    assert "Of all experiments, 1000 done." in content or "Of all experiments, 1,000 done." in content


def test_a_notebook_shows_configurations(tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path)
    shown = summary_html(MANIFEST, sweep(), paths)
    assert "<th>configuration</th>" in shown
    assert "<td>lr=0.001</td>" in shown
    assert "<td>better</td>" in shown
    assert "+s1" not in shown
    assert "Lowest mean loss at the end: lr=0.001, 5.306 ± 0.043 over 5 seeds" in shown
    assert "The best 20 of 200 configurations, with the reference." in summary_html(MANIFEST, grid(200), paths)
