"""Follows a Markdown page as a reader would: writes its files, runs its commands, compares what they print.

A page stays plain Markdown. What its fenced blocks are follows from where they stand:

    a fence after a line with `train.py`: alone      the content of that file
    ```sh                                            commands, run by bash in one folder, one block after another
    ```python without a file name                    a script, run in that folder
    ```text after one of these                       what it prints, in essence: see `missing`

On a page with the comment `<!-- notebook -->` the ```python blocks are the cells of one notebook. IPython runs all of
them when the first is reached, and prints the last expression of each. Files and commands stand before the first cell.

What is only to be looked at is indented by four spaces. Called by tests/test_tutorial.py, and by hand:
`python -m docs.walkthrough docs/tutorial.md FOLDER [--write]` shows what every block really prints.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

NOTEBOOK = "<!-- notebook -->"
LIMIT_S = 240.0  # for a block; seconds are enough on an idle machine
EXIT_TIMEOUT = 124  # as timeout(1) has it
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
_FILE = re.compile(r"^`([\w./-]+)`:\s*\Z", re.M)


@dataclass(frozen=True)
class Step:
    """One thing a reader does: write a file, or run something and see what it prints."""

    line: int
    language: str
    text: str
    file: str = ""  # to be written; empty for what is run
    expected: str = ""
    span: tuple[int, int] = (0, 0)  # of `expected` in the page
    is_cell: bool = False  # of a notebook


@dataclass(frozen=True)
class Outcome:
    """What a block that is run has printed, stderr included, and how it ended."""

    step: Step
    code: int
    printed: str

    @property
    def problem(self) -> str:
        """What is not as the page says; empty if all is well."""
        lacking = "".join(f"\n  {line}" for line in missing(self.step.expected, self.printed))
        if self.code == 0 and not lacking:
            return ""
        what = f"line {self.step.line}: exit code {self.code}"
        return f"{what}{f', not printed:{lacking}' if lacking else ''}\n--- printed:\n{self.printed}"


def read(page: Path) -> list[Step]:
    """Return the steps of a page, in order.

    Raises:
        ValueError: a fenced block is neither a file, nor run, nor what one prints.
    """
    text = page.read_text(encoding="utf-8")
    steps: list[Step] = []
    for block in _FENCE.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        language, body = block[1], block[2]
        if file := _FILE.search(text[: block.start()]):
            steps.append(Step(line, language, body, file=file[1]))
        elif language in ("sh", "python"):
            steps.append(Step(line, language, body, is_cell=language == "python" and NOTEBOOK in text))
        elif language == "text" and steps and not steps[-1].file and not steps[-1].expected:
            steps[-1] = replace(steps[-1], expected=body, span=block.span(2))
        else:
            raise ValueError(f"{page}:{line}: this block has no file name before it, and nothing is run that prints it")
    return steps


def follow(page: Path, folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Outcome]:
    """Do the steps of a page in a folder, with this Python as `python`; yield the outcome of each that is run."""
    surroundings = dict(os.environ if environment is None else environment)
    with tempfile.TemporaryDirectory(prefix="walkthrough-") as commands:
        python = Path(commands) / "python"  # keeps its process id, for pages that kill what they start
        python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        python.chmod(0o755)
        surroundings["PATH"] = f"{commands}:{surroundings.get('PATH', os.defpath)}"
        yield from _follow(read(page), folder, surroundings)


def _follow(steps: Sequence[Step], folder: Path, surroundings: Mapping[str, str]) -> Iterator[Outcome]:
    cells = [step for step in steps if step.is_cell]
    for step in steps:
        if step.is_cell:
            if step is cells[0]:
                yield from _run_cells(cells, folder, surroundings)
            continue
        if step.file:
            path = folder / step.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step.text, encoding="utf-8")
            continue
        command = ["bash", "-euc"] if step.language == "sh" else ["python", "-c"]
        yield _run([*command, step.text], step, folder, surroundings)


def _run_cells(cells: Sequence[Step], folder: Path, surroundings: Mapping[str, str]) -> list[Outcome]:
    """Run the cells of a notebook in one session. A cell that was not reached has the exit code of the session."""
    session = ["python", str(Path(__file__).with_name("notebook_session.py"))]
    content = json.dumps([cell.text for cell in cells])
    whole = _run(session, cells[0], folder, surroundings, content)
    *parts, rest = re.split(r"^\0(\d+)\n", whole.printed, flags=re.M)
    outcomes = [
        Outcome(cell, int(code), printed) for cell, printed, code in zip(cells, parts[::2], parts[1::2], strict=False)
    ]
    return outcomes + [Outcome(cell, whole.code or 1, rest) for cell in cells[len(outcomes) :]]


def _run(
    command: Sequence[str], step: Step, folder: Path, surroundings: Mapping[str, str], content: str | None = None
) -> Outcome:
    """Run a block in a session of its own; nothing it starts outlives it. `content` is its stdin."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=surroundings,
        stdin=subprocess.DEVNULL if content is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate(content, timeout=LIMIT_S)
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        printed, code = process.communicate()[0] + f"(stopped after {LIMIT_S:.0f} s)", EXIT_TIMEOUT
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return Outcome(step, code, printed)


def missing(expected: str, printed: str) -> list[str]:
    """Return the expected lines that were not printed.

    Their order is free, since experiments run side by side; numbers and the width of spaces and rules may be others.
    `…` stands for anything within a line, and on a line of its own for any lines.
    """
    left = [_essence(line) for line in printed.splitlines()]
    lacking = []
    for line in (line for line in expected.splitlines() if line.strip(" …")):
        pattern = re.compile(".*".join(re.escape(_essence(part)) for part in line.split("…")))
        found = next((place for place, one in enumerate(left) if pattern.fullmatch(one)), None)
        if found is not None:
            del left[found]
        else:
            lacking.append(line)
    return lacking


def _essence(line: str) -> str:
    line = re.sub(r"\d+(?:[.,]\d+)*(?:e[+-]?\d+)?", "0", line)
    line = re.sub(r"\b0 ([a-z]+)s\b", r"0 \1", line)  # 1 step, 2 steps
    return re.sub(r"-{3,}", "---", re.sub(r"\s+", " ", line)).strip()


def main() -> None:
    """Follow a page in a folder and show what every block prints; with --write, correct the page by that."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # pages have characters that a terminal may lack
    page, folder = Path(sys.argv[1]), Path(sys.argv[2])
    wrong = []
    for outcome in follow(page, folder):
        print(f"$ {outcome.step.text.strip()}\n{outcome.printed.rstrip()}\n", flush=True)
        if outcome.problem:
            wrong.append(outcome)
            print(f"*** {page}:{outcome.problem}", flush=True)
    if "--write" in sys.argv[3:]:
        text = page.read_text(encoding="utf-8")
        for outcome in reversed([one for one in wrong if one.step.expected and one.code == 0]):
            start, end = outcome.step.span
            text = text[:start] + outcome.printed.rstrip() + "\n" + text[end:]
        page.write_text(text, encoding="utf-8")
    sys.exit(len(wrong))


if __name__ == "__main__":
    main()
