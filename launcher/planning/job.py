"""Reads a job file (TOML) into a `Sweep`, and checks names and the [sweep] table. `resolve` checks the configurations.

All problems of a file are raised together, each with its line. A sweep that is made in Python passes through the same
checks: it is written as a job file and read again.
"""

from __future__ import annotations

import codecs
import json
import math
import re
import shlex
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from launcher.clusters.settings import ClusterSettings
from launcher.command.resume import read_resume
from launcher.config import redact
from launcher.config.nested import dotted
from launcher.config.notation import NONE, misspelt, read
from launcher.errors import InputError
from launcher.planning.cluster_table import read_cluster
from launcher.planning.defaults import PRELOAD, modules_to_preload
from launcher.planning.expansion import Cell
from launcher.planning.generate import generate
from launcher.planning.job_text import job_text, public_text
from launcher.planning.metrics import as_recorded, file_problems, read_metrics, rule_problems
from launcher.planning.missing_job import missing_job
from launcher.planning.program_settings import ProgramSettings, program_problems, program_slip
from launcher.planning.python_target import folder_of, spec_of
from launcher.planning.rank_logs import rank_log_problems
from launcher.planning.seeds import kind_problem
from launcher.planning.settings_check import check_settings
from launcher.planning.source_lines import SourceLines
from launcher.store import files
from launcher.store.names import NAME, NAME_RULE
from launcher.store.paths import as_path
from launcher.text import did_you_mean, inline

_LIMIT_BYTES = 64 << 20
_PLAIN = re.compile(r"[\w@%+=:,./{}-]+")  # a word that needs no quotes, but for placeholders
TABLES = ("sweep", "config", "experiments", "grid", "cluster")


@dataclass(frozen=True, kw_only=True)
class SweepSettings(ProgramSettings):
    """The keys of the [sweep] table of a job file. `make docs` takes their meanings from here and `ProgramSettings`:

    name: the name of the sweep; by default the name of the job file.
    outcome: the folder of tables, plots and records; by default `outcome/NAME`. `outcome` and `logs` are relative to
        the working directory, not to the job file.
    logs: the folder of logs; by default `logs/NAME`.
    metrics: the metrics to draw as curves. `on_nan` watches the first. An entry is a name such as `"loss"` or
        `"train/loss"`, or a table such as `{ name = "loss", unit = "nats per token", scale = "log" }`: the unit stands
        at the axis, and the scale is `"linear"`, `"log"` or `"auto"`, which decides by the values.
    maximize: the metrics of which a larger value is better.
    plots: the kinds of files of each plot: `"png"`, `"svg"`, `"pdf"`.
    x: what the plots that compare experiments are drawn over, a panel each: `"step"`, `"tokens"`, `"time"` of training,
        `"share"` of the training. A panel is left out where an experiment does not tell it.
    seed: the value of `run.seed`, with which your random generators start.
    seeds: several seeds for each configuration: a number, as in `5` for `seed` and the four after it, or a list. Each
        is an experiment of its own, and tables compare the configurations over their seeds.
    leave_out: cells of [grid] that are not trained, as in `[{ lr = 2e-3, batch_size = 16 }]`: each that has all values
        a table.
    threads: the number of CPU threads of a worker; by default the cores are divided among the slots. On a CPU, the same
        bits need the same number of threads.
    elastic_threads: on CPU slots, the last experiments use the cores of those that have ended. Their numbers are then
        no longer the same bit for bit.
    grace_s: seconds from asking a worker to stop until it is killed.
    checkpoint_s: seconds between checkpoints: how often `run.should_save` is true.
    retries: how often a failed experiment is tried again within a launch.
    on_nan: `"stop"` ends an experiment as `diverged` when the first of `metrics` is no longer finite.
    stall_after_s: after so many seconds without a record, a message says whether the worker looks slow or dead.
    kill_after_s: after so many seconds without a record, a worker's stacks are written into its log and it is killed;
        by default never. Of a command, what it prints counts as a record.
    telemetry_s: seconds between samples of CPU, memory and GPU use, at least 0.1; 0 for none.
    slots_per_device: how many experiments share a GPU in a parallel launch. A CPU slot is not shared.
    gpus: how many devices an experiment trains on, a process each. Every process finds its number in `RANK`, as under
        torchrun. Without GPUs these are CPU slots.
    gpu_memory_gb: the GPU memory that an experiment needs, in GiB as nvidia-smi counts; by default what was measured of
        earlier attempts. An experiment that does not fit waits.
    on_oom: what happens after out of memory. `"retry"`: the experiment is tried once more later, alone on its device.
        `"halve_batch"`: the same, with half the `batch_size` and twice the `accumulation`; the results table names the
        change. `"fail"`: nothing.
    fail_fast: after the first failure nothing more is started; the running experiments save and end.
    parallel: the same as `--parallel`: one experiment a device, on all devices at the same time.
    preload: the modules that the fork server imports before it forks workers; `[]` for a target without torch. With
        several `gpus`, the default leaves `torch._dynamo` out.
    """

    name: str = ""
    outcome: str = ""
    logs: str = ""
    metrics: tuple[str, ...] = ("loss",)
    maximize: tuple[str, ...] = ()
    plots: tuple[Literal["png", "svg", "pdf"], ...] = ("png",)
    x: tuple[Literal["step", "tokens", "time", "share"], ...] = ("step", "tokens")
    seed: int = 0
    seeds: int | tuple[int, ...] | None = None
    leave_out: tuple[dict[str, Any], ...] = ()
    threads: int | None = None
    elastic_threads: bool = False
    grace_s: float = 30.0
    checkpoint_s: float = 60.0
    retries: int = 0
    fail_fast: bool = False
    parallel: bool = False
    on_nan: Literal["stop", "continue"] = "continue"
    stall_after_s: float = 300.0
    kill_after_s: float | None = None
    telemetry_s: float = 2.0  # between samples; 0: none
    slots_per_device: int = 1
    gpus: int = 1  # that an experiment trains on
    gpu_memory_gb: float | None = None  # as nvidia-smi counts: 2**30 bytes
    on_oom: Literal["retry", "fail", "halve_batch"] = "retry"
    preload: tuple[str, ...] = PRELOAD

    def __post_init__(self) -> None:
        wrong = program_problems(self)
        if self.command and self.elastic_threads:
            wrong.append("elastic_threads is for a job with a target: a script has its threads from its start on")
        if self.name and not NAME.fullmatch(self.name):
            wrong.append(f"name has {NAME_RULE}")
        wrong += rule_problems((*self.metrics, *self.maximize))
        if not self.x:
            wrong.append('x names at least one quantity, as in ["step", "time"]')
        if not self.plots:
            wrong.append('plots names at least one kind of file, as in ["png", "pdf"]')
        if not 0 <= self.seed < 2**63:
            wrong.append(f"seed is a whole number from 0 to 2**63 - 1, not {self.seed}")
        if self.threads is not None and not 1 <= self.threads <= 1024:
            wrong.append(f"threads is a whole number from 1 to 1024, not {self.threads}")
        for key in ("grace_s", "checkpoint_s", "stall_after_s", "kill_after_s", "telemetry_s"):
            if (value := getattr(self, key)) is not None and not 0 <= value < math.inf:
                wrong.append(f"{key} is a number of seconds from 0, not {value}")
        if 0 < self.telemetry_s < 0.1:  # the kernel counts CPU time in hundredths of a second
            wrong.append(f"telemetry_s is 0 (no telemetry) or a number of seconds from 0.1, not {self.telemetry_s}")
        if not 0 <= self.retries <= 1000:
            wrong.append(f"retries is a whole number from 0 to 1000, not {self.retries}")
        if not 1 <= self.slots_per_device <= 64:
            wrong.append(f"slots_per_device is a whole number from 1 to 64, not {self.slots_per_device}")
        if not 1 <= self.gpus <= 64:
            wrong.append(f"gpus is a whole number from 1 to 64, not {self.gpus}")
        if self.gpus > 1 and self.slots_per_device > 1:
            wrong.append("gpus and slots_per_device exclude each other: an experiment on several GPUs shares none")
        if self.gpus > 1 and self.elastic_threads:
            wrong.append("gpus and elastic_threads exclude each other: each process keeps its number of threads")
        if self.gpu_memory_gb is not None and not 0 < self.gpu_memory_gb < math.inf:
            wrong.append(f"gpu_memory_gb is a number above 0, not {self.gpu_memory_gb}")
        if self.on_nan == "stop" and not self.metrics:
            wrong.append('on_nan = "stop" needs metrics: the first of them is watched')
        if wrong:
            raise ValueError("; ".join(wrong))

    @property
    def modules_to_preload(self) -> tuple[str, ...]:
        """The modules that the fork server imports."""
        return modules_to_preload(
            self.preload, has_command=bool(self.command), is_inside=self.inside, num_gpus=self.gpus
        )


@dataclass(frozen=True)
class Sweep:
    """A job file and the options that change it: settings, shared configuration, and overrides of each experiment."""

    job_file: Path
    settings: SweepSettings
    config: dict[str, Any]
    experiments: dict[str, dict[str, Any]]
    source_lines: SourceLines
    cli_overrides: dict[str, Any] = field(default_factory=dict)  # by -S; `config` has them already
    only: frozenset[str] | None = None  # the names selected by --only and --skip; None: all
    folders: dict[str, str] = field(default_factory=dict)  # by --outcome and --logs; `settings` has them already
    adopts: bool = False  # by --adopt: it takes over the folders of another job file of its name
    metric_details: dict[str, dict[str, str]] = field(default_factory=dict)  # unit and scale, by metric
    text: str = ""  # of the job file, if a launch is to write it, as the sweep was made in Python
    cells: dict[str, Cell] = field(default_factory=dict)  # by name, of the experiments of a grid or of several seeds
    axes: dict[str, list[Any]] = field(default_factory=dict)  # of the grid: the values or labels on each, in order
    written: dict[str, Any] = field(default_factory=dict)  # the tables of the job file
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    module_folder: Path | None = None  # in which the target's module is searched first; None: that of the job file

    @classmethod
    def make(
        cls,
        *,
        target: str | Callable[..., Any] = "",
        experiments: Mapping[str, Mapping[str, Any]] | None = None,
        config: Mapping[str, Any] | None = None,
        grid: Mapping[str, Any] | None = None,
        cluster: Mapping[str, Any] | None = None,
        adopt: bool = False,
        **settings: Any,
    ) -> Sweep:
        """Make a sweep without a job file.

            sweep = Sweep.make(target="train:run", config={"lr": 0.1}, experiments={"a": {}, "b": {"width": 128}})

        The other arguments are the keys of a job file's [sweep] table, such as `metrics=["loss"]` or `retries=1`. A
        launch writes the job file that says the same, `job.toml` in the outcome folder, so that `status`, `report` and
        the other commands can be typed for it.

        Args:
            target: "module:function", or a function of a module that a worker can import. A sweep with a
                `command=["{python}", "train.py", "{args}"]` has none.
            experiments: the overrides of each experiment, by name. Only a sweep with a grid can do without.
            grid: the axes, as in the [grid] table of a job file: `{"lr": [0.1, 0.2]}`.
            config: the configuration that all experiments share.
            cluster: what an experiment needs on a cluster, as in the [cluster] table of a job file.
            adopt: whether to take over folders that belong to another sweep of this name.

        Raises:
            InputError: something is wrong, as in a job file; all problems are listed. Or a worker cannot import the
                target.
        """
        spec = spec_of(target) if target else ""
        given = {"target": spec, "name": spec.partition(":")[0].rpartition(".")[2]} if target else {}
        given |= settings
        tables = {"sweep": given, "config": config or {}, "experiments": experiments or {}, "grid": grid or {}}
        tables["cluster"] = cluster or {}
        made = _parse(job_text(tables), Path("job.toml"), is_file=False)
        file, folder = made.outcome / "job.toml", folder_of(spec) if target else Path()
        text = public_text(tables, folder)
        return replace(made, job_file=file, module_folder=folder, adopts=adopt, text=text)

    def cell(self, name: str) -> Cell:
        """Where an experiment comes from. Without a grid or several seeds it is a configuration of its own."""
        return self.cells.get(name) or Cell(name, self.settings.seed, name)

    @property
    def is_maximize_given(self) -> bool:
        """Whether the job file says of which metrics a larger value is better, be it of none."""
        return bool(self.settings.maximize) or self.source_lines.has("sweep", "maximize")

    @property
    def trains(self) -> str:
        """What trains an experiment, for a person: the target as "module:function", or the command without secrets."""
        shown = redact.words(self.settings.command)
        words = (word if _PLAIN.fullmatch(word) else shlex.quote(word) for word in shown)
        return self.settings.target or " ".join(words).replace("{python}", "python")

    @property
    def target_folder(self) -> Path:
        """The folder in which the target's module is searched first."""
        return self.job_file.parent if self.module_folder is None else self.module_folder

    @property
    def name(self) -> str:
        """The sweep's name; by default the job file's."""
        return self.settings.name or self.job_file.stem

    @property
    def outcome(self) -> Path:
        """The folder of tables, plots and records, relative to the working directory."""
        return as_path(self.settings.outcome or f"outcome/{self.name}")

    @property
    def logs(self) -> Path:
        """The folder of the logs, relative to the working directory."""
        return as_path(self.settings.logs or f"logs/{self.name}")


def load(job_file: str | Path) -> Sweep:
    """Read a job file.

    Raises:
        InputError: it does not exist, is not TOML, or has wrong keys or names; every problem is listed.
    """
    file = Path(job_file)
    return _parse(_read(file), file)


def _parse(text: str, file: Path, *, is_file: bool = True) -> Sweep:
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{file}: this is not TOML: {error}.{_null_hint(text, str(error))}") from error
    lines = SourceLines(file if is_file else None, text)
    problems = [
        f"{lines.where(table)}{inline(table)} is not a table of a job file.{did_you_mean(table, TABLES)}\n"
        f"  Tables: {', '.join(TABLES)}"
        for table in tables
        if table not in TABLES
    ]
    sections: dict[str, dict[str, Any]] = {}
    for table in TABLES:
        section = tables.get(table, {})
        if not isinstance(section, dict):
            problems.append(f"{lines.where(table)}{table} is a table: write [{table}] on a line of its own.")
            section = {}
        sections[table] = section
    settings, details, wrong = _settings(sections["sweep"], lines)
    problems += wrong + _name_problems(sections["experiments"], lines, has_grid=bool(sections["grid"]))
    cluster, wrong = read_cluster(sections["cluster"], settings.gpus if settings else None, lines)
    problems += wrong
    problems += [
        f"{lines.where(*path)}{dotted(path)} is {json.dumps(text)}: None is written {json.dumps(NONE)}."
        for path, text in misspelt(sections)
    ]
    if problems:
        raise InputError(problems)
    made = generate(sections, settings.seed, settings.seeds, settings.leave_out, lines)
    problems = [*made.problems] or file_problems(settings.metrics, made.experiments, lines)
    problems += rank_log_problems(made.experiments, settings.gpus, lines)
    if problems:
        raise InputError(problems)
    config = read(sections["config"])
    sweep = Sweep(file, settings, config, made.experiments, lines, metric_details=details, written=sections)
    return replace(sweep, cells=made.cells, axes=made.axes, cluster=cluster)


def _settings(table: dict[str, Any], lines: SourceLines) -> tuple[Any, dict[str, dict[str, str]], list[str]]:
    """Return the settings in the [sweep] table, unit and scale of metrics, and what is wrong."""
    given = read(table)
    details: dict[str, dict[str, str]] = {}
    problems: list[str] = []
    if "metrics" in given:
        given["metrics"], details, problems = read_metrics(given["metrics"], lines)
    if "seeds" in given and (problem := kind_problem(given["seeds"])):
        problems = [*problems, f"{lines.where('sweep', 'seeds')}sweep.{problem}."]
        del given["seeds"]
    if "command" in given:
        details = as_recorded(given, details)
    if "resume" in given:
        resume, wrong = read_resume(given["resume"])
        problems += [f"{lines.where('sweep', 'resume')}sweep.{problem}." for problem in wrong]
        given["resume"] = {"glob": resume.glob, "args": list(resume.args)}
    if slip := program_slip(given):
        key = "command" if "command" in given else "target"
        return None, details, [*problems, f"{lines.where('sweep', key)}sweep.{slip}."]
    settings, wrong = check_settings(SweepSettings, "sweep", given, lines)
    return settings, details, [*problems, *wrong]


def _null_hint(text: str, error: str) -> str:
    """Return a hint at how None is written, if the error is at a word such as null; otherwise an empty text."""
    place = re.search(r"\(at line (\d+), column (\d+)\)", error)
    line = text.splitlines()[int(place[1]) - 1] if place and int(place[1]) <= len(text.splitlines()) else ""
    word = re.match(r"(none|null|nil|undefined)\b", line[int(place[2]) - 1 :], re.IGNORECASE) if place else None
    return f"\n  TOML has no {word[1]}. For no value write {json.dumps(NONE)}, with the quotes." if word else ""


def _read(file: Path) -> str:
    try:
        return _text(files.read(file.resolve(), _LIMIT_BYTES), file)
    except FileNotFoundError as error:
        if file.is_symlink():
            leads_to = inline(str(file.readlink()))
            raise InputError(
                f"the job file {inline(str(file))} is a link to {leads_to}, which is not there."
            ) from error
        raise InputError(missing_job(file)) from error
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of links
        why = (isinstance(error, OSError) and error.strerror) or error
        raise InputError(f"cannot read the job file {inline(str(file))}: {why}.") from error


def _text(content: bytes, file: Path) -> str:
    """Return the text of a job file, without the byte order mark that some editors write first."""
    is_utf_16 = content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or b"\0" in content[:4]
    try:
        if not is_utf_16:
            return content.decode("utf-8-sig")
        what, encoding = "it looks like UTF-16", "UTF-16"
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what, encoding = f"line {line} has the byte 0x{content[error.start]:02x}, which is no UTF-8", "LATIN1"
    name = inline(str(file))
    raise InputError(
        f"cannot read the job file {name}: {what}.\n  Save it as UTF-8 in your editor, or type: "
        f"iconv -f {encoding} -t UTF-8 {shlex.quote(name)} -o new.toml"
    )


def _name_problems(experiments: dict[str, Any], lines: SourceLines, *, has_grid: bool) -> list[str]:
    problems = []
    if not experiments and not has_grid:
        problems.append(f"{lines.where('experiments')}[experiments] names none. Write at least one: baseline = {{}}")
    seen: dict[str, str] = {}
    for name, overrides in experiments.items():
        where = lines.where("experiments", name)
        if not NAME.fullmatch(name):
            problems.append(f'{where}the experiment name "{inline(name, 100)}" is not allowed: it has {NAME_RULE}.')
        elif (other := seen.setdefault(name.casefold(), name)) is not name:
            problems.append(
                f'{where}the experiments "{other}" and "{name}" differ only in case: one file name for both.'
            )
        if not isinstance(overrides, dict):
            problems.append(f"{where}experiments.{inline(name, 100)} is a table of overrides, as in {{ lr = 1e-3 }}.")
    return problems
