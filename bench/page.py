"""The page of 1,000 experiments of 300 steps and two metrics: how long it takes to write and to open, and its size.

    python bench/page.py [EXPERIMENTS]

Nothing is trained: the records are made up. Opening is measured in a headless Chromium without a GPU, from the file, as
its own clock has it: the first contentful paint, and the moment at which the curves are drawn and can be worked with.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from rows import Row, markdown

from launcher.reports.data import ReportData
from launcher.reports.html import page
from launcher.store.paths import Paths
from launcher.worker.last_lines import last_lines
from tests.launcher.chromium import Chromium, find_browser
from tests.launcher.reports.html.made_sweep import make_sweep

OPENED = 5  # times
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
DRAWN = "performance.getEntriesByName('drawn')[0]?.startTime ?? null"


def measure(num: int = 1000) -> list[Row]:
    """Return the rows of the table."""
    what = f"page of {num:,} experiments"
    with tempfile.TemporaryDirectory() as folder:
        paths = make_sweep(Path(folder), num)
        write_s = _write(paths)
        size = paths.report_html.stat().st_size
        rows = [
            Row("page", f"{what}, CPU to write it", f"{write_s:.2f} s", "", "", "≤ 2 s", write_s <= 2),
            Row("page", f"{what}, size", f"{size / 1e6:.1f} MB", "", "", "< 5 MB", size < 5e6),
        ]
        program = find_browser()
        if program is None:
            return [*rows, Row("page", f"{what}, opened", "no Chromium here", "", "", "≤ 2 s", None)]
        paint_s, drawn_s = _open(program, paths, Path(folder))
    rows.append(Row("page", f"{what}, first paint", f"{paint_s:.2f} s", "", "", "≤ 2 s", paint_s <= 2))
    return [*rows, Row("page", f"{what}, curves drawn", f"{drawn_s:.2f} s", "", "", "≤ 2 s", drawn_s <= 2)]


def _write(paths: Paths) -> float:
    """Write the page a few times; return the median of the seconds of CPU."""
    data = ReportData(paths)
    data.look()
    spent = []
    for _ in range(3):
        began_s = time.process_time()
        page.write(paths.report_html, paths, data.manifest, data.experiments, data.usage_curves, last_lines)
        spent.append(time.process_time() - began_s)
    return statistics.median(spent)


def _open(program: str, paths: Paths, folder: Path) -> tuple[float, float]:
    """Open the page a few times; return the medians of the seconds until the first paint, and until all is drawn."""
    browser = Chromium(program, folder / "profile")
    found = []
    try:
        browser.view(1280)
        for _ in range(OPENED):
            browser.open(paths.report_html.absolute().as_uri())
            limit_s = time.monotonic() + 30
            while None in (times := [browser.evaluate(PAINT), browser.evaluate(DRAWN)]):
                assert time.monotonic() < limit_s, "the page is not drawn"
                time.sleep(0.05)
            found.append([each / 1000 for each in times])
    finally:
        browser.close()
    paint_s, drawn_s = (statistics.median(column) for column in zip(*found, strict=True))
    return paint_s, drawn_s


if __name__ == "__main__":
    print(markdown(measure(*map(int, sys.argv[1:2]))))
