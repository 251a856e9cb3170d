"""Draws the plots of single experiments: many of them in processes of their own, beside the other views."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from launcher.child_process import die_with_parent
from launcher.store.metric import Metric
from launcher.store.paths import Paths

if TYPE_CHECKING:
    from launcher.reports.plots.line import Line

WORTH_FORKING = 24  # curves: fewer are drawn sooner than processes for them are started
SHARE_SIZE = 8  # curves that a process draws at once, on the same axes


@dataclass(frozen=True)
class Share:
    """Some plots of single experiments by one metric, which one process draws one after another."""

    paths: Paths
    metric: Metric
    kinds: tuple[str, ...]  # of files: png, svg, pdf
    lines: Sequence[Line]

    @property
    def num_files(self) -> int:
        """The number of files to write."""
        return len(self.lines) * len(self.kinds)

    def draw(self) -> list[str]:
        """Write the plots. Return what could not be written, a line each."""
        from launcher.reports.plots.sheet import Sheet

        sheet = Sheet(self.metric)
        return [
            problem
            for line in self.lines
            for kind in self.kinds
            for problem in attempt(
                self.paths.curve(self.metric.name, line.name, kind), functools.partial(sheet.write, line=line)
            )
        ]


@contextlib.contextmanager
def drawn_beside(
    shares: Sequence[Share], num_processes: int, count: Callable[[int], None]
) -> Iterator[Callable[[], list[str]]]:
    """Draw shares; yields a function that waits for the plots and returns the problems.

    Many plots are drawn by processes of their own, while this process does other work. `count` is called with the
    number of files of each share that is drawn.
    """

    def _collect(drawn: Iterable[tuple[int, list[str]]]) -> list[str]:
        problems = []
        for num_files, own in drawn:
            count(num_files)
            problems += own
        return problems

    if sum(len(share.lines) for share in shares) < WORTH_FORKING:
        yield lambda: _collect(map(_draw, shares))
        return
    with multiprocessing.get_context("fork").Pool(num_processes, _begin_drawing, (os.getpid(),)) as pool:
        drawn = pool.imap_unordered(_draw, shares)
        yield lambda: _collect(drawn)


def _draw(share: Share) -> tuple[int, list[str]]:
    return share.num_files, share.draw()


def _begin_drawing(parent: int) -> None:
    """Prepare a process that draws curves: it ends with its parent, and at once when the pool says so."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent(parent)


def attempt(path: Path, write: Callable[[Path], None]) -> list[str]:
    """Write one view. A failure is a line for the user, and costs no other view."""
    try:
        write(path)
    except OSError as error:
        intact = " The file that was there is intact." if path.is_file() else ""
        return [f"{path} cannot be written: {error.strerror or error}.{intact}"]
    except Exception as error:  # noqa: BLE001  a view must never end a sweep
        return [f"{path} cannot be drawn: {type(error).__name__}: {error}."]
    return []
