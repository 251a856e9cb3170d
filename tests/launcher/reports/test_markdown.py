"""The report as Markdown, of hostile words."""

from __future__ import annotations

import math
import re
from pathlib import Path

from launcher.reports.build import Report
from launcher.reports.markdown import code, plain, write
from launcher.store.experiment_state import ExperimentState
from launcher.store.manifest import Manifest
from launcher.store.paths import Paths
from tests.launcher.reports.analysis.states import made
from tests.launcher.reports.html.hostile import make_hostile

MANIFEST = Manifest("s", "job.toml", "t:f", 0, ["loss"], [], [])


def test_hostile_words_stay_words_in_markdown(tmp_path: Path) -> None:
    hostile = make_hostile(tmp_path)
    Report(hostile).draw()
    content = hostile.report_md.read_text()
    headings = re.findall(r"^## .*", content, re.M)
    assert headings == [
        "## 1. Model Architecture and Parameters",
        "## 2. Dataset Details",
        "## 3. Training Setup and Hyperparameter Experiments",
        "## 4. Observations and Challenges",
    ]
    outside = re.sub(r"^```.*?^```|`[^`\n]*`", "", content, flags=re.M | re.S)
    assert not re.search(r"(?<!\\)<", outside), "no tag outside of code"
    for block in re.findall(r"(?:^\|.*\n)+", content, re.M):
        rows = [re.sub(r"\\.|`[^`]*`", "", row).count("|") for row in block.splitlines()]
        assert len(set(rows)) == 1, f"a cell has broken its table:\n{block[:500]}"
    assert plain("a|b`c\n# d") == r"a\|b\`c # d"
    assert plain("lr_1e-3 _x_ *y*") == r"lr_1e-3 \_x\_ \*y\*"
    assert [plain(text) for text in ("# a", "- a", "1. a", "1) a")] == [r"\# a", r"\- a", r"1\. a", r"1\) a"]
    assert code("a|b") == r"a\|b"
    assert code("x_y") == "`x_y`"


def test_one_report_that_cannot_be_written_costs_no_other(tmp_path: Path) -> None:
    hostile = make_hostile(tmp_path)
    hostile.report_html.mkdir()
    problems = Report(hostile).draw()
    assert [problem for problem in problems if "report.html cannot be written" in problem]
    assert hostile.report_md.exists()
    assert hostile.table_csv.exists()


def written(tmp_path: Path, *experiments: ExperimentState) -> str:
    write(tmp_path / "report.md", Paths(tmp_path, tmp_path), MANIFEST, experiments, [])
    return (tmp_path / "report.md").read_text()


def test_a_thousand_experiments_are_a_report_of_a_few_pages(tmp_path: Path) -> None:
    many = [made(f"e{number}", [1000.0 - number] * 6, overrides={"n": number}, index=number) for number in range(940)]
    lost = [made(f"f{number}", [0.0], "failed", why="ValueError: no", overrides={"n": number}) for number in range(60)]
    content = written(tmp_path, made("base", [2000.0] * 6), *many, *lost)
    assert len(content) < 20_000
    results = content.partition("### Results")[2].partition("###")[0]
    rows = re.findall(r"^\| `(\w+)` \|", results, re.M)
    assert rows == [*(f"e{number}" for number in range(939, 920, -1)), "base"], "the best first, and the reference"
    assert "20 of 1,001 experiments: the best by loss, best first" in content
    assert "Of all, 941 done, 60 failed. [results_table.csv](results_table.csv) has every one." in content
    assert content.count("ValueError: no") == 1


def test_a_report_says_when_it_was_made_and_what_was_running(tmp_path: Path) -> None:
    running = ExperimentState(name="b", state="running")
    assert re.search(r"Made \S+, while 1 experiment ran\.", written(tmp_path, made("a", [1.0] * 6), running))
    content = written(tmp_path, made("a", [1.0] * 6))
    assert re.search(r"Made 20\S+\.", content)
    assert "The tables have" not in content


def test_nan_and_a_misspelt_metric_are_told(tmp_path: Path) -> None:
    content = written(tmp_path, made("a", [1.0, math.nan], logged=("los",)))
    assert "done, but loss is nan from step 2 on" in content
    assert "Metrics names loss, which no experiment logged; logged were: los. Did you mean" in content
