"""What a command prints in the end: a result on stdout, a table or JSON, and the last words of a launch on stderr."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from launcher.store import files
from launcher.terminal import colour
from launcher.terminal.table_fit import fit
from launcher.text import printable

if TYPE_CHECKING:
    from launcher.engine.summary import Summary


def show(text: str) -> None:
    """Print a result on stdout."""
    print(text, flush=True)


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    show(json.dumps(value, indent=1, default=str))


def print_table(path: Path) -> None:
    """Print a table that is there already; on a terminal, the columns that fit."""
    with contextlib.suppress(OSError):  # no table, or nobody reads our output any more
        text = printable(files.read(path).decode("utf-8", "replace"), 1_000_000)
        if sys.stdout is not None and sys.stdout.isatty():
            text = fit(text, shutil.get_terminal_size().columns, str(path))
        show(text)


def message(text: str, shade: colour.Colour | None = None) -> None:
    """Print a message on stderr, its first line coloured where colour is wanted."""
    if shade is not None and sys.stderr is not None and colour.is_wanted(sys.stderr):
        text = colour.paint(text, shade)
    if sys.stderr is not None:  # None where the launcher was started without
        print(text, file=sys.stderr, flush=True)


def print_summary(summary: Summary, logs: Path, *, fresh: bool = False) -> None:
    """Name what failed once more, where it is the last thing on the screen."""
    from launcher.store.ending import EndingKind

    failed = {name: one for name, one in summary.endings.items() if one.kind.is_failure}
    counts = [f"{len(summary.kept)} kept"] if summary.kept else []
    for kind in EndingKind:
        count = sum(one.kind == kind for one in summary.endings.values())
        counts += [f"{count} {kind}"] if count else []
    counts += [f"{len(summary.not_started)} not started"] if summary.not_started else []
    has_remarks = any(one.why for one in summary.endings.values())  # done, but the loss was nan, say
    message(f"{', '.join(counts)}.", "green" if summary.is_done and not has_remarks else None)
    for name, one in failed.items():
        message(f"  {name} {printable(str(one))}. Its log: {logs / name}.log", "red")
    if not summary.is_done and not summary.has_lost_folder:
        message(f"The same command again{', without --fresh,' if fresh else ''} goes on with what is not done.")
