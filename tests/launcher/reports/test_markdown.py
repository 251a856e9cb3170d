"""The report as Markdown, of hostile words."""

from __future__ import annotations

import re
from pathlib import Path

from launcher.reports.build import Report
from launcher.reports.markdown import code, plain
from tests.launcher.reports.html.hostile import make_hostile


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
