"""Makes the pictures of README and docs out of a real sweep: `make pictures`.

    python -m docs.pictures [JOB]        # by default jobs/report.toml: a few minutes on two cores

The sweep is launched in a terminal of its own (tmux), into a folder that is thrown away. Pictures are taken of the live
view while it trains, of the last screen, of the comparison plot and of the page. Needs tmux and Chromium.
"""

from __future__ import annotations

import io
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests.launcher.chromium import Chromium, find_browser

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
JOB = "jobs/report.toml"
COLUMNS, ROWS = 100, 24
PAGE_WIDTH, PAGE_HEIGHT = 1200, 1700  # CSS pixels
LIMIT_S = 1800.0
END = "the launch has ended"
THEME = TerminalTheme(
    (255, 255, 255),
    (22, 25, 29),
    [
        (22, 25, 29),
        (179, 38, 30),
        (10, 102, 64),
        (150, 100, 0),
        (0, 90, 170),
        (150, 60, 110),
        (0, 110, 120),
        (90, 98, 110),
    ],
)


def main() -> None:
    """Make all pictures."""
    browser = find_browser()
    if browser is None or shutil.which("tmux") is None:
        sys.exit("pictures need tmux and Chromium: apt install tmux chromium")
    job = sys.argv[1] if len(sys.argv) > 1 else JOB
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name in ("jobs", "data", "minigpt", "launcher"):
            (place / name).symlink_to(ROOT / name)
        live, last = _watch(job, place)
        outcome = next((path.parent for path in place.glob("outcome/**/report.html")), None)
        if outcome is None:
            sys.exit(f"the sweep has no report:\n{Text.from_ansi(last).plain}")
        with _opened(browser, place) as chromium:
            _picture_of_text(chromium, place, live, IMAGES / "live_view.png")
            _picture_of_text(chromium, place, last, IMAGES / "last_screen.png")
            _picture_of_page(chromium, outcome / "report.html", IMAGES / "page.png")
        plot = next(iter(sorted(outcome.glob("perplexity_curves.png")) or sorted(outcome.glob("*_curves.png"))))
        shutil.copyfile(plot, IMAGES / "perplexity_curves.png")
    print(*sorted(str(path) for path in IMAGES.iterdir()), sep="\n")


def _watch(job: str, place: Path) -> tuple[str, str]:
    """Launch a sweep in a terminal. Return its screen while experiments train, and the last screen.

    Of the former, the latest is taken on which an experiment runs and another is done, if there was such a moment.
    """
    launch = [sys.executable, "-m", "launcher", job, "--parallel", "--color", "always"]
    socket = f"pictures-{os.getpid()}"
    tmux = ["tmux", "-L", socket, "-f", os.devnull]
    size = ["-x", str(COLUMNS), "-y", str(ROWS)]
    command = f"cd {shlex.quote(str(place))}; {shlex.join(launch)}; echo; echo {END}; sleep 60"
    subprocess.run([*tmux, "new-session", "-d", *size, command], check=True)
    try:
        return _frames(tmux)
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)


def _frames(tmux: list[str]) -> tuple[str, str]:
    live, best_score, began_s = "", 0, time.monotonic()
    while time.monotonic() - began_s < LIMIT_S:
        screen = subprocess.run(
            [*tmux, "capture-pane", "-e", "-p"], check=True, capture_output=True, text=True
        ).stdout.rstrip()
        if END in screen:
            return live, screen.rpartition(END)[0].rstrip()
        score = ("running" in screen) + ("best" in screen) + ("done" in screen) - 2 * ("drawing" in screen)
        if score >= best_score:
            live, best_score = screen, score
        time.sleep(0.5)
    sys.exit(f"the sweep has not ended after {LIMIT_S:.0f} s")


@contextmanager
def _opened(program: str, place: Path) -> Iterator[Chromium]:
    chromium = Chromium(program, place / "profile")
    try:
        yield chromium
    finally:
        chromium.close()


def _picture_of_text(chromium: Chromium, place: Path, screen: str, path: Path) -> None:
    """Make a picture of a terminal's screen."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(Text.from_ansi(screen))
    page = place / "screen.html"
    form = (
        '<!DOCTYPE html><meta charset="utf-8"><style>{stylesheet}body{{margin:0;padding:14px 18px;'
        "background:{background};color:{foreground}}}"
        'pre{{margin:0;font:15px/1.35 "DejaVu Sans Mono",monospace}}</style><pre>{code}</pre>'
    )
    page.write_text(console.export_html(theme=THEME, code_format=form, inline_styles=False))
    chromium.view(COLUMNS * 9 + 60)
    chromium.open(page.as_uri())
    height = int(chromium.evaluate("document.querySelector('pre').offsetHeight")) + 28
    _take(chromium, path, COLUMNS * 9 + 60, height)


def _picture_of_page(chromium: Chromium, page: Path, path: Path) -> None:
    """Make a picture of the first screen of the page."""
    chromium.view(PAGE_WIDTH)
    chromium.open(page.as_uri())
    time.sleep(1.0)
    _take(chromium, path, PAGE_WIDTH, PAGE_HEIGHT)


def _take(chromium: Chromium, path: Path, width: int, height: int) -> None:
    chromium.screenshot(path, (width, height))


if __name__ == "__main__":
    main()
