"""Every path a sweep reads or writes, owned by one class. Nothing else in the launcher joins path parts.

Names of experiments and metrics reach file names unchanged, so each is looked at here once more, wherever it came from:
a `sweep.json` can name `../../x`, and no path may lead out of the two folders.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from launcher.errors import InputError
from launcher.store.files import create_beside
from launcher.store.names import NAME_RULE, is_metric, is_name
from launcher.text import inline

ANY = "<experiment>"  # in the place of a name where a plan shows which files there will be


def as_path(text: str) -> Path:
    """Return the path that text of a job file names: its bytes on disk are UTF-8, whatever the locale.

    Under `LC_ALL=C` with Python's UTF-8 mode off, Python by itself names only files whose names are ASCII.
    """
    return Path(os.fsdecode(text.encode("utf-8", "surrogateescape")))


@dataclass(frozen=True)
class Paths:
    """The files of one sweep under its two folders."""

    outcome: Path
    logs: Path

    def log(self, experiment: str) -> Path:
        """Return the log a person tails."""
        return self.logs / f"{_name(experiment)}.log"

    @property
    def prepare_log(self) -> Path:
        """Where the output of the target's `prepare` goes; no experiment can have this name."""
        return self.logs / "_prepare.log"

    @property
    def logs_note(self) -> Path:
        """The note that says which sweep's logs are in the folder of the logs."""
        return self.logs / ".origin.json"

    @property
    def records_folder(self) -> Path:
        """The folder of the record files."""
        return self.outcome / "records"

    def records(self, experiment: str) -> Path:
        """Return the append-only record file, the truth about an experiment."""
        return self.outcome / "records" / f"{_name(experiment)}.jsonl"

    def telemetry(self, experiment: str) -> Path:
        """Return the samples of what an experiment's processes and its device used."""
        return self.outcome / "telemetry" / f"{_name(experiment)}.jsonl"

    def checkpoints(self, experiment: str) -> Path:
        """Return the folder of an unfinished experiment's checkpoints."""
        return self.outcome / "checkpoints" / _name(experiment)

    @property
    def earliest(self) -> Path:
        """The folder of what experiments had left that were begun anew."""
        return self.outcome / "earlier"

    def earlier(self, number: int | str) -> Path:
        """Return the folder of what a launch has moved aside, the first, second, … that did."""
        return self.earliest / str(number)

    @property
    def sweep(self) -> Path:
        """What was planned, where and with which versions."""
        return self.outcome / "sweep.json"

    @property
    def events(self) -> Path:
        """What happened, one JSON object a line."""
        return self.outcome / "events.jsonl"

    @property
    def lock(self) -> Path:
        """The file whose kernel lock says that a launcher is at work here."""
        return self.outcome / ".lock"

    @property
    def requests(self) -> Path:
        """The folder of what other shells ask the launcher."""
        return self.outcome / "requests"

    @property
    def table_txt(self) -> Path:
        """The results table for reading."""
        return self.outcome / "results_table.txt"

    @property
    def table_csv(self) -> Path:
        """The results table for programs."""
        return self.outcome / "results_table.csv"

    @property
    def report_html(self) -> Path:
        """The report as one page that needs nothing else."""
        return self.outcome / "report.html"

    @property
    def report_md(self) -> Path:
        """The report as Markdown, beside the plots it shows."""
        return self.outcome / "report.md"

    def curve(self, metric: str, experiment: str) -> Path:
        """Return the plot of one metric of one experiment."""
        return self.outcome / f"{_metric(metric)}_curve_{_name(experiment)}.png"

    def curves(self, metric: str) -> Path:
        """Return the plot of one metric that compares all experiments."""
        return self.outcome / f"{_metric(metric)}_curves.png"

    def absolute(self) -> Paths:
        """Return the same files by paths that hold in any working directory."""
        return Paths(self.outcome.absolute(), self.logs.absolute())

    def own(self, metrics: Iterable[str]) -> set[Path]:
        """Return what lies directly in the outcome folder and is of the sweep as a whole: no experiment's artefacts."""
        folders = ("records", "telemetry", "checkpoints")
        files = (self.table_txt, self.table_csv, self.report_html, self.report_md, self.sweep, self.events, self.lock)
        own = {*files, self.requests, self.earliest, *(self.outcome / folder for folder in folders)}
        return own | {self.curves(metric) for metric in metrics}

    def create(self) -> None:
        """Make the folders, all or none.

        Raises:
            InputError: one of them cannot be made or written to.
        """
        folders = (self.outcome, self.outcome / "records", self.outcome / "telemetry", self.logs)
        problems = [f"cannot make the folder {folder}: {why}." for folder in folders if (why := _obstacle(folder))]
        if problems:
            raise InputError(
                [problems[0], "  Name others with outcome = and logs = in the job file, or --outcome, --logs."]
            )
        for folder in folders:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(f"cannot make the folder {folder}: {error.strerror}.") from error

    def remove_temporaries(self) -> None:
        """Remove what a killed launcher left half written beside its files; call with the folder's lock held."""
        for path in (*self.outcome.glob(".*.tmp"), *self.logs.glob(f".{self.logs_note.name}.*.tmp")):
            path.unlink(missing_ok=True)


def _name(experiment: str) -> str:
    """Return the name of an experiment for a file name.

    Raises:
        InputError: an experiment may not have it.
    """
    if experiment != ANY and not is_name(experiment):
        raise InputError(f'"{inline(experiment, 100)}" is no name of an experiment: such a name has {NAME_RULE}.')
    return experiment


def _metric(metric: str) -> str:
    if not is_metric(metric):
        raise InputError(f'"{inline(metric, 100)}" is no name of a metric. Such a name is like "loss".')
    return metric


def _obstacle(folder: Path) -> str:
    """Say why a folder could not be made or written to; nothing if it can."""
    try:
        nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    except (OSError, ValueError) as error:  # a name too long, or with a NUL
        return str(error)
    if not nearest.is_dir():
        return f"{nearest} is a file"
    return "" if os.access(nearest, os.W_OK | os.X_OK) else f"{nearest} is not writable by you"


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never half: beside, then renamed over.

    Raises:
        OSError: it could not be written; the old file is intact and nothing is left beside it.
    """
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    descriptor, beside = create_beside(path)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
