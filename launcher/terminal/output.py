"""What a command prints when it is done: its result on stdout, as a table or JSON, and messages on stderr."""

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
    from launcher.store.paths import Paths


def show(text: str) -> None:
    """Print a result on stdout."""
    print(text, flush=True)


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    show(json.dumps(value, indent=1, default=str))


def print_table(path: Path) -> None:
    """Print the table in a file; on a terminal, only the columns that fit."""
    with contextlib.suppress(OSError):  # there is no table, or nobody reads our output any more
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


def print_summary(summary: Summary, paths: Paths, *, fresh: bool = False) -> None:
    """Print how a launch ended: how many experiments ended how, and each failure once more, as the last words."""
    from launcher.store.ending import EndingKind

    failed = {name: ending for name, ending in summary.endings.items() if ending.kind.is_failure}
    counts = [f"{len(summary.kept)} kept"] if summary.kept else []
    for kind in EndingKind:
        count = sum(ending.kind == kind for ending in summary.endings.values())
        counts += [f"{count} {kind}"] if count else []
    counts += [f"{len(summary.not_started)} not started"] if summary.not_started else []
    has_remarks = any(ending.why for ending in summary.endings.values())  # done, but the loss was nan, for example
    message(f"{', '.join(counts)}.", "green" if summary.is_done and not has_remarks else None)
    for name, ending in failed.items():
        message(f"  {name} {printable(str(ending))}. Its log: {paths.log(name)}", "red")
    if not summary.is_done and not summary.has_lost_folder:
        message(f"The same command again{', without --fresh,' if fresh else ''} goes on with what is not done.")
