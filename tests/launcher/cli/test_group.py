"""`status --group` and `report --group`, of a sweep that nobody trained."""

from __future__ import annotations

import json
import re

from launcher.reports.group_columns import group_document, group_table
from launcher.reports.text_table import plain
from launcher.store.experiment_state import ExperimentState
from tests.launcher.conftest import Workplace
from tests.launcher.reports.analysis.states import seeded
from tests.launcher.reports.seeded_sweep import make_seeded_sweep

JOB = """
[sweep]
name = "s"
target = "toy:run"
metrics = ["loss"]
outcome = "outcome"
logs = "logs"
seeds = 5

[experiments]
base = {}
"""


def sweep(num: int) -> list[ExperimentState]:
    return [
        experiment
        for place in range(num)
        for experiment in seeded(f"c{place}", [place + 0.1, place + 0.2, place + 0.4], config={"width": place % 4})
    ]


def test_the_table_fits_and_loses_what_is_needed_least() -> None:
    for width in (50, 80, 200):
        lines = [plain(line) for line in group_table(sweep(40), ["loss"], "width", width)]
        assert len(lines) == 5
        assert lines[0].startswith("width  experiments")
        assert all(len(line) <= width for line in lines)
    assert "highest loss" in lines[0]
    assert "loss [95 % over seeds]" in lines[0]


def test_a_thousand_experiments_are_grouped_by_any_key() -> None:
    lines = [plain(line) for line in group_table(sweep(200), ["loss"], "width", 200)]
    assert lines[1].split()[:4] == ["0", "150", "50", "3"]
    document = group_document(sweep(200), ["loss"], "seed")
    assert [row["value"] for row in document["metrics"]["loss"]] == [0, 1, 2]
    assert json.dumps(document, allow_nan=False)


def test_status_and_report_group_by_a_key_and_an_unknown_key_is_told(place: Workplace) -> None:
    make_seeded_sweep(place.folder)
    (place.folder / "job.toml").write_text(JOB)
    (place.folder / "toy.py").write_text("def run(config: dict, run): ...\n")
    found = place.launch("status", "job.toml", "--outcome", "outcome", "--group", "lr")
    assert re.search(r"^lr +experiments +seeds +loss \[95 % over seeds\]", found.out, re.MULTILINE)
    assert "0.1    3/5, 1 diverged" in found.out
    told = json.loads(place.launch("report", "job.toml", "--outcome", "outcome", "--group", "seed", "--json").out)
    assert [row["experiments"] for row in told["groups"]["metrics"]["loss"]] == [3, 3, 3, 3, 3]
    assert told["groups"]["key"] == "seed"
    wrong = place.launch("status", "job.toml", "--outcome", "outcome", "--group", "model.widht")
    assert wrong.code == 2
    assert '--group: no experiment has the key "model.widht". Did you mean "model.width"?' in wrong.err
    assert "Keys: seed, configuration, lr, model.width" in wrong.err
