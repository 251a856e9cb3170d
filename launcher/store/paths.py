"""Every path that a sweep reads or writes.

Other modules name only the files inside `checkpoints/`, `requests/` and `earlier/`.

The names of experiments and metrics become parts of file names; of a metric `train/loss` the part is `train_loss`. A
`sweep.json` from another person may hold the name `../../x`, so `Paths` checks every name again: no path leads out of
the outcome folder and the folder of the logs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from launcher.errors import InputError
from launcher.store.files import MODE, create_beside
from launcher.store.names import METRIC_RULE, NAME_RULE, is_metric, is_name
from launcher.text import inline

PLOTS = ("png", "svg", "pdf")  # kinds of files that a plot can be written as
ANY = "<experiment>"  # stands for any name where a plan shows which files there will be


_LONGEST_KEY = 60  # characters of a key in the name of a plot
_NOT_IN_FILES = re.compile(r"[^A-Za-z0-9_.@+=-]+")


def as_path(text: str) -> Path:
    """Return the path that a text of a job file names. The name on disk is UTF-8 in every locale.

    `Path(text)` would fail for a name such as `Übung` under `LC_ALL=C` with Python's UTF-8 mode off.
    """
    return Path(os.fsdecode(text.encode("utf-8", "surrogateescape")))


@dataclass(frozen=True)
class PlotPaths:
    """The plots in an outcome folder. Their names have the names of metrics and experiments in them."""

    outcome: Path

    def curve(self, metric: str, experiment: str, kind: str = "png") -> Path:
        """Return the plot of a metric of an experiment. `kind` is one of `PLOTS`."""
        return self.outcome / f"{metric_part(metric)}_curve_{_name(experiment)}.{_plot(kind)}"

    def curves(self, metric: str, kind: str = "png") -> Path:
        """Return the plot that compares a metric of all experiments. `kind` is one of `PLOTS`."""
        return self.outcome / f"{metric_part(metric)}_curves.{_plot(kind)}"

    def by_axis(self, metric: str, kind: str = "png") -> Path:
        """Return the plot of a metric by the axes of the grid. `kind` is one of `PLOTS`."""
        return self.outcome / f"{metric_part(metric)}_by_axis.{_plot(kind)}"

    def parallel(self, metric: str, kind: str = "png") -> Path:
        """Return the plot of a metric beside all parameters of the sweep. `kind` is one of `PLOTS`."""
        return self.outcome / f"{metric_part(metric)}_parallel.{_plot(kind)}"

    def grouped(self, metric: str, key: str, kind: str = "png") -> Path:
        """Return the plot of a metric by the values of one key. `kind` is one of `PLOTS`."""
        part = re.sub(r"[^A-Za-z0-9_.-]", "-", key)[:_LONGEST_KEY]
        return self.outcome / f"{metric_part(metric)}_grouped_by_{part}.{_plot(kind)}"

    def of_metric(self, metric: str, kind: str = "png") -> list[Path]:
        """Return the plots of a metric that show the whole sweep. `kind` is one of `PLOTS`."""
        return [self.curves(metric, kind), self.by_axis(metric, kind), self.parallel(metric, kind)]


@dataclass(frozen=True)
class Paths(PlotPaths):
    """The files and folders of a sweep, in its outcome folder and in the folder of its logs.

    A method raises InputError if a name is not allowed for an experiment or a metric.

    `own_attempt`: records, telemetry and checkpoints are the own files of this attempt, as in `records/a@2.jsonl`. An
    attempt on a cluster has own files, because an attempt that was given up may live on and write. 0: the files are
    those of the experiment, as in `records/a.jsonl`, and one attempt after another writes them.
    """

    logs: Path
    own_attempt: int = 0

    def log(self, experiment: str) -> Path:
        """Return the text log of an experiment."""
        return self.logs / f"{_name(experiment)}.log"

    def rank_log(self, experiment: str, rank: int) -> Path:
        """Return the log of another process of an experiment than rank 0, whose output is in the experiment's log."""
        return self.logs / f"{_name(experiment)}.rank{rank}.log"

    def prepare_log(self, experiment: str) -> Path:
        """Return the log of the target's `prepare`; on a cluster that of an attempt, which is prepared on its node.

        No experiment has its name: such a name never begins with `_`.
        """
        return self.logs / (f"_prepare.{self._own(experiment)}.log" if self.own_attempt else "_prepare.log")

    @property
    def logs_note(self) -> Path:
        """The file that says which sweep the logs belong to."""
        return self.logs / ".origin.json"

    @property
    def records_folder(self) -> Path:
        """The folder of the record files."""
        return self.outcome / "records"

    def records(self, experiment: str) -> Path:
        """Return the record file of an experiment. It is only appended to, and every result is computed from it."""
        return self.outcome.joinpath("records", f"{self._own(experiment)}.jsonl")

    def summary(self, experiment: str) -> Path:
        """Return the file that keeps the summary of a long record file. It may be deleted at any time."""
        return self.outcome.joinpath("summaries", f"{_name(experiment)}.json")

    @property
    def telemetry_folder(self) -> Path:
        """The folder of the telemetry of all experiments."""
        return self.outcome / "telemetry"

    def telemetry(self, experiment: str) -> Path:
        """Return the telemetry file: samples of the use of CPU, memory and GPU by an experiment."""
        return self.outcome.joinpath("telemetry", f"{self._own(experiment)}.jsonl")

    @property
    def checkpoints_folder(self) -> Path:
        """The folder of the checkpoints of all experiments."""
        return self.outcome / "checkpoints"

    def checkpoints(self, experiment: str) -> Path:
        """Return the folder of an experiment's checkpoints. It is there while the experiment is unfinished."""
        return self.outcome.joinpath("checkpoints", self._own(experiment))

    def _own(self, experiment: str) -> str:
        """Return the stem of the files that belong to an experiment, or to an attempt of it."""
        return f"{_name(experiment)}@{self.own_attempt}" if self.own_attempt else _name(experiment)

    def run(self, experiment: str) -> Path:
        """Return the folder of an experiment that a command trains: what the command writes there is its own."""
        return self.outcome.joinpath("runs", _name(experiment))

    @property
    def earliest(self) -> Path:
        """The folder of files moved aside because their experiments were started again from the beginning."""
        return self.outcome / "earlier"

    def earlier(self, number: int | str) -> Path:
        """Return the folder of the files that a launch moved aside. 1 belongs to the first launch that moved files."""
        return self.earliest / str(number)

    @property
    def sweep(self) -> Path:
        """The manifest: the planned experiments, and where and with which versions they were launched."""
        return self.outcome / "sweep.json"

    @property
    def job(self) -> Path:
        """The job file that a launch writes of a sweep that was made in Python."""
        return self.outcome / "job.toml"

    @property
    def events(self) -> Path:
        """The events of the sweep, a JSON object a line."""
        return self.outcome / "events.jsonl"

    @property
    def lock(self) -> Path:
        """The lock file. A launcher that works in this folder holds its kernel lock."""
        return self.outcome / ".lock"

    @property
    def requests(self) -> Path:
        """The folder in which other commands, such as `launcher stop`, leave requests for the launcher."""
        return self.outcome / "requests"

    @property
    def table_txt(self) -> Path:
        """The results table as text for a person."""
        return self.outcome / "results_table.txt"

    @property
    def table_csv(self) -> Path:
        """The results table for programs: a row an experiment, or a configuration where there are several seeds."""
        return self.outcome / "results_table.csv"

    @property
    def runs_csv(self) -> Path:
        """The table for programs with a row an experiment, of a sweep with several seeds."""
        return self.outcome / "results_runs.csv"

    @property
    def report_html(self) -> Path:
        """The report as an HTML page that needs no other file."""
        return self.outcome / "report.html"

    @property
    def report_md(self) -> Path:
        """The report as Markdown. It refers to the plots, which lie beside it."""
        return self.outcome / "report.md"

    @property
    def views_note(self) -> Path:
        """The file that says of what the views were made."""
        return self.outcome / ".views.json"

    def absolute(self) -> Paths:
        """Return the same files by absolute paths, which are valid in any working directory."""
        return Paths(self.outcome.absolute(), self.logs.absolute(), self.own_attempt)

    def of_attempt(self, attempt: int) -> Paths:
        """Return the same paths, with the own files of an attempt on a cluster; 0: with the files of the experiment."""
        return Paths(self.outcome, self.logs, attempt)

    def own(self, metrics: Iterable[str]) -> set[Path]:
        """Return the files and folders in the outcome folder that belong to the whole sweep, not to an experiment.

        `metrics`: the metrics that have plots, of any kind.
        """
        folders = ("records", "telemetry", "checkpoints", "summaries", "attempts", "beats")
        files = (
            self.table_txt,
            self.table_csv,
            self.runs_csv,
            self.report_html,
            self.report_md,
            self.sweep,
            self.events,
            self.lock,
            self.views_note,
            self.job,
        )
        own = {
            *files,
            self.requests,
            self.earliest,
            *(self.outcome / folder for folder in folders),
        }
        return own | {path for metric in metrics for kind in PLOTS for path in self.of_metric(metric, kind)}

    def create(self) -> None:
        """Create the folders. All are checked first, so normally either all are created or none.

        Raises:
            InputError: a folder cannot be created or written to.
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
        """Remove the temporary files that a killed launcher left. The caller holds the lock of the folder."""
        for path in (*self.outcome.glob(".*.tmp"), *self.logs.glob(f".{self.logs_note.name}.*.tmp")):
            path.unlink(missing_ok=True)


def _name(experiment: str) -> str:
    """Return the name of an experiment unchanged.

    Raises:
        InputError: an experiment may not have this name.
    """
    if experiment != ANY and not is_name(experiment):
        raise InputError(f'"{inline(experiment, 100)}" is no name of an experiment: such a name has {NAME_RULE}.')
    return experiment


def metric_part(metric: str) -> str:
    """Return a metric's name as a part of file names, in ASCII: `train_loss`. It has no slash, blank or bracket.

    Names of which other letters are lost, such as `損失`, get four hexadecimal digits: `metric-5f0b`.

    Raises:
        InputError: a metric may not have this name.
    """
    if not is_metric(metric):
        raise InputError(f'"{inline(metric, 100)}" is no name of a metric: such a name has {METRIC_RULE}.')
    part = _NOT_IN_FILES.sub("_", metric.replace("/", "_"))
    if metric.isascii():
        return part
    import hashlib  # not at the top: few names need it

    return f"{part.strip('_') or 'metric'}-{hashlib.sha256(metric.encode()).hexdigest()[:4]}"


def _plot(kind: str) -> str:
    assert kind in PLOTS, f"there are plots as {', '.join(PLOTS)}, not as {kind}"
    return kind


def _obstacle(folder: Path) -> str:
    """Return why a folder cannot be created or written to; empty if it can."""
    try:
        nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    except (OSError, ValueError) as error:  # a name too long, or with a NUL
        return str(error)
    if not nearest.is_dir():
        return f"{nearest} is a file"
    return "" if os.access(nearest, os.W_OK | os.X_OK) else f"{nearest} is not writable by you"


def write_atomic(path: Path, content: str | bytes, mode: int = MODE) -> None:
    """Write a file so that a reader sees either the old content or the new content, never a part.

    The content is first written to a temporary file in the same folder, which then replaces the file.
    `mode`: of the file, less the bits of the umask.

    Raises:
        OSError: the file could not be written. The old file is unchanged, and the temporary file is removed.
    """
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    descriptor, beside = create_beside(path, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
