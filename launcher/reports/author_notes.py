"""The words of a person about a sweep, from the Markdown file beside its job file, `jobs/report.md` for `report.toml`.

The launcher knows nothing of models and data; who wrote the job does. The file is optional, and so is each part of it:

    # Title                    the report's title
    ## Model                   text for section 1
    ## Parameters              a list, "- `n_heads`: what it is": these keys are the model's, with a note each
    ## Dataset                 text for section 2
    ## Training                text for section 3
    ## Experiments             a list, "- `lr_1e-3`: what it tries": the descriptions in the table of experiments
    ## Observations            text for section 4, as is any other heading

`${key}` stands for the value of a configuration key or recorded fact of the reference experiment, `${a * b}` and
`${a // b}` for those of two, so that the text does not go stale when the job changes. What is unknown stays as it is.
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
class Prose:
    """The parts of the file; empty where it has none."""

    title: str = ""
    text: dict[str, str] = field(default_factory=dict)  # by section, those of SECTIONS that are there
    notes: dict[str, str] = field(default_factory=dict)  # by configuration key
    descriptions: dict[str, str] = field(default_factory=dict)  # by experiment


def find(document: Manifest) -> Path | None:
    """Return the file beside the job file, where that was launched from or else seen from here.

    Only beside a job file that is there: a `sweep.json` of somebody else cannot have any text put into a report.
    """
    job = Path(document.job_file)
    for place in (Path(document.launch.get("cwd", ".")) / job, job):
        with contextlib.suppress(OSError, ValueError):  # ValueError: a name with a NUL, or none
            if place.is_file() and (beside := place.with_suffix(".md")).is_file():
                return beside.resolve()
    return None


def read(document: Manifest, values: Mapping[str, Any]) -> Prose:
    """Return the words about a sweep, with values put in; empty if there is no file.

    Raises:
        OSError: there is a file and it cannot be read.
    """
    path = find(document)
    if path is None:
        return Prose()
    return parse(files.read(path, LIMIT_BYTES).decode("utf-8-sig", "backslashreplace"), values)


def parse(content: str, values: Mapping[str, Any]) -> Prose:
    """Take the parts of the file apart."""
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
    return Prose(title, text, lists["Parameters"], lists["Experiments"])


def _items(lines: list[str]) -> dict[str, str]:
    """Return a list of "- `name`: words" by name; a line that begins with a space goes on with the one before."""
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
    """Put values in for `${key}`; whole numbers from 10,000 get separators."""

    def _value(match: re.Match[str]) -> str:
        left, operator, right = match.groups()
        if left not in values or (operator and right not in values):
            return match[0]
        if not operator:
            return _text(values[left])
        one, other = values[left], values[right]
        if not (isinstance(one, int) and isinstance(other, int)) or (operator == "//" and other == 0):
            return match[0]
        return _text(one * other if operator == "*" else one // other)

    return _VALUE.sub(_value, content)


def _text(value: Any) -> str:
    """Return a value as text that is no markup: a recorded fact is not the words' author's."""
    return f"{value:,}" if type(value) is int and abs(value) >= 10_000 else html.escape(str(value), quote=False)
