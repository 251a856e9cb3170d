"""Knows whether the views of a sweep show what its files say now, without reading a record.

Each drawing notes the size and the time of every file that it read, and which views it wrote. The note lies beside the
views, in `.views.json`. A view is outdated if it is missing, or if a file that it shows has changed since.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launcher.errors import InputError
from launcher.store import values
from launcher.store.attempt_files import AttemptsOnCluster
from launcher.store.files import read
from launcher.store.manifest import read_manifest
from launcher.store.paths import Paths, write_atomic
from launcher.store.summary_file import WRONG

FORMAT = 1
Ingredients = dict[str, list[int]]  # experiment, or empty for files of the whole sweep → sizes and times of its files


def look_at(paths: Paths) -> Ingredients:
    """Return what identifies the content of every file that the views show.

    Raises:
        InputError: there is no sweep in the folder.
    """
    manifest = read_manifest(paths)
    if manifest is None:
        raise InputError(f"there is no sweep in {paths.outcome}: it has no {paths.sweep.name}.")
    found = {"": [*_look(paths.sweep), *_look(paths.events)]}
    cluster = AttemptsOnCluster(paths)
    for planned in manifest.experiments:
        own = cluster.paths(planned.name)
        found[planned.name] = [*_look(own.records(planned.name)), *_look(own.telemetry(planned.name))]
    return found


def mark_made(paths: Paths, ingredients: Ingredients, views: Mapping[Path, str]) -> None:
    """Note of what the views were made. `views`: each view, and the experiment that it shows; empty if it shows all.

    A note that cannot be written is no error: the views are then made again.
    """
    files = {path.name: experiment for path, experiment in views.items()}
    content = {"format": FORMAT, "made_from": ingredients, "views": files}
    with contextlib.suppress(OSError):
        write_atomic(paths.views_note, json.dumps(content))


def outdated(paths: Paths) -> list[Path]:
    """Return the views of a sweep that should be there, and are missing or older than what they show.

    Raises:
        InputError: there is no sweep in the folder.
    """
    now = look_at(paths)
    try:
        before, views = _parse(values.load(read(paths.views_note)))
    except (OSError, *WRONG):
        return [paths.table_txt, paths.table_csv, paths.report_html, paths.report_md]
    changed = {name for name in {*now, *before} if now.get(name) != before.get(name)}
    return [
        paths.outcome / name
        for name, experiment in views.items()
        if (experiment in changed if experiment else changed) or not (paths.outcome / name).is_file()
    ]


def _parse(content: Any) -> tuple[Ingredients, dict[str, str]]:
    """Return the ingredients and the views in a note.

    Raises:
        WRONG: the content is not that of a note.
    """
    if content["format"] != FORMAT:
        raise ValueError("written by another version")
    views = {name: values.text(experiment) for name, experiment in content["views"].items()}
    if any(os.sep in name or name.startswith(".") for name in views):
        raise ValueError("a view is outside of the folder")
    return dict(content["made_from"]), views


def _look(path: Path) -> list[int]:
    """Return size and time of a file; a list of two zeros if it is not there."""
    try:
        found = path.stat()
    except OSError:
        return [0, 0]
    return [found.st_size, found.st_mtime_ns]
