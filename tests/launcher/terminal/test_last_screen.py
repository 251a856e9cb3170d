"""The results of a sweep on a terminal, from made-up states."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from launcher.reports.text_table import plain
from launcher.store.experiment_state import ExperimentState
from launcher.store.paths import Paths
from launcher.terminal.last_screen import results
from launcher.text import cell_width
from tests.launcher.reports.analysis.states import made

PATHS = Paths(Path("outcome"), Path("logs"))
STATUS = "python -m launcher status job.toml"
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)


def sweep(num: int) -> list[ExperimentState]:
    """Return a reference and experiments with long names; the last have the best values, every seventh has failed."""
    found = [made("baseline", [3.0] * 10, seconds=60.0, device="cpu:0")]
    for place in range(1, num):
        rate, decay = RATES[place % 10], place // 10
        name = f"resnet50_lr_{rate}_wd_{decay}_bs_256"
        found.append(
            made(name, [3.0 - place / 1000] * 10, "failed" if place % 7 == 3 else "done", index=place, seconds=60.0,
                 device="cuda:0", overrides={"lr": rate, "weight_decay": decay}, why="KeyError" * (place % 7 == 3))
        )  # fmt: skip
    return found


def lines(experiments: list[ExperimentState], width: int | None, paths: Paths = PATHS) -> list[str]:
    return [plain(line) for line in results(experiments, ["loss"], paths, STATUS, width)]


@pytest.mark.parametrize("num", [1, 5, 20, 24, 200, 1000])
@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_a_metric_and_the_ending_are_there_at_every_width_and_no_row_is_broken(width: int, num: int) -> None:
    found = lines(sweep(num), width)
    titles = next(place for place, line in enumerate(found) if line.startswith("experiment"))
    rows = found[titles + 1 : found.index("", titles)] if "" in found[titles:] else found[titles + 1 :]
    assert len(rows) == (num if num <= 20 else 10)
    assert "best loss" in found[titles]
    assert "ending" in found[titles]
    assert all(cell_width(line) <= width for line in found[: titles + 1 + len(rows)])
    assert len({row.split()[0] for row in rows}) == len(rows), "no two names look the same"


def test_the_answer_comes_first_and_of_many_the_best_are_shown() -> None:
    found = lines(sweep(200), 80)
    assert found[:2] == [
        "best loss 2.8020 at step 1: resnet50_lr_10_wd_19_bs_256, 0.198 lower than",
        "  baseline (3.0000)",
    ]
    titles = next(place for place, line in enumerate(found) if line.startswith("experiment"))
    assert found[titles + 1].startswith("lr_10_wd_19")
    assert found[titles + 2].startswith("lr_3_wd_19")
    assert not any("failed" in line for line in found), "what failed is never among the best"
    assert f"top 10 of 200 by best loss; all: {STATUS}" in found


def test_the_page_and_the_file_with_all_columns_are_named(tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path)
    assert lines(sweep(3), 200, paths)[-1] != f"report: {paths.report_html}", "there is no page yet"
    paths.report_html.touch()
    assert lines(sweep(3), 200, paths)[-1] == f"report: {paths.report_html}"
    assert lines(sweep(3), 300 + len(str(tmp_path)), paths)[-1] == f"report: {paths.report_html}"
    narrow = lines(sweep(3), 40, paths)
    assert narrow[-2] == f"report: {paths.report_html}"
    assert narrow[-1].endswith(f" more columns: {paths.table_txt}")


def test_a_file_or_a_pipe_gets_all_rows_and_columns() -> None:
    found = [plain(line) for line in results(sweep(200), ["loss"], PATHS, STATUS, None, "s: 200 experiments")]
    assert found[:2] == ["s: 200 experiments", ""]
    assert sum(line.startswith("resnet50_") for line in found) == 199
    assert "first loss" in "\n".join(found)
    assert not any("more columns" in line or "top 10" in line for line in found)


def test_what_is_not_finite_and_what_failed_have_their_colours() -> None:
    broken = [made("nan", [1.0, math.nan]), made("bad", [1.0], "failed", index=1)]
    styles = {text.strip(): style for line in results(broken, ["loss"], PATHS, STATUS, 80) for text, style in line}
    assert styles["nan"] == "bold magenta"
    assert styles["failed"] == "bold red"


def test_without_metrics_there_is_no_best() -> None:
    found = [plain(line) for line in results(sweep(30), [], PATHS, STATUS, 80)]
    assert found[0].startswith("experiment")
    assert f"10 of 30; all: {STATUS}" in found
