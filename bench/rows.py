"""The rows of the benchmark tables: both sides of a comparison, and whether its goal was met."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).parent

# This process, and those that it starts, measure the code beside this folder, even if another copy is installed, and
# keep the compiled modules.
sys.path.insert(0, str(BENCH.parent))
os.environ["PYTHONPATH"] = os.pathsep.join([str(BENCH.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@dataclass(frozen=True)
class Row:
    """A comparison. Every field but the last is text of a table cell."""

    goal: str  # S1 … S10
    what: str
    ours: str
    other: str
    ratio: str
    wanted: str
    is_met: bool | None  # None: there is no goal


MET = {True: "yes", False: "no", None: ""}
HEADING = ("goal", "what", "ours", "against", "ratio", "wanted", "met")


def markdown(rows: Sequence[Row]) -> str:
    """Return rows as a Markdown table."""
    cells = [HEADING, ("---",) * len(HEADING)]
    for row in rows:
        cells.append((row.goal, row.what, row.ours, row.other, row.ratio, row.wanted, MET[row.is_met]))
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def alternate(sides: Mapping[str, Callable[[], float]], pairs: int) -> dict[str, float]:
    """Measure the sides A B A B …, so that a noisy moment affects all of them, and return the median of each."""
    values: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(pairs):
        for name, measure in sides.items():
            values[name].append(measure())
    return {name: statistics.median(measured) for name, measured in values.items()}


def seconds(command: Sequence[str], *, cwd: Path | None = None, codes: tuple[int, ...] = (0,)) -> float:
    """Return the seconds that a command takes. Its output is shown only if it fails."""
    began_s = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    took_s = time.perf_counter() - began_s
    if done.returncode not in codes:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return took_s
