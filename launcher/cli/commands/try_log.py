"""`try-log`: what templates find in a file, and templates for the lines that look like metrics and match none.

    python -m launcher try-log jobs/gpt.toml logs/gpt/baseline.log     the templates of the job: sweep.log
    python -m launcher try-log train.log                               templates for this output

It reads files of text, event files and tables, and changes nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from launcher.cli.arguments import GroupedCommand
from launcher.errors import InputError
from launcher.terminal import output
from launcher.text import inline, number, plural, printable

if TYPE_CHECKING:
    from launcher.sources.trial import Tally, Trial

_PIECE_BYTES = 1 << 20
_LINE_WIDTH = 100  # characters of a line that are shown


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("try-log", cls=GroupedCommand)(try_log_command)


def try_log_command(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="[JOB] FILE",
            help="A job file, whose log is tried; and what a script has printed, or an event file.",
        ),
    ],
) -> None:
    """Try the templates of a job on a printed output: what each finds, and which lines look like metrics besides."""
    job, file = _job_and_file(files)
    log = _log_of(job) if job is not None else "auto"
    found = _lines_of_events(file)
    output.show("\n".join(printable(line, None) for line in (found if found is not None else _of_text(file, log))))


def _job_and_file(files: Sequence[Path]) -> tuple[Path | None, Path]:
    """Take the arguments apart.

    Raises:
        InputError: there are more than two, or the file does not exist.
    """
    if len(files) > 2:
        raise InputError("try-log takes a job file and an output: python -m launcher try-log JOB FILE")
    job, file = (None, files[0]) if len(files) == 1 else (files[0], files[1])
    if job is not None and file.suffix == ".toml" and job.suffix != ".toml":
        job, file = file, job
    if not file.is_file():
        what = "it is not a file" if file.exists() else "there is no such file"
        raise InputError(f"{inline(str(file))} cannot be read: {what}. try-log reads what a script has printed.")
    return job, file


def _log_of(job: Path) -> str | tuple[str, ...]:
    """Return `log` of a job: templates, "auto" or "json".

    Raises:
        InputError: the job file is wrong.
    """
    from launcher.planning.job import load

    return load(job).settings.log


def _lines_of_events(file: Path) -> list[str] | None:
    """Return what an event file or a table has, as lines; None for a file that is neither."""
    from launcher.sources.formats import format_of
    from launcher.sources.source import SourceSpec
    from launcher.sources.trial import Tally

    if "tfevents" not in file.name and file.suffix not in (".csv", ".jsonl", ".json"):
        return None
    path = os.path.realpath(file)
    form = format_of(SourceSpec(kind="events", path=path), 0, path, 0)
    tally = Tally()
    for piece in _pieces(file):
        tally.add_all(form.feed(piece))
    tally.add_all(form.finish())
    return [f"{file}:", *_of_tally(tally), *form.notes]


def _of_text(file: Path, log: str | Sequence[str]) -> Iterator[str]:
    """Yield the lines that say what is found in a text."""
    templates = () if isinstance(log, str) else log
    trial = _tried(file, templates)
    yield f"{file}: {plural(trial.num_lines, 'line')}"
    for text, tally in trial.tallies.items():
        yield from ("", f"  {_quoted(text)}", *(_of_tally(tally) if tally.num else [_nothing(trial, text)]))
    if trial.json.num and not templates:
        yield from ("", '  log = "json"', *_of_tally(trial.json))
    elif log == "json":
        yield from ("", '  log = "json"', "    finds nothing: no line is a JSON object with a number")
    yield from _of_suggestions(file, trial, templates)


def _of_suggestions(file: Path, trial: Trial, templates: Sequence[str]) -> Iterator[str]:
    suggested = trial.suggested()
    if not suggested:
        if not templates and not trial.json.num:
            yield "  No line looks like metrics: a name with a number, as in loss: 0.5."
        return
    rest = " and match no template" if templates else ""
    yield from ("", f"Lines that look like metrics{rest}:")
    tallies = _tried(file, [each.template for each in suggested]).tallies
    for each in suggested:
        shown = printable(each.line.decode(errors="replace").replace("\t", " "), _LINE_WIDTH)
        more = f", and {each.num - 1} more like it" if each.num > 1 else ""
        yield from ("", f"  line {each.line_number}{more}: {shown}", f"  {_quoted(each.template)}")
        yield from _of_tally(tallies[each.template])
    yield from ("", "To take them, write into [sweep], or take out what is not wanted:", "", "log = [")
    yield from (f"    {_quoted(text)}," for text in (*templates, *(each.template for each in suggested)))
    yield "]"


def _nothing(trial: Trial, text: str) -> str:
    """Say why a template finds nothing."""
    from launcher.sources.template import Template

    literal = Template(text).literal.decode()
    if text not in trial.literal_lines:
        return f"    finds nothing: {_quoted(literal)} stands in no line"
    line_number, line = trial.literal_lines[text]
    shown = printable(line.decode(errors="replace"), _LINE_WIDTH)
    return f"    finds nothing. {_quoted(literal)} stands in line {line_number}: {shown}"


def _of_tally(tally: Tally) -> Iterator[str]:
    if not tally.num:
        yield "    finds nothing"
        return
    steps = f"step {tally.first_step}" if tally.num == 1 else f"steps {tally.first_step} to {tally.last_step}"
    yield f"    finds {tally.num:,}: {steps}"
    width = max(map(len, tally.firsts), default=0)
    for name, (step, value) in tally.firsts.items():
        last_step, last = tally.lasts[name]
        later = f", {number(last)} at step {last_step}" if last_step != step else ""
        yield f"      {name:<{width}}  {number(value)} at step {step}{later}"


def _tried(file: Path, templates: Sequence[str]) -> Trial:
    from launcher.sources.lines import Lines
    from launcher.sources.trial import Trial

    trial, lines = Trial(templates), Lines()
    for piece in _pieces(file):
        trial.feed(lines.split(piece))
    trial.feed(lines.finish())
    return trial


def _pieces(file: Path) -> Iterator[bytes]:
    """Yield the bytes of a file.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with file.open("rb", buffering=0) as opened:
            while piece := opened.read(_PIECE_BYTES):
                yield piece
    except OSError as error:
        raise InputError(f"{inline(str(file))} cannot be read: {error.strerror}.") from error


def _quoted(text: str) -> str:
    """Return a text as a job file has it."""
    return json.dumps(text, ensure_ascii=False)
