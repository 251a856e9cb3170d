"""What the author of a job wrote about it, in the Markdown file beside the job file: `report.md` beside `report.toml`.

The launcher knows nothing of models and data. The author of the job does. The file is optional, and so is each part:

    # Title                    the report's title
    ## Model                   text for section 1
    ## Parameters              a list, "- `n_heads`: what it is": these keys are the model's, with a note each
    ## Dataset                 text for section 2
    ## Training                text for section 3
    ## Experiments             a list, "- `lr_1e-3`: what it tries": the descriptions in the table of experiments
    ## Observations            text for section 4, as is any other heading

`${key}` stands for the value of a configuration key or of a recorded fact of the reference experiment; `${a * b}` and
`${a // b}` are computed from two such values. So the text stays true when the job changes. Unknown keys stay.
"""

from __future__ import annotations

import contextlib
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from launcher.store import files
from launcher.store.manifest import Manifest

SECTIONS = ("Model", "Parameters", "Dataset", "Training", "Experiments", "Observations")
LIMIT_BYTES = 1 << 20
_ITEM = re.compile(r"[-*]\s+`([^`]+)`\s*:\s*(.*)")
_VALUE = re.compile(r"\$\{(\w+)(?:\s*(\*|//)\s*(\w+))?\}")


@dataclass(frozen=True)
class AuthorNotes:
    """The parts of the file; empty where it has none."""

    title: str = ""
    text: dict[str, str] = field(default_factory=dict)  # by section of SECTIONS
    parameters: dict[str, str] = field(default_factory=dict)  # a note by configuration key
    descriptions: dict[str, str] = field(default_factory=dict)  # by experiment


def find(manifest: Manifest) -> Path | None:
    """Return the notes beside the job file: seen from the folder of the launch, or else from the current folder.

    The job file itself must be there too, so that the `sweep.json` of somebody else cannot put any text into a report.
    """
    job = Path(manifest.job_file)
    for place in (Path(manifest.launch.cwd or ".") / job, job):
        with contextlib.suppress(OSError, ValueError):  # ValueError: a name with a NUL, or none
            if place.is_file() and (beside := place.with_suffix(".md")).is_file():
                return beside.resolve()
    return None


def read(manifest: Manifest, values: Mapping[str, Any]) -> AuthorNotes:
    """Return the notes about a sweep, with values put in; empty if there is no file.

    Raises:
        OSError: there is a file and it cannot be read.
    """
    path = find(manifest)
    if path is None:
        return AuthorNotes()
    return parse(files.read(path, LIMIT_BYTES).decode("utf-8-sig", "backslashreplace"), values)


def parse(content: str, values: Mapping[str, Any]) -> AuthorNotes:
    """Return the parts of a file, given its content, with values put in."""
    title, section = "", "Model"
    parts: dict[str, list[str]] = {}
    for line in fill(content, values).splitlines():
        if line.startswith("# "):
            title = line[2:].strip()
        elif line.startswith("## "):
            section = line[3:].strip()
            if section not in SECTIONS:
                section = "Observations"
                parts.setdefault(section, []).append(f"#{line}\n")
        else:
            parts.setdefault(section, []).append(line)
    lists = {name: _items(parts.pop(name, [])) for name in ("Parameters", "Experiments")}
    text = {name: joined for name, lines in parts.items() if (joined := "\n".join(lines).strip())}
    return AuthorNotes(title, text, lists["Parameters"], lists["Experiments"])


def _items(lines: list[str]) -> dict[str, str]:
    """Return the words of a list of "- `name`: words", by name. A line that begins with a space continues an item."""
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        if item := _ITEM.match(line):
            name = item[1]
            found[name] = item[2].strip()
        elif name and line[:1].isspace():
            found[name] += f" {line.strip()}"
    return found


def fill(content: str, values: Mapping[str, Any]) -> str:
    """Return the content with values in the place of `${key}`; whole numbers from 10,000 on have separators."""

    def _value(match: re.Match[str]) -> str:
        left, operator, right = match.groups()
        if left not in values or (operator and right not in values):
            return match[0]
        if not operator:
            return _text(values[left])
        first, second = values[left], values[right]
        if not (isinstance(first, int) and isinstance(second, int)) or (operator == "//" and second == 0):
            return match[0]
        return _text(first * second if operator == "*" else first // second)

    return _VALUE.sub(_value, content)


def _text(value: Any) -> str:
    """Return a value as text that is no markup: the author of the notes has not written the recorded facts."""
    return f"{value:,}" if type(value) is int and abs(value) >= 10_000 else html.escape(str(value), quote=False)
